"""The ruler's questions: which tokenizers there are, a text read by some of them, and how one token came to be."""

from __future__ import annotations

from playground.core.errors import InputError, NotSupported, PlaygroundError
from playground.service.tokens import MOST_ROWS
from playground.ui.actions import Asked, Reply, action
from playground.views.tokens import derivation, ruler
from playground.views.tokens.examples import long_english


@action
def tokens_choices(asked: Asked) -> Reply:
    """What can be added, what stands there at first, and what stands behind the models that a link names, by tier."""
    desk = asked.service.tokens
    desk.warm()  # the page is being opened: the first text follows
    choices = desk.choices(asked.session)
    first: list[str] = []
    for tier, model in asked.mapping("models").items():
        name = desk.of_model(tier, model)
        if name is not None and name not in first:
            first.append(name)
    defaults = [name for name in desk.defaults(asked.session) if name not in first]
    tiers = {ref.tier for ref in choices if ref.id in first}  # each of them stands there already
    others = [name for name in defaults if not (tiers & {ref.tier for ref in choices if ref.id == name} - {""})]
    return {
        "groups": ruler.groups(choices, asked.service.tier_titles),
        "rows": [*first, *others][:MOST_ROWS],
        "known": bool(first),
    }


@action
def tokens_read(asked: Asked) -> Reply:
    text, names = asked.text("text"), asked.words("rows")
    desk = asked.service.tokens
    readings = desk.read(text, names, asked.session, control=asked.yes("control"), special=asked.yes("special"))
    titles = {ref.id: ref for ref in desk.choices(asked.session)}
    return {
        "rows": [
            ruler.failed(name, titles.get(name), str(reading))
            if isinstance(reading, PlaygroundError)
            else ruler.row(name, reading)
            for name, reading in zip(names, readings, strict=True)
        ]
    }


@action
def tokens_long(asked: Asked) -> Reply:
    """The long example: the page would be that much larger with it."""
    return {"text": long_english()}


@action
def tokens_explain(asked: Asked) -> Reply:
    """All that is to be said of one token, as HTML."""
    text, name, place = asked.text("text"), asked.text("row"), asked.number("token")
    desk, options = asked.service.tokens, {"control": asked.yes("control"), "special": asked.yes("special")}
    reading = desk.read(text, [name], asked.session, **options)[0]
    if isinstance(reading, PlaygroundError):
        raise reading
    if not 0 <= place < len(reading):
        raise InputError("There is no such token in this text: choose one in the ruler.")
    try:
        how = derivation.steps(desk.explain(text, name, place, asked.session, **options))
    except NotSupported as error:
        how = derivation.nothing(str(error))
    return {"html": derivation.facts(reading, place) + how}
