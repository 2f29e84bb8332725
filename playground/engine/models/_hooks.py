"""A module looked into for one forward pass: what is put on it comes off again, whatever happens. Device thread only."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from playground.core.attention_types import Cut, Instead, Part, PartName
from playground.core.errors import NotSupported
from playground.inspection import attention

HIDDEN = "The attention inside this model cannot be read: choose another one to look into."
Call = tuple[PartName, int]  # an attention layer of a part


def order(parts: Sequence[Part]) -> list[Call]:
    """The attention layers of a model in the order of a forward pass: the encoder's; then of each layer of the decoder its own,
    and its look at the source.
    """
    layers: dict[PartName, int] = {part.name: part.layers for part in parts}
    found = [(PartName.ENCODER, layer) for layer in range(layers.pop(PartName.ENCODER, 0))]
    for layer in range(max(layers.values(), default=0)):
        found += [(name, layer) for name in (PartName.DECODER, PartName.CROSS) if name in layers]
    return found


def heads_off(cuts: Sequence[Cut]) -> Mapping[Call, list[attention.Off]]:
    """Of a batch whose row i is to go without cuts[i]: what is off in each layer."""
    found: dict[Call, list[attention.Off]] = {}
    for row, cut in enumerate(cuts):
        for head in cut.heads:
            off = attention.Off(row, head.head, cut.instead is Instead.MEAN)
            found.setdefault((head.part, head.layer), []).append(off)
    return found


@contextlib.contextmanager
def without_heads(outputs: Mapping[Call, Any], heads: int, cuts: Sequence[Cut]) -> Iterator[None]:
    """Of our own models. outputs: each layer's output projection, which takes [B, T, D], the heads side by side."""

    def hook(off: Sequence[attention.Off]) -> Callable[[Any, tuple[Any, ...]], tuple[Any, ...]]:
        def change(module: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
            mixed = inputs[0].clone()  # [B, T, D]
            attention.silenced(mixed.unflatten(-1, (heads, -1)), off)
            return (mixed,)

        return change

    with contextlib.ExitStack() as on:
        for call, off in heads_off(cuts).items():
            on.callback(outputs[call].register_forward_pre_hook(hook(off)).remove)
        yield


@contextlib.contextmanager
def without_tokens(embeddings: Sequence[Any], cuts: Sequence[Cut], own: Sequence[Sequence[bool]]) -> Iterator[None]:
    """Of tokens the vector that says what they are. embeddings: of each side the module that makes it, [B, T] -> [B, T, D]; one
    module may serve both, the first side first. own: of each side, which tokens are the text's own: their mean is what may stand
    instead.
    """
    wanted: list[list[tuple[int, int, Instead]]] = [[] for _ in embeddings]  # of each side: row, place, what instead
    for row, cut in enumerate(cuts):
        for token in cut.tokens:
            wanted[token.side].append((row, token.place, cut.instead))
    sides: dict[int, list[int]] = {}  # of each module, the sides that it serves, in the order of its calls
    for side, module in enumerate(embeddings):
        sides.setdefault(id(module), []).append(side)

    def hook(turns: list[int]) -> Callable[[Any, Any, Any], Any]:
        left = iter(turns)

        def change(module: Any, inputs: Any, output: Any) -> Any:
            side = next(left, None)
            if side is None or not wanted[side]:
                return None
            changed = output.clone()
            places = [place for place, kept in enumerate(own[side]) if kept] or list(range(len(own[side])))
            for row, place, instead in wanted[side]:
                changed[row, place] = output[row, places].mean(dim=0) if instead is Instead.MEAN else 0.0
            return changed

        return change

    with contextlib.ExitStack() as on:
        if any(wanted):
            for module in {id(one): one for one in embeddings}.values():
                on.callback(module.register_forward_hook(hook(sides[id(module)])).remove)
        yield


@contextlib.contextmanager
def collected(layers: Sequence[Any]) -> Iterator[list[Any]]:
    """What goes into the first of these layers and what comes out of each, tensors [B, T, D], in their order; each layer is called
    once.
    """
    found: list[Any] = []

    def begin(module: Any, inputs: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        found.append(inputs[0] if inputs else named["hidden_states"])

    def after(module: Any, inputs: Any, output: Any) -> None:
        found.append(output[0] if isinstance(output, tuple) else output)

    with contextlib.ExitStack() as on:
        on.callback(layers[0].register_forward_pre_hook(begin, with_kwargs=True).remove)
        for layer in layers:
            on.callback(layer.register_forward_hook(after).remove)
        yield found


@contextlib.contextmanager
def instead_of(module: Any, method: str, function: Callable[..., Any]) -> Iterator[None]:
    """Whoever calls this method of the module gets what the function returns."""
    setattr(module, method, function)  # on the instance, in front of its class's own
    try:
        yield
    finally:
        delattr(module, method)


# -- of modules of transformers, through `inspection.attention`


def recorded(run: Callable[[], Any], parts: Sequence[Part]) -> dict[PartName, list[Any]]:
    """The weights of the one text of a pass, by part, [heads, queries, keys] for each layer. Raises NotSupported."""
    import torch

    with torch.inference_mode(), attention.observed(record=True) as seen:
        run()
    calls = order(parts)
    heads = {part.name: part.heads for part in parts}
    found: dict[PartName, list[Any]] = {part.name: [] for part in parts}
    if seen.weights is None or len(seen.weights) != len(calls):
        raise NotSupported(HIDDEN)
    for (part, _), weights in zip(calls, seen.weights, strict=True):
        if weights.shape[:2] != (1, heads[part]):
            raise NotSupported(HIDDEN)
        found[part].append(weights[0])
    return found


@contextlib.contextmanager
def without(
    embeddings: Sequence[Any], parts: Sequence[Part], cuts: Sequence[Cut], own: Sequence[Sequence[bool]]
) -> Iterator[None]:
    """Row i of a pass, all rows of one text, goes without cuts[i]. Raises NotSupported, after it, where heads could not be switched
    off.
    """
    calls = order(parts)
    off = heads_off(cuts)
    with without_tokens(embeddings, cuts, own):
        if not off:
            yield
            return
        with attention.observed(record=False, off={calls.index(call): rows for call, rows in off.items()}) as seen:
            yield
        if seen.calls != len(calls):
            raise NotSupported(HIDDEN)


# -- of our own


@contextlib.contextmanager
def without_own(
    outputs: Mapping[Call, Any],
    heads: int,
    embeddings: Sequence[Any],
    cuts: Sequence[Cut],
    own: Sequence[Sequence[bool]],
) -> Iterator[None]:
    """As `without`; outputs: see `without_heads`."""
    with without_heads(outputs, heads, cuts), without_tokens(embeddings, cuts, own):
        yield
