"""The sentiment sets as (text, label) pairs, 0 negative, 1 positive: from a folder, or the same sets from the hub.

A folder has the layout of the project's shared data: `sentiment/*.jsonl` and `topics/goemotions_*.tsv`. With no folder
the sets come through `datasets`, which may download them. No torch in here.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

LABELS = ("negative", "positive")
POSITIVE = frozenset(
    "admiration amusement approval caring desire excitement gratitude joy love optimism pride relief".split()
)
NEGATIVE = frozenset(
    "anger annoyance disappointment disapproval disgust embarrassment fear grief nervousness remorse sadness".split()
)
# GoEmotions' 27 emotions in the order of their indices (Demszky et al. 2020); 27 itself is neutral.
EMOTIONS = (
    "admiration amusement anger annoyance approval caring confusion curiosity desire disappointment disapproval disgust "
    "embarrassment excitement fear gratitude grief joy love nervousness optimism pride realization relief remorse sadness "
    "surprise neutral"
).split()


@dataclass(frozen=True)
class Examples:
    """Texts with their labels, `labels[i]` in {0, 1} for `texts[i]`."""

    texts: tuple[str, ...]
    labels: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Split:
    """A task's data: `train` to learn from, `valid` to watch, `test` to report on; no text is in two of them."""

    train: Examples
    valid: Examples
    test: Examples


def reviews(data: Path | None) -> Examples:
    """SST-2's dev sentences, all of them."""
    split = general(data)
    return joined(split.valid, split.test)


def joined(*parts: Examples) -> Examples:
    """The examples of several parts, in this order."""
    return Examples(sum((p.texts for p in parts), ()), sum((p.labels for p in parts), ()))


def first(examples: Examples, limit: int | None) -> Examples:
    """The first `limit` examples; all of them for None."""
    return Examples(examples.texts[:limit], examples.labels[:limit])


def key_of(text: str) -> str:
    """Two texts with the same key count as the same: case, spaces and outer blanks make no difference."""
    return " ".join(text.lower().split())


def _unique(pairs: Iterable[tuple[str, int]], without: Iterable[str] = ()) -> Examples:
    """First occurrence of every text, less the texts in `without`."""
    seen = {key_of(text) for text in without}
    kept = []
    for text, label in pairs:
        key = key_of(text)
        if key and key not in seen:
            seen.add(key)
            kept.append((text, label))
    return Examples(tuple(text for text, _ in kept), tuple(label for _, label in kept))


def _half(text: str) -> int:
    """0 or 1, by the text's SHA-256: the same half on every machine and in every order."""
    return sha256(key_of(text).encode()).digest()[0] & 1


def _jsonl(path: Path) -> list[tuple[str, int]]:
    with path.open(encoding="utf-8") as file:
        return [(row["text"], int(row["label"])) for row in map(json.loads, file)]


def general(data: Path | None) -> Split:
    """SST-2 phrases and sentences with the UCI review sentences; valid and test are halves of SST-2's dev sentences."""
    if data is None:
        train, dev = _general_from_hub()
    else:
        folder = data / "sentiment"
        names = ("sst2_phrases", "sst2_sentences", "uci_imdb", "uci_yelp", "uci_amazon_cells")
        train = [pair for name in names for pair in _jsonl(folder / f"{name}_train.jsonl")]
        dev = _jsonl(folder / "sst2_sentences_dev.jsonl")
    return _split(train, dev)


def informal(data: Path | None) -> Split:
    """GoEmotions comments whose emotions are all positive or all negative; valid and test are halves of its dev set."""
    train, dev = (_polar(rows) for rows in emotion_rows(data))
    return _split(train, dev)


def emotions_of(data: Path | None, texts: Sequence[str]) -> list[list[int]]:
    """The emotions (indices into EMOTIONS) of comments from `informal`'s training part, in the texts' order."""
    rows, _ = emotion_rows(data)
    found: dict[str, list[int]] = {}
    for text, emotions in rows:
        found.setdefault(text, emotions)
    return [found[text] for text in texts]


def emotion_rows(data: Path | None) -> tuple[list[tuple[str, list[int]]], ...]:
    """GoEmotions' comments with their emotions (indices into EMOTIONS): those of its training part, and those of its dev part."""
    if data is None:
        return _emotions_from_hub()
    return tuple(_emotions(data / "topics" / f"goemotions_{part}.tsv") for part in ("train", "dev"))


def _split(train: Iterable[tuple[str, int]], dev: list[tuple[str, int]]) -> Split:
    held = _unique(dev)
    halves = [_unique(p for p in zip(held.texts, held.labels, strict=True) if _half(p[0]) == half) for half in (0, 1)]
    return Split(_unique(train, without=held.texts), *halves)


def polarity(emotions: Iterable[str]) -> int | None:
    """1 when all emotions are positive, 0 when all are negative, else None (neutral, ambiguous or mixed)."""
    found = set(emotions)
    if not found:
        return None
    return 1 if found <= POSITIVE else 0 if found <= NEGATIVE else None


def _polar(rows: Iterable[tuple[str, list[int]]]) -> list[tuple[str, int]]:
    pairs = ((text, polarity(EMOTIONS[index] for index in indices)) for text, indices in rows)
    return [(text, label) for text, label in pairs if label is not None]


def _emotions(path: Path) -> list[tuple[str, list[int]]]:
    with path.open(encoding="utf-8", newline="\n") as file:
        rows = [line.rstrip("\r\n").split("\t") for line in file]
    return [(row[0], [int(index) for index in row[1].split(",")]) for row in rows]


def _general_from_hub() -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """The hub's `stanfordnlp/sst2` alone: the UCI sentences have no home there, so figures can differ a little."""
    from datasets import load_dataset

    sst2 = load_dataset("stanfordnlp/sst2")
    parts = (zip(sst2[name]["sentence"], sst2[name]["label"], strict=True) for name in ("train", "validation"))
    train, dev = ([(text, int(label)) for text, label in part] for part in parts)
    return train, dev


def _emotions_from_hub() -> tuple[list[tuple[str, list[int]]], ...]:
    from datasets import load_dataset

    sets = load_dataset("google-research-datasets/go_emotions", "simplified")
    return tuple(list(zip(sets[n]["text"], sets[n]["labels"], strict=True)) for n in ("train", "validation"))
