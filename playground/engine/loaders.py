"""What can be loaded, and what a loaded model offers. One file per loader in `engine/models`; a `ModelRef` names it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from playground.core.registry import Registry, modules_in
from playground.core.types import ModelRef
from playground.engine.background import Background
from playground.engine.inputs import Context, Encoded, EncodedGaps, EncodedPair, EncodedQuestion, EncodedWords
from playground.engine.insides import Insides
from playground.engine.vectors import Vectors

Report = Callable[[str, "float | None"], None]


@dataclass(frozen=True)
class Identity:
    """What a card says about the weights that answered. `parameters` and `bytes` include the backbone's;
    `adapter_*` are the part on top of it. `own_bytes` is what the cache books for this entry alone.
    """

    fingerprint: str
    device: str
    dtype: str
    parameters: int
    bytes: int
    own_bytes: int
    adapter_parameters: int | None = None
    adapter_bytes: int | None = None


class Runner(Protocol):
    """What computes a forward pass. Models with one runner can share it. Device thread only."""

    def logits(self, rows: Sequence[tuple[Any, Any]]) -> list[np.ndarray]:
        """(model, text) pairs to logits, float32 [L] each; L is the row's own model's number of labels. Of taggers, whose
        rows are `EncodedWords`, [words, L]. Of readers, whose rows are `EncodedQuestion`, [1 + context's tokens, 2]: how well
        each fits as an answer's first and as its last token, "no answer" in front. Of fillers of gaps, whose rows are
        `EncodedGaps`, [gaps, V].
        """


class TextModel(Protocol):
    """A loaded model that reads text. `labels` are those of its own config, empty where it has none."""

    @property
    def identity(self) -> Identity: ...

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def group(self) -> Hashable:
        """Models of an equal group can share a forward pass."""

    def encode(self, text: str, max_length: int) -> Encoded:
        """Device thread only: tokenizers keep state."""


class Answering(TextModel, Protocol):
    """A model whose answers say how they came about."""

    @property
    def path(self) -> str | None:
        """How it computes just now, where that is not the plain way; a card shows it. Device thread only."""


class TextClassifier(Answering, Protocol):
    @property
    def runner(self) -> Runner: ...


class WordReader(Protocol):
    """How a model reads words: each by itself, as transformers' `is_split_into_words=True` does. Device thread only."""

    def room(self, max_length: int) -> int:
        """How many pieces of words a window of so many tokens holds, special ones left out."""

    def split(self, lines: Sequence[Sequence[str]]) -> list[list[tuple[int, ...]]]:
        """The pieces of each word of each line: 16 at most, none where the model cannot see it."""

    def window(self, words: Sequence[Sequence[int]], written: Sequence[str]) -> EncodedWords:
        """Words by their pieces, with the special tokens around them. `written`: the same words as they stand in the text."""


class Tagger(Answering, Protocol):
    """A model that labels words. `outputs`: its number of logits per word; `consistent`: see `core.bio`."""

    @property
    def reader(self) -> WordReader: ...

    @property
    def word_runner(self) -> Runner: ...

    @property
    def outputs(self) -> int: ...

    @property
    def consistent(self) -> bool: ...


class SentencePicker(Answering, Protocol):
    """A model that scores the sentences of a text side by side: [sentences, 1]. Its reader takes sentences for words."""

    @property
    def reader(self) -> WordReader: ...

    @property
    def sentence_runner(self) -> Runner: ...


class QuestionReader(Protocol):
    """How a model reads a question beside a context. Device thread only."""

    def question(self, text: str) -> list[int]:
        """Its tokens, cut where it is far too long."""

    def context(self, text: str) -> Context:
        """All of it."""

    def room(self, question: Sequence[int], max_length: int) -> int:
        """How many of the context's tokens a window of so many tokens holds beside the question."""

    def window(self, question: Sequence[int], context: Sequence[int]) -> EncodedQuestion:
        """A question and a part of a context, with the special tokens around them."""


class SpanReader(Answering, Protocol):
    """A model that finds answers in a context."""

    @property
    def reader(self) -> QuestionReader: ...

    @property
    def span_runner(self) -> Runner: ...


class GapReader(Protocol):
    """How a model reads a text with gaps. Device thread only."""

    def rows(self, text: str, max_length: int) -> list[EncodedGaps]:
        """The windows that hold a text's gaps, each gap in one of them, in reading order; `truncated` where a window is not all."""


class GapFiller(Answering, Protocol):
    """A model that fills gaps. `gap_runner` gives logits [gaps, V] for a row."""

    @property
    def reader(self) -> GapReader: ...

    @property
    def gap_words(self) -> Any:
        """Its vocabulary as words: `models._gaps.Words`."""

    @property
    def gap_runner(self) -> Runner: ...


class Attentive(TextModel, Protocol):
    """A model that can be looked into."""

    @property
    def insides(self) -> Insides: ...


class TextEncoder(TextModel, Protocol):
    def embed(self, rows: Sequence[Encoded]) -> np.ndarray:
        """Mean of the last layer over real tokens, length 1: float32 [B, D]. Device thread only."""


class VectorRunner(Protocol):
    """As `Runner`, for sentence vectors. Device thread only."""

    def vectors(self, rows: Sequence[tuple[Any, Any]]) -> list[np.ndarray]:
        """(model, text) pairs to vectors of length 1, float32 [D] each."""


class Matcher(Answering, Protocol):
    """A model whose sentence vectors are near each other where a text and a label belong together."""

    @property
    def vector_runner(self) -> VectorRunner: ...

    @property
    def known(self) -> Vectors:
        """Of labels it was asked about before, by text and length. Device thread only."""


class EntailmentModel(TextModel, Protocol):
    """A model that reads a text and a claim together, and says whether the claim follows."""

    def pair(self, text: str, claim: str, max_length: int) -> EncodedPair:
        """The text is cut where both are too long, the claim only where it alone is. Device thread only."""

    def entailment(self, rows: Sequence[EncodedPair]) -> np.ndarray:
        """Logits, float32 [B, 2]: that it does not follow, that it does. Device thread only."""


@dataclass(frozen=True)
class LoadContext:
    """What a loader works with. `on_device(f)` runs f on the device's thread between two steps and returns its result;
    what changes a module that answers requests goes through it. `fast`: whether a faster path may answer while it agrees
    with the plain one. `book(bytes)`: from now on the model takes this much in all; False, and nothing changes, where that is
    more than it had and memory is not plenty; None while its load is not over. `background`: for a model's own threads.
    """

    device: Any
    dtype: Any
    on_device: Callable[[Callable[[], Any]], Any]
    report: Report = field(default=lambda what, fraction: None)
    fast: bool = False
    book: Callable[[int], bool | None] = field(default=lambda bytes: True)
    background: Background = field(default_factory=Background)


class Loader(Protocol):
    name: str

    def estimate(self, ref: ModelRef) -> int:
        """Bytes without the base's; quick, without torch. Raises ModelError."""

    def load(self, ref: ModelRef, base: Any | None, context: LoadContext) -> TextModel:
        """On a loader's thread, with the libraries imported. Raises ModelError."""

    def unload(self, model: Any, context: LoadContext) -> None:
        """Takes the model out of what it shares with others. Its memory goes with its last reference."""


def build_loaders() -> Registry[Loader]:
    """Every `LOADER` in `engine/models`."""
    from playground.engine import heap, models

    heap.one_arena()  # before there is a loader's thread
    loaders: Registry[Loader] = Registry("loader")
    for module in modules_in(models):
        loaders.add(module.LOADER.name, module.LOADER)
    return loaders
