"""What there is to see of a model's attention, and what comes of switching parts of it off. Frozen; arrays, never tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

import numpy as np

FAINTEST = 1e-4  # of a weight in a thumbnail: what is less is drawn as nothing


class PartName(StrEnum):
    """Which attention of a transformer: where an encoder's tokens look, a decoder's, or from a decoder to what an encoder read."""

    ENCODER = "encoder"
    DECODER = "decoder"
    CROSS = "cross"


@dataclass(frozen=True)
class Part:
    """One stack of attention layers. queries, keys: which side asks, which is looked at: numbers in `AttentionMap.sides`.

    causal: no token looks at what comes after it.
    """

    name: PartName
    layers: int
    heads: int
    queries: int = 0
    keys: int = 0
    causal: bool = False


@dataclass(frozen=True)
class Side:
    """One text as the model reads it. tokens: pieces of the text as it was written, special ones by their name. spans: their
    [start, end) in characters of that text; empty ones for what is not in it. words: the number of each token's word, 0, 1, 2 ...;
    -1 for special tokens. text: as the model was given it; too long, it is cut where a decoder stopped reading, and whole where
    an encoder did.
    """

    text: str
    tokens: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    ids: tuple[int, ...]
    special: tuple[bool, ...]
    words: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass(frozen=True)
class PartMap:
    """The attention of one part. weights: by layer, float32 [heads, queries, keys], each row of keys summing to 1; of a long text
    only the layers that were asked for.

    thumbnails: uint8 [layers, heads, q, k] of all layers, by `inspection.thumbnails`: q and k are at most 64. scores: float32
    [layers, heads, measures], in the order of `head_measures.MEASURES`; NaN where a measure says nothing of this text. even:
    float32 [measures], what a head would score here that looks at all it sees alike; None where nobody asked.
    """

    part: Part
    weights: Mapping[int, np.ndarray]
    thumbnails: np.ndarray
    scores: np.ndarray
    even: np.ndarray | None = None

    @property
    def whole(self) -> bool:
        return len(self.weights) == self.part.layers

    def stack(self) -> np.ndarray:
        """float32 [layers, heads, queries, keys]. Of a map that is `whole`."""
        return np.stack([self.weights[layer] for layer in range(self.part.layers)])


@dataclass(frozen=True)
class AttentionMap:
    """Where each token of one text looked. An encoder-decoder has two sides: what it read, and what it wrote of it."""

    sides: tuple[Side, ...]
    parts: tuple[PartMap, ...]

    kind: ClassVar[str] = "attention"

    def part(self, name: str) -> PartMap | None:
        return next((one for one in self.parts if one.part.name == name), None)


# -- switching off


class Instead(StrEnum):
    """What stands in the place of what is switched off: nothing, or its mean over the tokens of this text."""

    ZERO = "zero"
    MEAN = "mean"


@dataclass(frozen=True, order=True)
class Head:
    part: PartName
    layer: int
    head: int


@dataclass(frozen=True, order=True)
class Token:
    """side: a number in `AttentionMap.sides`."""

    side: int
    place: int


@dataclass(frozen=True)
class Cut:
    """What is switched off in one pass. A head's mixture of values, before the output projection; a token's input embedding
    (position and type are left). A layer's attention is all of its heads.
    """

    heads: tuple[Head, ...] = ()
    tokens: tuple[Token, ...] = ()
    instead: Instead = Instead.ZERO

    def __bool__(self) -> bool:
        return bool(self.heads or self.tokens)


class AnswerKind(StrEnum):
    """What a model's answer is made of, and so what its change means."""

    LABELS = "labels"  # one of several, for the text as a whole
    MANY = "many"  # each label judged by itself
    WORDS = "words"  # a label for each word
    SPAN = "span"  # where an answer begins, and where it ends
    GAPS = "gaps"  # a word for each gap
    SENTENCES = "sentences"  # how much each says of the text
    NEXT = "next"  # the token after the text
    WRITTEN = "written"  # each token of what it wrote
    VECTOR = "vector"  # a direction, compared by its cosine


@dataclass(frozen=True)
class Option:
    """One possible answer, and its probability before and after; of a vector the cosine with the vector as it was."""

    text: str
    before: float
    after: float


@dataclass(frozen=True)
class Place:
    """What one question of a text came to. name: what it is about (a word, "gap 1", ...), empty where it is the text as a whole.
    options: the likeliest before and the likeliest after, by their probability before.
    """

    name: str
    options: tuple[Option, ...]

    @property
    def changed(self) -> bool:
        """Whether another option is the likeliest now."""
        first = max(self.options, key=lambda option: option.before, default=None)
        now = max(self.options, key=lambda option: option.after, default=None)
        return first is not now


@dataclass(frozen=True)
class Ablated:
    """What switching off did. effect: 0..1, how much probability moved: the mean over places of the total variation distance,
    half of sum |after - before|; of a vector 1 - cosine, at most 1.
    """

    answer: AnswerKind
    places: tuple[Place, ...]
    effect: float

    kind: ClassVar[str] = "ablated"


@dataclass(frozen=True)
class AblationGrid:
    """What each head's removal does, one at a time. effects: float32 [layers, heads] as in `Ablated`. drops: how much the answer
    that was likeliest lost, mean over places: before - after, float32 [layers, heads], negative where it gained. changed: bool,
    whether any place's likeliest answer is another. NaN and False for what is not computed yet.
    """

    part: PartName
    answer: AnswerKind
    effects: np.ndarray
    drops: np.ndarray
    changed: np.ndarray
    instead: Instead

    kind: ClassVar[str] = "ablation grid"


# -- layer by layer


@dataclass(frozen=True)
class LensPlace:
    """One place at one layer: the likeliest options there, best first, and the probability of the option that is likeliest at the
    end. `text`, `score` pairs.
    """

    options: tuple[tuple[str, float], ...]
    final: float


@dataclass(frozen=True)
class LayerLens:
    """What the model would say if it ended after each layer: layers[0] is after the embeddings, the last the answer itself.

    places: what the columns are about: each layer has one `LensPlace` for each. note: what is special about this model's lens, or
    empty.
    """

    answer: AnswerKind
    places: tuple[str, ...]
    layers: tuple[tuple[LensPlace, ...], ...]
    note: str = ""

    kind: ClassVar[str] = "layer lens"


# -- the test for induction


@dataclass(frozen=True)
class RepeatScores:
    """Each head's mean attention, over `texts` texts of random tokens that are said twice, from a token of the second time to the
    one that came after it the first time: float32 [layers, heads], 0..1 (Olsson et al. 2022, "In-context Learning and Induction
    Heads", transformer-circuits.pub, "Prefix matching score"). previous: to the token just before. chance: what looking everywhere
    alike would give. tokens: of one text, both times together, on average.
    """

    part: Part
    scores: np.ndarray
    previous: np.ndarray
    chance: float
    texts: int
    tokens: int

    kind: ClassVar[str] = "repeat scores"
