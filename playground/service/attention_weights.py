"""All the weights of a look, layer by layer, and as a file: those of a long text are never all in memory at once."""

from __future__ import annotations

import zipfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import IO, NamedTuple, cast

import numpy as np

from playground.core.attention_types import Part, PartMap, PartName, Side
from playground.service.attention import AttentionDesk, Looked

AT_ONCE = 64 * 2**20  # bytes of weights that one more reading of a text brings; of one layer, whatever it has
PIECE = 2**20  # bytes of a file that are written at once
_KEYS = {PartName.DECODER: "decoder_attention", PartName.CROSS: "cross_attention"}


class Layer(NamedTuple):
    """weights: float32 [heads, queries, keys], each row of keys summing to 1."""

    part: Part
    number: int
    weights: np.ndarray


async def layers(desk: AttentionDesk, looked: Looked, session: str) -> AsyncGenerator[Layer, None]:
    """Of every part every layer, in their order. A text that is too long to keep all of them is read again, for a few layers at a
    time. Raises PlaygroundError.
    """
    fetched: dict[tuple[str, int], np.ndarray] = {}
    places = [(one, number) for one in looked.map.parts for number in range(one.part.layers)]
    for at, (one, number) in enumerate(places):
        name, weights = one.part.name, one.weights.get(number)
        if weights is None:
            if (name, number) not in fetched:
                found = await desk.again(looked, _next(looked, places[at:]), session)
                fetched = {
                    (again.part.name, layer): kept for again in found.parts for layer, kept in again.weights.items()
                }
            weights = fetched.pop((name, number))
        yield Layer(one.part, number, weights)


def _next(looked: Looked, places: Sequence[tuple[PartMap, int]]) -> tuple[tuple[str, int], ...]:
    """The first of the layers that are not here, as many as `AT_ONCE` holds."""
    keep: list[tuple[str, int]] = []
    room = AT_ONCE
    for one, number in places:
        if number in one.weights:
            continue
        room -= one.part.heads * int(np.prod(_size(looked, one.part))) * 4
        if room < 0 and keep:
            break
        keep.append((str(one.part.name), number))
    return tuple(keep)


def _size(looked: Looked, part: Part) -> tuple[int, int]:
    return len(looked.map.sides[part.queries]), len(looked.map.sides[part.keys])


# -- as a file


class _Sink:
    """What a zip file is written to: bytes that are taken away as they come. It cannot be read or wound back."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def write(self, data: bytes | memoryview) -> int:
        self._bytes += data
        return len(data)

    def flush(self) -> None:
        pass

    def take(self) -> bytes:
        found = bytes(self._bytes)
        self._bytes.clear()
        return found


async def npz(desk: AttentionDesk, looked: Looked, session: str) -> AsyncGenerator[bytes, None]:
    """The look as an NPZ file (numpy's format, no pickle), piece by piece, so that others are served between two of them.

    attention: float32 [layers, heads, queries, keys]; tokens: text. Of an encoder-decoder these are its encoder's, and
    decoder_attention, cross_attention (queries: target_tokens, keys: tokens) and target_tokens come with them. Layers and heads
    are counted from 0. Raises PlaygroundError.
    """
    sink = _Sink()
    with zipfile.ZipFile(cast(IO[bytes], sink), "w") as archive:
        for key, side in zip(("tokens", "target_tokens"), looked.map.sides, strict=False):
            with archive.open(zipfile.ZipInfo(f"{key}.npy"), "w") as member:
                np.lib.format.write_array(member, _written(side), allow_pickle=False)
        one = aclosing(layers(desk, looked, session))
        async with one as found:
            for part_map in looked.map.parts:
                part = part_map.part
                shape = (part.layers, part.heads, *_size(looked, part))
                key = _KEYS.get(part.name, "attention") if len(looked.map.parts) > 1 else "attention"
                with archive.open(zipfile.ZipInfo(f"{key}.npy"), "w", force_zip64=True) as member:
                    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
                    np.lib.format.write_array_header_1_0(member, header)
                    for _ in range(part.layers):
                        layer = await anext(found)
                        data = np.ascontiguousarray(layer.weights, "<f4").data.cast("B")
                        for at in range(0, len(data), PIECE):
                            member.write(data[at : at + PIECE])
                            yield sink.take()
    yield sink.take()


def _written(side: Side) -> np.ndarray:
    """As numpy's text, which drops NULs at an end: there they stand as U+FFFD."""
    return np.array([token.replace("\0", "\N{REPLACEMENT CHARACTER}") for token in side.tokens], dtype=np.str_)
