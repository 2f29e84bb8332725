"""How byte-pair encoding makes a piece's tokens: from its smallest signs up, merge by merge. Knows no library.

Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units" (arXiv 1508.07909), section 3.2.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from playground.core.token_types import Part, Step

SOURCE = "Sennrich, Haddow and Birch 2016, arXiv 1508.07909, section 3.2"
Sign = TypeVar("Sign", bound=Hashable)  # a token as the vocabulary has it: bytes, or its form


def steps(
    signs: Sequence[Sign],
    sizes: Sequence[int],
    merge: Callable[[Sign, Sign], tuple[int, Sign] | None],
    named: Callable[[Sign], tuple[str, int | None]],
) -> tuple[Step, ...]:
    """First the single signs, then a step for each merge: always the pair that was learned first, of equals the leftmost.

    sizes: of each sign in bytes. merge: rank and result of two neighbours, None where no merge joins them. named: a sign as it is
    shown, and its id.
    """
    signs, sizes = list(signs), list(sizes)
    found = [Step(_parts(signs, sizes, named), said="Single signs")]
    while True:
        best: tuple[int, int, Sign] | None = None
        for place in range(len(signs) - 1):
            merged = merge(signs[place], signs[place + 1])
            if merged is not None and (best is None or merged[0] < best[0]):
                best = (merged[0], place, merged[1])
        if best is None:
            return tuple(found)
        rank, place, sign = best
        left, right = named(signs[place])[0], named(signs[place + 1])[0]
        signs[place : place + 2] = [sign]
        sizes[place : place + 2] = [sizes[place] + sizes[place + 1]]
        said = f"Merge {rank:,}: “{left}” + “{right}”"
        found.append(Step(_parts(signs, sizes, named, {place: float(rank)}), (place,), said))


def _parts(
    signs: Sequence[Sign],
    sizes: Sequence[int],
    named: Callable[[Sign], tuple[str, int | None]],
    ranks: dict[int, float] | None = None,
) -> tuple[Part, ...]:
    parts, at = [], 0
    for place, (sign, size) in enumerate(zip(signs, sizes, strict=True)):
        text, number = named(sign)
        parts.append(Part(text, number, at, at + size, (ranks or {}).get(place)))
        at += size
    return tuple(parts)
