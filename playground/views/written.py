"""A text that a model writes, as HTML: behind its prompt, as it grows, token by token with what each was given.

A box is drawn as a whole when a card is; while a text streams in, `more` is what it grew by, and the page puts it at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

from playground.core.writing_types import Text, WrittenToken
from playground.views.html import Child, Html, el, join
from playground.views.span_text import direction
from playground.views.state import CardState, Phase

PROMPT = 400  # characters of a prompt that stand before what was written: its end
AROUND = 160  # characters of a text's own that stay on either side of a picked sentence
STEPS = (0.9, 0.5, 0.2, 0.05)  # probabilities at which the shade of a token changes, the likeliest has none


def written_box(state: CardState) -> Html:
    """What is there of the text, behind its prompt where it goes on from one. Of one height in every phase."""
    output = state.output if isinstance(state.output, Text) else None
    text, tokens = (output.text, output.tokens) if output is not None else (state.text, state.tokens)
    prompt = state.input if state.asked.continues and state.phase is not Phase.UNSUPPORTED else ""
    by_token = bool(_told(text, tokens))
    spoken = "The text, token by token: arrow keys move, Enter shows what else might have stood there"
    return el(
        "div",
        el("span", _end(prompt), cls="pg-prompt") if prompt else None,
        None if text or state.busy or prompt else el("span", _before(state), cls="pg-prompt"),
        el("span", _content(text, tokens), cls="pg-new"),
        cls="pg-marked pg-written",
        dir=direction(prompt or text),
        tabindex=0,
        role="group",
        aria_label=spoken if by_token else "The text",
        data_to=state.seq,
        data_continues=True if state.asked.continues else None,
    )


def more(before: CardState, after: CardState) -> Html | None:
    """What the text has more than before; None where that is not all that is new, and the card must be drawn again."""
    same = replace(after, text=before.text, tokens=before.tokens, seq=before.seq) == before
    if not same or not before.busy or not after.text.startswith(before.text):
        return None
    tokens = _told(after.text, after.tokens)
    if before.text and bool(tokens) != bool(_told(before.text, before.tokens)):
        return None
    content: Child = after.text[len(before.text) :]
    if tokens:
        content = _tokens(tokens[len(before.tokens) :])
    return el("span", content, data_from=before.seq, data_to=after.seq)


def _before(state: CardState) -> str:
    quiet = state.phase in (Phase.UNSUPPORTED, Phase.FAILED, Phase.STOPPED)
    return "" if quiet else "The text will stand here, word by word."


def _end(prompt: str) -> str:
    """The last of a prompt, from a word on."""
    if len(prompt) <= PROMPT:
        return prompt
    end = prompt[-PROMPT:]
    return f"… {end[end.find(' ') + 1 :]}"


def _content(text: str, tokens: Sequence[WrittenToken]) -> Child:
    told = _told(text, tokens)
    return _tokens(told) if told else text


def _told(text: str, tokens: Sequence[WrittenToken]) -> Sequence[WrittenToken]:
    """The tokens, where they have probabilities and are the text."""
    known = any(token.probability is not None for token in tokens)
    return tokens if known and "".join(token.text for token in tokens) == text else ()


def _tokens(tokens: Sequence[WrittenToken]) -> Html:
    """Those that can be seen: a token may be a part of a character."""
    return join([_token(token) for token in tokens if token.text])


def _token(token: WrittenToken) -> Html:
    """What the page's script needs of it, in few characters: data-p its probability; data-alts each alternative's text, quoted
    as in an address, and its probability, the likeliest first.
    """
    known = token.probability is not None
    alternatives = " ".join(f"{quote(row.text, errors='replace')} {row.probability:.3g}" for row in token.alternatives)
    return el(
        "span",
        token.text,
        cls=f"pg-t pg-t{shade(token.probability)}" + (" pg-nl" if "\n" in token.text else ""),
        data_p=f"{token.probability:.3g}" if known else None,
        data_alts=alternatives or None,
    )


def shade(probability: float | None) -> int:
    """0: as good as certain, or not known; up to 4.

    >>> shade(0.95), shade(0.3), shade(0.001), shade(None)
    (0, 2, 4, 0)
    """
    return 0 if probability is None else sum(probability < step for step in STEPS)


def shades() -> Html:
    """What the shades mean; in every phase, so that nothing moves when the tokens come."""
    said = [*(f"≥{step:g}".replace("0.", ".") for step in STEPS), f"<{STEPS[-1]:g}".replace("0.", ".")]
    keys = [el("span", word, cls=f"pg-t pg-t{place}") for place, word in enumerate(said)]
    title = "How probable each token was to the model: the less, the stronger its shade and its line"
    return el(
        "span", el("span", "probability ", cls="pg-sr"), [[key, " "] for key in keys], cls="pg-shades", title=title
    )


def picked_text(text: str, picked: Sequence[tuple[int, int]]) -> Html:
    """The text that a summary is quoted from, with its sentences marked; what is far from them is left out, and said to be."""
    pieces: list[Child] = []
    at = 0
    for start, end in picked:
        start, end = max(at, min(start, len(text))), max(0, min(end, len(text)))
        if start >= end:
            continue
        pieces += [_between(text[at:start], first=not at), el("mark", text[start:end], cls="pg-found")]
        at = end
    pieces.append(_between(text[at:], last=True))
    label = "The text, with the sentences marked that the summary is made of"
    return el(
        "div",
        pieces,
        cls="pg-marked pg-source",
        dir=direction(text[:PROMPT]),
        tabindex=0,
        role="group",
        aria_label=label,
    )


def _between(text: str, *, first: bool = False, last: bool = False) -> str:
    if len(text) <= 2 * AROUND:
        return text
    before, after = ("" if first else text[:AROUND]), ("" if last else text[-AROUND:])
    return f"{before} … {after}"
