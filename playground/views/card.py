"""A tier's card: one `<article>` whose parts keep their places and their heights in every phase."""

from __future__ import annotations

from playground.core.types import Choice, Source, Stats
from playground.core.words import STAND_IN_NOTE
from playground.views import numbers
from playground.views.figures import figures
from playground.views.html import Html, el, join
from playground.views.kinds import view_for, view_of
from playground.views.state import CardState, Phase

_SOURCE_MEANS = {
    Source.LIVE: "A real endpoint answered over the network.",
    Source.LOCAL_SERVER: "An OpenAI-compatible server on this machine answered.",
    Source.RECORDED: "Replayed from a recording of exactly this input.",
    Source.STAND_IN: "No key and no server: this playground's own small endpoint answers instead, over real HTTP.",
    Source.HUB: "A checkpoint of the Hugging Face hub, from this machine's cache.",
    Source.BUNDLED: "A checkpoint that comes with the playground.",
    Source.TRAINED_HERE: "A checkpoint that was trained on this machine.",
}

SHORT_WAIT = 0.5  # seconds
_BREAK = el("wbr")


def card(state: CardState) -> Html:
    return el(
        "article",
        _head(state),
        _picker(state),
        _answer(state),
        view_for(state).body(state),
        _note(state),
        figures(state),
        _actions(state),
        cls="pg-card",
        data_tier=state.tier,
        data_phase=state.phase,
        data_source=state.source,
        data_kind=state.asked.kind or None,
        data_long=state.asked.long_names,
        data_muted=True if state.stand_in else None,
        data_wrote=True if state.text or state.phase is Phase.DONE else None,
        aria_busy="true" if state.busy else "false",
        aria_label=f"Tier {state.number}, {state.title}",
    )


def _head(state: CardState) -> Html:
    source = state.source
    badge = el(
        "span", source, cls="pg-badge", title=_SOURCE_MEANS.get(source) if source else None, hidden=source is None
    )
    return el(
        "header", el("h3", el("span", state.number, cls="pg-number"), " ", state.title), badge, cls="pg-card-head"
    )


def _picker(state: CardState) -> Html:
    """A native select where there is something to choose; it keeps its place, so that a focused one survives updates."""
    if not state.choices:
        return el("div", el("span", numbers.UNKNOWN, cls="pg-model-name"), cls="pg-model")
    chosen = state.choice
    if len(state.choices) == 1:
        return el("div", el("span", chosen.title, cls="pg-model-name", title=chosen.title, dir="auto"), cls="pg-model")
    options = [_option(choice, choice is chosen) for choice in state.choices]
    select = el(
        "select",
        options,
        cls="pg-select",
        data_pick=state.tier,
        value=chosen.id,
        aria_label=f"Model of {state.title}",
        title=chosen.title,
        autocomplete="off",
    )
    return el("div", select, cls="pg-model")


def _option(choice: Choice, chosen: bool) -> Html:
    title = choice.title if choice.available else f"{choice.title} — {choice.why_not or 'not available here'}"
    return el("option", title, value=choice.id, selected=chosen, disabled=not choice.available)


def _answer(state: CardState) -> Html:
    if state.phase is Phase.DONE:
        view = view_of(state.output)
        said = view.headline(state.output, state.asked)
        headline = el(
            "p", _breakable(said), cls="pg-headline", dir="auto", title=said if state.asked.long_names else None
        )
    else:
        words = {Phase.FAILED: "no answer", Phase.STOPPED: "stopped", Phase.UNSUPPORTED: "not here"}
        if state.text:
            words |= {Phase.RUNNING: "writing", Phase.FAILED: "broken off"}
        headline = el("p", words.get(state.phase, numbers.UNKNOWN), cls="pg-headline pg-empty")
    return el("div", headline, el("p", _verdict(state), cls="pg-verdict"), cls="pg-answer")


def _breakable(words: str) -> Html:
    """A name written with `_` is one word to a browser."""
    return join(words.split("_"), f"_{_BREAK}")


def _verdict(state: CardState) -> list[Html | None]:
    """Right or wrong where there is a true answer, and what is other than in the last run."""
    view = view_for(state)
    changed = None
    if state.phase is Phase.DONE and type(state.previous) is type(state.output):
        changed = view.change(state.output, state.previous)
    return [view.verdict(state), None if changed is None else el("span", changed[0], cls="pg-was", title=changed[1])]


def _note(state: CardState) -> Html:
    """What is happening, or what must be said about the answer. Always there, so that nothing moves when it fills."""
    return el("div", _progress(state), el("p", _words(state), cls="pg-words"), " ", _key_button(state), cls="pg-note")


