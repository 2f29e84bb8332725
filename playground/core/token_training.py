"""What crosses rooms when a visitor trains a tokenizer. Standard library and numpy."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

LEAST_SIZE, MOST_SIZE = 300, 8000  # tokens of a vocabulary
MOST_TEXT = 2_000_000  # bytes of a text that was typed; a file may have as many as the settings say
RIVALS = 7  # pairs told at each merge beside the one that was chosen


class TrainingKind(StrEnum):
    """What is trained, as addresses call it."""

    SCRATCH = "scratch"  # our own byte-level BPE, merge by merge
    BPE = "bpe"  # the same by the package tokenizers
    WORDPIECE = "wordpiece"
    UNIGRAM = "unigram"


KIND_TITLES = {
    TrainingKind.SCRATCH: "our own BPE",
    TrainingKind.BPE: "BPE",
    TrainingKind.WORDPIECE: "WordPiece",
    TrainingKind.UNIGRAM: "Unigram",
}


@dataclass(frozen=True)
class TrainingProgress:
    """said: what is being done. fraction: of that, 0 to 1; None where nobody knows."""

    said: str
    fraction: float | None = None


@dataclass(frozen=True)
class MergeSteps:
    """How our own BPE learned, N merges.

    merges: int32 [N, 5]: the pair's two ids, the token's id, how often the pair occurred, and the whole text's tokens afterwards.
    rivals: int32 [N, RIVALS, 3]: the pairs that came next, each with its count, the best first; -1 where there were fewer.
    first: the id of the first single byte; the ids below are special tokens. order: the 256 bytes in the order of their ids.
    pieces: the beginning of the text in the pieces that no merge crosses. whole: whether that is all of it. tokens: the text's
    bytes, which are its tokens before the first merge.
    """

    merges: np.ndarray
    rivals: np.ndarray
    first: int
    order: bytes
    pieces: tuple[str, ...]
    whole: bool
    tokens: int


@dataclass(frozen=True)
class TrainedTokenizer:
    """What came of it.

    content: its tokenizer.json. shared: the same as the package tokenizers reads it, where `content` is in our own format.
    size: tokens of the vocabulary. seconds: what it took. steps: of our own BPE.
    """

    kind: TrainingKind
    content: str = field(repr=False)
    size: int
    seconds: float
    shared: str = field(default="", repr=False)
    steps: MergeSteps | None = field(default=None, repr=False)
