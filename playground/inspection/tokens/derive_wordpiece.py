"""How WordPiece cuts a word: from the left, always the longest piece that the vocabulary has. Knows no library.

Wu et al. 2016 (arXiv 1609.08144), section 4.1; the greedy search as Song et al. 2021 (arXiv 2012.15524), section 3, describe it.
"""

from __future__ import annotations

from collections.abc import Mapping

from playground.core.token_types import Part, Step

SOURCE = "Song et al. 2021, arXiv 2012.15524, section 3"


def steps(
    word: str, vocabulary: Mapping[str, int], unknown: str, *, prefix: str = "##", longest: int = 100
) -> tuple[tuple[Step, ...], tuple[Part, ...]]:
    """A step for each piece found, the rest of the word uncut behind it; and the pieces tried and not found, in their order.

    prefix: of pieces that go on with a word. A word of which some rest has no piece, or that has more than `longest` characters, is
    the one token `unknown`.
    """
    places = [len(word[:count].encode("utf-8")) for count in range(len(word) + 1)]
    whole = Part(unknown, vocabulary.get(unknown), 0, places[-1])
    if len(word) > longest:
        return (Step((whole,), (0,), f"More than {longest} characters: one unknown token"),), ()
    found, tried, made = [], [], []
    start = 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = (prefix if start else "") + word[start:end]
            part = Part(piece, vocabulary.get(piece), places[start], places[end])
            if part.id is not None:
                break
            tried.append(part)
        else:
            made.append(Step((whole,), (0,), f"No piece begins with “{word[start]}”: the word is one unknown token"))
            break
        found.append(part)
        rest = (Part(word[end:], None, places[end], places[-1]),) if end < len(word) else ()
        made.append(Step((*found, *rest), (len(found) - 1,), f"The longest piece from here: “{piece}”"))
        start = end
    return tuple(made), tuple(tried)
