"""What crosses rooms about tokenizers: which there are, and how one reads a text. Standard library and numpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntFlag, StrEnum

import numpy as np


class Family(StrEnum):
    """How a tokenizer cuts. The value is what the page calls it."""

    BYTE_BPE = "byte-level BPE"
    BPE = "BPE"
    WORDPIECE = "WordPiece"
    UNIGRAM = "Unigram"
    CHARACTERS = "characters"
    WORDS = "words"
    SENTENCES = "sentences"
    OTHER = "other"


class Opener(StrEnum):
    """What reads it. A file in `inspection/tokens` serves each."""

    OPENAI = "openai"  # an encoding of the package bpe-openai; `name` is the encoding's
    HUB = "hub"  # a folder with a tokenizer.json of the package tokenizers, or files that transformers makes one of
    SCRATCH = "scratch"  # a folder with one of our own
    SPLIT = "split"  # no vocabulary: characters, words, sentences; `name` says which


@dataclass(frozen=True)
class TokenizerRef:
    """One tokenizer, and where it is.

    id: what address, command line and page call it. tier: whose models read with it: hosted, pretrained, finetuned, scratch, or
    nothing. name: see `Opener`. model: the checkpoint of the catalog that owns it, whose embeddings can be looked at; or none.
    used_by: the models that read with it, for people. context: most tokens that those models read at once, where one number holds.
    """

    id: str
    title: str
    opener: Opener
    tier: str = ""
    name: str = ""
    folder: str = ""
    model: str = ""
    used_by: tuple[str, ...] = ()
    context: int | None = None


class Flag(IntFlag):
    """What is to be known about one token; they may come together."""

    SPECIAL = 1  # a control token: [CLS], <|endoftext|>; its span is empty unless it was typed and read as one
    UNKNOWN = 2  # stands for what the vocabulary does not have
    CONTINUES = 4  # goes on with the word that the token before began
    SPLIT = 8  # begins or ends in the middle of a character's bytes
    SHARED = 16  # stands, with a token beside it, for one and the same stretch of the text; its span is empty


@dataclass(frozen=True)
class Reading:
    """A text as one tokenizer reads it: N tokens in order.

    text: what was read. A lone surrogate, which no tokenizer can read, is U+FFFD there.
    ids: int32 [N]; -1 for a family that has none (characters, words, sentences).
    spans: int32 [N, 2]: each token's [start, end) in the text's UTF-8 bytes; ordered, disjoint. Bytes in no span were left out
        (WordPiece leaves out blanks). Those of special and of shared tokens are empty, at their place.
    flags: uint8 [N], `Flag`.
    forms: by id, how the vocabulary writes the tokens that are there: “##ing”, “Ġthe”, “[CLS]”. Empty for a family without ids.
    normalized: the text as the tokenizer sees it (lowered, NFKC), where that is not the text; else None.
    decoded: what decoding the ids gives, specials left out, where that is not the text; else None: the round trip is exact.
    """

    ref: TokenizerRef
    family: Family
    text: str
    ids: np.ndarray
    spans: np.ndarray
    flags: np.ndarray
    vocabulary: int | None = None
    forms: Mapping[int, str] = field(default_factory=dict)
    normalized: str | None = None
    decoded: str | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def bytes(self) -> bytes:
        """The text in UTF-8."""
        return self.text.encode("utf-8")


@dataclass(frozen=True)
class Part:
    """A piece on the way to a token, or one that was considered.

    text: its form. Bytes that are no whole character stand as “\\xE2”. id: None where it is none. start, end: of it in the piece
    that is explained, in UTF-8 bytes. score: log-probability (Unigram), rank (BPE), where there is one.
    """

    text: str
    id: int | None = None
    start: int = 0
    end: int = 0
    score: float | None = None


@dataclass(frozen=True)
class Step:
    """One step. parts: what the piece is cut into after it. chosen: the places in `parts` that the step made. said: in words."""

    parts: tuple[Part, ...]
    chosen: tuple[int, ...] = ()
    said: str = ""


@dataclass(frozen=True)
class Derivation:
    """How a token came to be: the piece of the text that it is cut from, as the tokenizer sees it, step by step to the tokens.

    piece: [start, end) in the text's UTF-8 bytes. token: the place, among the last step's parts, of the token asked about.
    considered: Unigram: the lattice's edges, each possible piece with its score; WordPiece: the pieces tried and not found.
    source: the method's paper.
    """

    family: Family
    piece: tuple[int, int]
    seen: str
    steps: tuple[Step, ...]
    token: int
    considered: tuple[Part, ...] = ()
    said: str = ""
    source: str = ""


@dataclass(frozen=True)
class Message:
    """One turn of a conversation. role: system, user, assistant, tool."""

    role: str
    text: str


@dataclass(frozen=True)
class Conversation:
    """Messages as a chat model's template writes them, and that text's tokens.

    reading: of the whole rendered text, control tokens read as such. owners: int32 [N]: for each token the message whose text it
    is of, -1 for what the template adds.
    """

    reading: Reading
    messages: tuple[Message, ...]
    owners: np.ndarray
    template: str = ""
