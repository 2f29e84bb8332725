"""How a Unigram tokenizer cuts a piece: of all ways through its vocabulary the likeliest. Knows no library.

Kudo 2018, "Subword Regularization" (arXiv 1804.10959), section 3.2; the search is Viterbi's.
"""

from __future__ import annotations

from collections.abc import Mapping

from playground.core.token_types import Part, Step

SOURCE = "Kudo 2018, arXiv 1804.10959, section 3.2"
UNKNOWN_COSTS = 10.0  # below the unlikeliest piece: sentencepiece's kUnkPenalty, which tokenizers has as well


def steps(
    piece: str, pieces: Mapping[str, tuple[int, float]], unknown: int | None, least: float
) -> tuple[tuple[Step, ...], tuple[Part, ...]]:
    """A step for each place that a path reaches: the best way to it, the rest uncut; and the lattice's edges in their order.

    pieces: id and log-probability. unknown: the id of what stands for a character that is no piece; least: the lowest score in the
    vocabulary. Neighbours that are unknown become one token in the last step.
    """
    places = [len(piece[:count].encode("utf-8")) for count in range(len(piece) + 1)]
    longest = max(map(len, pieces), default=0)
    best: list[tuple[float, Part | None, int]] = [(float("-inf"), None, 0)] * (
        len(piece) + 1
    )  # score, last edge, its start
    best[0] = (0.0, None, 0)
    edges: list[Part] = []
    for start in range(len(piece)):
        single = False
        for end in range(start + 1, min(len(piece), start + longest) + 1):
            found = pieces.get(piece[start:end])
            if found is None:
                continue
            single = single or end == start + 1
            edge = Part(piece[start:end], found[0], places[start], places[end], found[1])
            edges.append(edge)
            if best[start][0] + found[1] > best[end][0]:
                best[end] = (best[start][0] + found[1], edge, start)
        if not single:
            score = least - UNKNOWN_COSTS
            edge = Part(piece[start], unknown, places[start], places[start + 1], score)
            edges.append(edge)
            if best[start][0] + score > best[start + 1][0]:
                best[start + 1] = (best[start][0] + score, edge, start)
    made = []
    for end in range(1, len(piece) + 1):
        path = _path(best, end)
        rest = (Part(piece[end:], None, places[end], places[-1]),) if end < len(piece) else ()
        made.append(Step((*path, *rest), (len(path) - 1,), f"The best way to here: {best[end][0]:.2f}"))
    fused = _fused(_path(best, len(piece)), unknown)
    if made and len(fused) < len(made[-1].parts):
        made.append(Step(fused, (), "Unknown neighbours are one token"))
    return tuple(made), tuple(edges)


def _path(best: list[tuple[float, Part | None, int]], end: int) -> tuple[Part, ...]:
    path = []
    while end > 0:
        _, edge, end = best[end]
        assert edge is not None  # every place is reached: by a piece, or by the unknown
        path.append(edge)
    return tuple(reversed(path))


def _fused(path: tuple[Part, ...], unknown: int | None) -> tuple[Part, ...]:
    found: list[Part] = []
    for part in path:
        if found and part.id == unknown == found[-1].id:
            last = found[-1]
            score = None if last.score is None or part.score is None else last.score + part.score
            found[-1] = Part(last.text + part.text, unknown, last.start, part.end, score)
        else:
            found.append(part)
    return tuple(found)
