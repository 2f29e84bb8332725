"""Sentences and their translations from Tatoeba, English to French, from a folder with the layout of the project's shared data:
`translation/tatoeba_eng_fra_train.tsv`. No torch.

One English sentence has several French ones, and many sentences differ from another by a comma or a capital alone. So whole groups
are held out: all pairs whose English is the same without case and punctuation, chosen by the SHA-256 of what is left.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from playground.core.errors import BadFile

TEST, DEV = 2000, 1000  # English sentences held out to report on, and to choose settings by
WORDS = 4  # a held-out sentence has at least so many
PLAIN = {"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u200b": "", "\u00ad": "", "’": "'", "‘": "'"}  # see `plain`
_PLAIN = str.maketrans(PLAIN)


@dataclass(frozen=True)
class Referenced:
    """A sentence and all its translations, the first one first."""

    source: str
    references: tuple[str, ...]


@dataclass(frozen=True)
class Translations:
    """train: pairs (English, French), no two the same, in the file's order, `plain`. dev, test: as the file has them."""

    train: tuple[tuple[str, str], ...]
    dev: tuple[Referenced, ...]
    test: tuple[Referenced, ...]


def read(data: Path | None) -> Translations:
    """Raises BadFile without a folder, or with too few sentences to hold any out."""
    if data is None:
        raise BadFile(
            "The sentence pairs have no home on the hub that is known: give --data the folder with translation/."
        )
    text = (data / "translation" / "tatoeba_eng_fra_train.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.split("\n") if line.strip()]
    if any(len(row) != 2 for row in rows):
        raise BadFile("A line of tatoeba_eng_fra_train.tsv is not two sentences with a tab between: check --data.")
    groups: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for source, target in rows:
        groups[key_of(source)].append((source, target))
    long = sorted((key for key in groups if len(key.split()) >= WORDS), key=lambda key: sha256(key.encode()).digest())
    test, dev = min(TEST, len(long) // 8), min(DEV, len(long) // 16)
    if not dev:
        raise BadFile(f"Of only {len(long)} sentences of {WORDS} words or more none can be held out: check --data.")
    held = set(long[: test + dev])
    train = dict.fromkeys((plain(a), plain(b)) for key, pairs in groups.items() if key not in held for a, b in pairs)
    parts = [tuple(_referenced(groups[key]) for key in part) for part in (long[test : test + dev], long[:test])]
    return Translations(tuple(train), *parts)


def plain(text: str) -> str:
    """Blanks and apostrophes of one kind each: which of them a French writer of the set uses is chance.

    >>> plain("Qu\\u2019est-ce\\u202f?")
    "Qu'est-ce ?"
    """
    return text.translate(_PLAIN)


def key_of(text: str) -> str:
    """Words in lower case, punctuation gone: sentences with the same key are one sentence.

    >>> key_of("Tom, I'm here!") == key_of("tom I\\u2019m here.")
    True
    """
    return " ".join(re.findall(r"[^\W_]+", plain(text).casefold()))


def _referenced(pairs: list[tuple[str, str]]) -> Referenced:
    return Referenced(pairs[0][0], tuple(dict.fromkeys(target for _, target in pairs)))
