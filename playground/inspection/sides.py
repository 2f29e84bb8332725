"""A text as a model reads it, for whoever looks inside: its pieces, and which words they belong to."""

from __future__ import annotations

from collections.abc import Sequence

import regex

from playground.core.attention_types import Side

_ALONE = r"\p{Han}\p{Hiragana}\p{Katakana}"  # scripts without blanks: character by character
_LETTERS = rf"[[\w\p{{M}}\u00AD\u200C\u200D]--[{_ALONE}]]+"  # soft hyphens and joiners stand between letters without being seen
_EMOJI = r"\p{Extended_Pictographic}[\p{M}\p{Emoji_Modifier}\U000E0020-\U000E007F]*"
# A run of letters, marks and digits is a word, an apostrophe inside included; every other sign is one, with the marks on it.
_WORD = regex.compile(
    rf"\p{{Regional_Indicator}}{{1,2}}|{_EMOJI}(?:\u200D{_EMOJI})*|[{_ALONE}]\p{{M}}*"
    rf"|{_LETTERS}(?:['’]{_LETTERS})*|[^\w\s]\p{{M}}*",
    regex.V1,
)


def side(
    text: str,
    tokens: Sequence[str],
    spans: Sequence[tuple[int, int]],
    ids: Sequence[int],
    special: Sequence[bool] | None = None,
) -> Side:
    """special: where it is not given, the tokens that stand for no part of the text."""
    marks = [start == end for start, end in spans] if special is None else list(special)
    return Side(text, tuple(tokens), tuple(spans), tuple(ids), tuple(marks), tuple(words(text, spans, marks)))


def words(text: str, spans: Sequence[tuple[int, int]], special: Sequence[bool]) -> list[int]:
    """The number of each token's word, 0, 1, 2 ... in the text's order; -1 for special tokens. A token that holds several words is
    the first's; one that holds nothing but blanks is a word by itself.

    >>> words("don't stop", [(0, 0), (0, 3), (3, 5), (5, 10)], [True, False, False, False])
    [-1, 0, 0, 1]
    """
    owner: dict[int, int] = {}
    for number, found in enumerate(_WORD.finditer(text)):
        owner.update(dict.fromkeys(range(*found.span()), number))
    seen: dict[object, int] = {}
    numbers = []
    for place, ((start, end), mark) in enumerate(zip(spans, special, strict=True)):
        if mark:
            numbers.append(-1)
            continue
        key = next((("word", owner[at]) for at in range(start, end) if at in owner), ("blank", place))
        numbers.append(seen.setdefault(key, len(seen)))
    return numbers