def _progress(state: CardState) -> Html:
    percent = None if state.fraction is None else round(100 * state.fraction)
    style = None if percent is None else f"--value:{percent}%"
    return el(
        "div",
        el("span", style=style),
        cls="pg-progress",
        hidden=not state.busy,
        aria_hidden="true",
        data_unknown=True if percent is None else None,
    )


def _words(state: CardState) -> str:
    percent = "" if state.fraction is None else f" {100 * state.fraction:.0f}{chr(0xA0)}%"
    match state.phase:
        case Phase.UNSUPPORTED | Phase.FAILED:
            return state.error
        case Phase.STOPPED:
            return "Stopped: this is what was written." if state.text else "Stopped before it answered."
        case Phase.WAITING:
            return f"Waiting: {wait} …" if (wait := _wait(state)) else "Waiting …"
        case Phase.LOADING:
            return f"Loading: {state.what or 'the model'}{percent} …"
        case Phase.RUNNING:
            return f"{state.what or 'Running'}{percent} …"
        case Phase.DONE:
            return " ".join(_remarks(state))
        case _:
            return " ".join(_remarks(state))


def _wait(state: CardState) -> str:
    """“12 ahead · about 4 s”, of what is known; nothing where it will be over before it is read."""
    if state.seconds is not None and state.seconds < SHORT_WAIT:
        return ""
    ahead = f"{state.ahead:,} ahead" if state.ahead else ""
    about = "" if state.seconds is None else f"about {numbers.duration(state.seconds)}"
    return " · ".join(part for part in (ahead, about) if part)


def _remarks(state: CardState) -> list[str]:
    """The stand-in's sentence stands there from the start, in the words in which the tier says it."""
    stats = state.stats
    remarks = [stats.note or STAND_IN_NOTE] if state.stand_in else []
    if state.output is not None:
        remarks += view_of(state.output).remarks(state.output, state.asked)
    if stats.load_seconds and not stats.cache_hit:
        remarks.append(f"Loaded in {numbers.seconds(stats.load_seconds)}, once.")
    if state.trained_on and not state.remote:
        remarks.append(f"Trained on {state.trained_on.rstrip('.')}.")
    if stats.note and not state.stand_in:
        remarks.append(stats.note)
    elif stats.truncated:
        remarks.append("Only the beginning was read: the text is longer than this model takes.")
    return remarks


def _key_button(state: CardState) -> Html:
    offered = not state.busy and (state.stand_in or (state.remote and state.phase is Phase.FAILED))
    words = "Add a key" if state.stand_in else "Change the key"
    return el("button", words, type="button", cls="pg-link", data_act="key", data_tier=state.tier, hidden=not offered)


def _actions(state: CardState) -> Html:
    def action(word: str, act: str, title: str, show: bool = True) -> Html:
        return el(
            "button",
            word,
            type="button",
            cls="pg-link",
            data_act=act,
            data_tier=state.tier,
            title=title,
            hidden=not show,
        )

    answered = state.phase is Phase.DONE
    supported = state.phase is not Phase.UNSUPPORTED
    return el(
        "footer",
        action("code", "snippet", "A Python file that runs this input through this tier", supported),
        action("look inside", "inside", "This input and this model on the attention page", supported or state.remote),
        action("card", "card", "The model card: licence, data, measured quality", bool(state.choices)),
        action(
            "request",
            "request",
            "The request that went over the wire and its response",
            state.stats.request_json is not None,
        ),
        action(
            "key",
            "key",
            "Change or forget the key",
            state.remote and not state.stand_in and state.phase is not Phase.FAILED,
        ),
        action(
            "image", "png", "Save this card as a PNG", answered or (state.phase is Phase.STOPPED and bool(state.text))
        ),
        _fingerprint(state.stats),
        cls="pg-actions",
    )


def _fingerprint(stats: Stats) -> Html:
    if stats.fingerprint is None:
        return el("span", cls="pg-fingerprint", hidden=True)
    details = [f"Fingerprint of the weights that answered: {stats.fingerprint}"]
    details += [
        f"{name}: {value}"
        for name, value in (
            ("model", stats.model),
            ("revision", stats.revision),
            ("device", stats.device),
            ("dtype", stats.dtype),
            ("computed with", stats.path),
        )
        if value
    ]
    path = f" · {stats.path}" if stats.path else ""
    return el("span", stats.fingerprint[:7], path, cls="pg-fingerprint", title="\n".join(details))
