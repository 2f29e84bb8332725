"""What FakeRuntime answers when parts of a model are switched off, or its layers looked through: from the text alone.

A model's loader says what its answers are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from playground.core import gaps
from playground.core.attention_types import (
    Ablated,
    AblationGrid,
    AnswerKind,
    Cut,
    Head,
    LayerLens,
    LensPlace,
    Option,
    Part,
    PartName,
    Place,
)
from playground.core.calls import Ablate, AblateEach, Look, LookThrough
from playground.core.events import Progress
from tests.fakes.attention import parts_of

KINDS = {
    "tagger": AnswerKind.WORDS,
    "reader": AnswerKind.SPAN,
    "masked": AnswerKind.GAPS,
    "encoder": AnswerKind.VECTOR,
    "picker": AnswerKind.SENTENCES,
    "decoder": AnswerKind.NEXT,
    "seq2seq": AnswerKind.WRITTEN,
}
LABELS = ("negative", "positive")
TAGS = ("O", "B-PER", "B-LOC")
LAYERS = 4  # of a lens: what stands before the first one too
TOKENS = (" the", " cat", "\n", " </script>", "水")


def answer_kind(call: Look) -> AnswerKind:
    if call.model.thresholds:
        return AnswerKind.MANY
    return KINDS.get(call.model.loader.split("-")[-1], AnswerKind.LABELS)


def part_of(call: Look, name: PartName) -> Part:
    """Of `fake_attention`."""
    return next(part for part in parts_of(call.model.loader) if part.name == name)


def fake_ablated(call: Ablate) -> Ablated:
    before, after = _shares(call, Cut()), _shares(call, call.cut)
    names, kind = _places(call), answer_kind(call)
    if kind is AnswerKind.VECTOR:
        cosine = 1 - _distance(before, after)
        return Ablated(kind, (Place("", (Option("cosine with itself", 1.0, cosine),)),), 1 - cosine)
    options = _options(kind)
    places = tuple(
        Place(
            name,
            tuple(
                Option(options[at], float(before[place, at]), float(after[place, at]))
                for at in np.argsort(-before[place], kind="stable")
            ),
        )
        for place, name in enumerate(names)
    )
    return Ablated(kind, places, _distance(before, after))


def fake_grids(call: AblateEach) -> Iterator[AblationGrid]:
    """One more layer each; the last one is whole."""
    part = part_of(call, call.part)
    shape = (part.layers, part.heads)
    effects, drops = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
    changed = np.zeros(shape, bool)
    for layer in range(part.layers):
        for head in range(part.heads):
            one = Ablate(
                call.model, call.user, call.text, call.target, Cut((Head(call.part, layer, head),), (), call.instead)
            )
            found = fake_ablated(one)
            effects[layer, head] = found.effect
            first = [max(place.options, key=lambda option: option.before) for place in found.places]
            drops[layer, head] = np.mean([option.before - option.after for option in first])
            changed[layer, head] = any(place.changed for place in found.places)
        yield AblationGrid(call.part, found.answer, effects.copy(), drops.copy(), changed.copy(), call.instead)


def fake_progress(call: AblateEach) -> tuple[list[Progress], AblationGrid]:
    grids = list(fake_grids(call))
    events = [
        Progress(what="switching off heads", fraction=(place + 1) / len(grids), so_far=grid)
        for place, grid in enumerate(grids[:-1])
    ]
    return events, grids[-1]


def fake_lens(call: LookThrough) -> LayerLens:
    names, kind = _places(call), answer_kind(call)
    if kind is AnswerKind.NEXT:
        names = [word + " " for word in call.text.split()] or [""]
    options = _options(kind)
    rows = [
        _numbers(f"{call.model.id} {call.text} layer {layer}", (len(names), len(options))) for layer in range(LAYERS)
    ]
    shares = [_softmax(2 * sum(rows[: layer + 1])) for layer in range(LAYERS)]
    end = shares[-1].argmax(axis=1)
    layers = []
    for share in shares:
        ranked = np.argsort(-share, axis=1, kind="stable")
        layers.append(
            tuple(
                LensPlace(
                    tuple((options[at], float(share[place, at])) for at in ranked[place]),
                    float(share[place, end[place]]),
                )
                for place in range(len(names))
            )
        )
    note = "This fake has no layers: its numbers are made of the text." if "note" in call.text else ""
    return LayerLens(kind, tuple(names), tuple(layers), note)


def _places(call: Look) -> list[str]:
    kind = answer_kind(call)
    words = call.text.split()
    if kind is AnswerKind.WORDS:
        return words or [""]
    if kind is AnswerKind.GAPS:
        return [f"gap {place + 1}" for place in range(gaps.count(call.text))] or ["gap 1"]
    if kind is AnswerKind.SPAN:
        return ["begins", "ends"]
    if kind is AnswerKind.WRITTEN:
        return (call.target or call.text).split() or [""]
    if kind is AnswerKind.NEXT:
        return [words[-1] if words else ""]
    return [""]


def _options(kind: AnswerKind) -> tuple[str, ...]:
    if kind in (AnswerKind.LABELS, AnswerKind.MANY, AnswerKind.SENTENCES):
        return LABELS
    if kind is AnswerKind.WORDS:
        return TAGS
    return ("cosine",) if kind is AnswerKind.VECTOR else TOKENS


def _shares(call: Look, cut: Cut) -> np.ndarray:
    """[places, options]: each head and token that is off pushes a little, the mean half as much."""
    kind = answer_kind(call)
    shape = (len(_places(call)), max(2, len(_options(kind))))
    logits = 2 * _numbers(f"{call.model.id} {call.text}", shape)
    for what in (*cut.heads, *cut.tokens):
        push = _numbers(f"{call.text} {what}", shape) ** 3
        logits = logits + push * (1.0 if cut.instead == "zero" else 0.5)
    return _softmax(logits)


def _distance(before: np.ndarray, after: np.ndarray) -> float:
    return float(np.abs(after - before).sum(axis=1).mean() / 2)


def _softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def _numbers(text: str, shape: tuple[int, int]) -> np.ndarray:
    """Numbers in -1..1 from a text's digest."""
    digest = hashlib.shake_256(text.encode("utf-8", "replace")).digest(2 * shape[0] * shape[1])
    return np.frombuffer(digest, dtype="<u2").astype(np.float64).reshape(shape) / 32767.5 - 1
