"""One token: all its facts, and how it came to be, step by step."""

from __future__ import annotations

from playground.core.token_types import Derivation, Family, Flag, Part, Reading, Step
from playground.views.html import Child, Html, el

MOST_STEPS = 80  # of a very long piece the steps in the middle are left out
MOST_CONSIDERED = 200
WORDS = {
    Flag.SPECIAL: "a control token",
    Flag.UNKNOWN: "unknown: stands for what the vocabulary does not have",
    Flag.CONTINUES: "continues the word before it",
    Flag.SPLIT: "begins or ends inside a character",
    Flag.SHARED: "stands, with the token beside it, for the same stretch",
}


def visible(text: str) -> str:
    """Blanks, tabs and line breaks as signs."""
    return text.replace(" ", "␣").replace("\u00a0", "⍽").replace("\t", "⇥").replace("\r", "␍").replace("\n", "⏎")


def surface(piece: bytes) -> str | None:
    """The bytes as text, or None where they are no whole characters."""
    try:
        return piece.decode("utf-8")
    except UnicodeDecodeError:
        return None


def facts(reading: Reading, place: int) -> Html:
    number = int(reading.ids[place])
    start, end = (int(byte) for byte in reading.spans[place])
    whole = reading.bytes
    piece = whole[start:end]
    text = surface(piece)
    first = len(whole[:start].decode("utf-8", errors="ignore"))
    last = first + len(piece.decode("utf-8", errors="replace")) if text is None else first + len(text)
    flags = Flag(int(reading.flags[place]))
    said = [words for flag, words in WORDS.items() if flag in flags] or ["an ordinary token"]
    rows: list[tuple[str, Child]] = [
        ("Tokenizer", f"{reading.ref.title} ({reading.family.value})"),
        ("Token", f"{place + 1:,} of {len(reading):,}"),
        ("Id", "none" if number < 0 else el("b", str(number), cls="pg-tok-mono")),
        (
            "In the vocabulary",
            None if number < 0 else el("bdi", visible(reading.forms.get(number, "")), cls="pg-tok-mono"),
        ),
        (
            "In the text",
            "nothing"
            if start == end
            else "part of a character"
            if text is None
            else el("bdi", visible(text), cls="pg-tok-mono"),
        ),
        (
            "Bytes",
            el("span", piece[:64].hex(" ").upper() + (" …" if len(piece) > 64 else ""), cls="pg-tok-mono")
            if piece
            else "none",
        ),
        ("Byte span", f"{start:,} to {end:,}" if piece else f"at {start:,}"),
        ("Character span", f"{first:,} to {last:,}" if piece else f"at {first:,}"),
        ("Kind", "; ".join(said)),
    ]
    return el(
        "dl",
        [el("div", el("dt", name), el("dd", value)) for name, value in rows if value is not None],
        cls="pg-tok-facts",
    )


def nothing(sentence: str) -> Html:
    return el("p", sentence, cls="pg-quiet pg-tok-how")


def steps(how: Derivation) -> Html:
    shown = list(enumerate(how.steps))
    left_out = len(shown) - MOST_STEPS
    if left_out > 0:
        shown = shown[: MOST_STEPS // 2] + shown[-MOST_STEPS // 2 :]
    last = len(how.steps) - 1
    return el(
        "div",
        el("p", "Read as ", el("bdi", visible(how.seen), cls="pg-tok-mono"), ". ", how.said),
        el(
            "ol",
            [_step(step, how.token if number == last else None, number + 1) for number, step in shown],
            cls="pg-tok-steps",
        ),
        el("p", f"{left_out:,} steps in the middle are left out.", cls="pg-quiet") if left_out > 0 else None,
        _considered(how),
        el("p", "Method: ", how.source, cls="pg-quiet") if how.source else None,
        cls="pg-tok-how",
        role="group",
        aria_label="How it came to be",
        tabindex="0",
    )


def _step(step: Step, token: int | None, number: int) -> Html:
    return el(
        "li",
        el("span", step.said, cls="pg-tok-step-said"),
        el(
            "span",
            [_part(part, made=place in step.chosen, asked=place == token) for place, part in enumerate(step.parts)],
            cls="pg-tok-parts",
        ),
        value=number,
    )


def _part(part: Part, *, made: bool = False, asked: bool = False) -> Html:
    score = None if part.score is None else el("small", _score(part.score))
    title = None if part.id is None else f"id {part.id}"
    name = "mark" if made or asked else "span"
    said = "this token" if asked else None
    return el(
        name,
        el("bdi", visible(part.text) or "∅"),
        score,
        el("span", said, cls="pg-sr") if said else None,
        cls="pg-tok-part",
        title=title,
        data_made=made or None,
        data_asked=asked or None,
    )


def _score(score: float) -> str:
    return f"{score:,.0f}" if float(score).is_integer() and score >= 0 else f"{score:.2f}".replace("-", "−")


def _considered(how: Derivation) -> Html | None:
    if not how.considered:
        return None
    shown = how.considered[:MOST_CONSIDERED]
    if how.family is Family.WORDPIECE:
        return el(
            "p",
            "Tried first, and not in the vocabulary: ",
            [[el("s", visible(part.text), cls="pg-tok-mono"), " "] for part in shown],
            cls="pg-tok-tried",
        )
    chosen = {(part.start, part.end) for part in how.steps[-1].parts} if how.steps else set()
    rows = [
        el(
            "tr",
            el("td", el("bdi", visible(part.text), cls="pg-tok-mono")),
            el("td", f"{part.start} to {part.end}"),
            el("td", "–" if part.score is None else _score(part.score)),
            el("td", "on the best path" if (part.start, part.end) in chosen else ""),
            data_made=(part.start, part.end) in chosen or None,
        )
        for part in shown
    ]
    head = el("tr", [el("th", name, scope="col") for name in ("piece", "bytes", "log-probability", "")])
    more = len(how.considered) - len(shown)
    return el(
        "details",
        el("summary", f"The {len(how.considered):,} pieces that were considered"),
        el("table", el("thead", head), el("tbody", rows)),
        el("p", f"And {more:,} more.", cls="pg-quiet") if more > 0 else None,
        cls="pg-tok-considered",
    )
