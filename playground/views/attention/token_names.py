"""What tokens and words are called where they stand by themselves: on an axis, in a list, in a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from unicodedata import bidirectional, category

from playground.core.attention_types import Side
from playground.views.html import UNSHOWABLE

# Alone they are not seen: joiners, variation selectors, marks without a letter.
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Me", "Mn"})
# Blanks are seen, as in the tokenizer's page.
_BLANKS = str.maketrans({" ": "␣", "\u3000": "␣", "\u00a0": "⍽", "\t": "⇥", "\n": "⏎", "\r": "⏎"})


def names(side: Side, groups_: Sequence[tuple[int, ...]]) -> tuple[str, ...]:
    """What tokens or words are called, so that it is seen: as they stand in the text, special tokens by their own name. Of a
    character that is several tokens each has its number: “🤔·1”, “🤔·2” ...
    """
    shared = Counter(_extent(side, places) for places in groups_)
    seen: Counter[tuple[int, int]] = Counter()
    found = []
    for places in groups_:
        start, end = extent = _extent(side, places)
        plain = len(places) == 1 or end <= start
        called = "".join(side.tokens[place] for place in places) if plain else side.text[start:end]
        number = ""
        if end > start and shared[extent] > 1:
            seen[extent] += 1
            number = f"·{seen[extent]}"
        found.append(visible(called) + number)
    return tuple(found)


def _extent(side: Side, places: Sequence[int]) -> tuple[int, int]:
    return side.spans[places[0]][0], side.spans[places[-1]][1]


def visible(name: str) -> str:
    """With signs for blanks, for what cannot be shown and, where there is nothing else, for what is not seen.

    >>> visible(" a\\n"), visible("\u200d"), visible("")
    ('␣a⏎', 'U+200D', '∅')
    """
    signs = "".join("␣" if sign.isspace() else sign for sign in name.translate(_BLANKS))
    if all(category(sign) in _UNSEEN for sign in signs):
        return " ".join(f"U+{ord(sign):04X}" for sign in signs[:3]) or "∅"
    return UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", signs)


def isolated(text: str) -> str:
    """A piece of a text as it stands in a sentence: letters that are written from the right turn nothing beside them.

    >>> isolated("dog"), isolated("\N{HEBREW LETTER ALEF}")
    ('dog', '\u2068\u05d0\u2069')
    """
    if not any(bidirectional(character) in ("R", "AL", "AN") for character in text):
        return text
    return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"
