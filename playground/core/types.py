"""The frozen dataclasses that cross rooms: tiers, models, requests, outputs, stats."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar

import numpy as np

from playground.core.attention_types import Ablated, AblationGrid, AttentionMap, LayerLens, RepeatScores
from playground.core.reading_types import Choices, ExtractedAnswer, GapWords, GoldAnswers, ScoreSource
from playground.core.writing_types import Foreseen, References, Text

TIERS: tuple[str, ...] = ("hosted", "pretrained", "finetuned", "scratch")  # always in this order


class Source(StrEnum):
    """Where an answer came from, as its card says it."""

    LIVE = "live"
    LOCAL_SERVER = "local server"
    RECORDED = "recorded"
    STAND_IN = "stand-in"
    HUB = "hub"
    BUNDLED = "bundled"
    TRAINED_HERE = "trained here"


@dataclass(frozen=True)
class ModelRef:
    """Everything a runtime needs to load one model, and nothing about who asked.

    loader: the engine's loader by name: "encoder", or "lora-", "scratch-" or "pipeline-" with "classifier", "tagger", "reader",
        "masked", "decoder" or "seq2seq"; "lora-" or "scratch-" with "encoder", "lora-" with "picker", "pipeline-nli".
    folder: a local folder; resolving a hub id to its folder in the local cache is the catalog's work.
    digests: (file name, sha256) pairs that must hold before a byte is interpreted.
    base: the backbone under an adapter; two refs with the same base share it in memory.
    labels: names of the logits in order; empty where the checkpoint's own config says them.
    thresholds: of labels that are judged each by itself, in the same order: a label holds where its score reaches its own.
    capitals: whether words with a capital are marked by token type 1, as a tagger over an uncased encoder may be trained.
    sentences: whether a model that writes a text of a text reads one sentence at a time, as it was trained to.
    no_answer: the probability from which on a reader says that a question has no answer; above 1: never.
    """

    id: str
    loader: str
    folder: str
    revision: str = ""
    digests: tuple[tuple[str, str], ...] = ()
    base: ModelRef | None = None
    labels: tuple[str, ...] = ()
    max_length: int = 256
    thresholds: tuple[float, ...] = ()
    capitals: bool = False
    sentences: bool = False
    no_answer: float = 0.5


@dataclass(frozen=True)
class Request:
    """One input for one tier. `session` names who asks (fairness, credentials); a key is never in a request."""

    text: str
    model: str | None = None
    session: str = ""
    seed: int = 0


@dataclass(frozen=True)
class LabelScore:
    label: str
    score: float


@dataclass(frozen=True)
class Labels:
    """One label out of several. `scores` add up to 1, best first.

    score_source: "computed" by a local softmax, "logprobs" from the endpoint's token probabilities,
    "stated" where the model only claims its confidence in words.
    """

    label: str
    scores: tuple[LabelScore, ...]
    score_source: ScoreSource = "computed"

    kind: ClassVar[str] = "labels"

    def score_of(self, label: str) -> float | None:
        return next((row.score for row in self.scores if row.label == label), None)

    @property
    def confidence(self) -> float | None:
        return self.score_of(self.label)


@dataclass(frozen=True)
class JudgedLabel:
    """A label judged by itself. score, threshold: 0..1; None where the model gave none."""

    label: str
    score: float | None = None
    threshold: float | None = None


@dataclass(frozen=True)
class MultiLabels:
    """Any number of labels, each judged by itself. `labels`: those that hold, best first; none is an answer too.

    scores: of every label that was judged, best first. They need not add up to anything.
    """

    labels: tuple[str, ...]
    scores: tuple[JudgedLabel, ...] = ()
    score_source: ScoreSource = "computed"

    kind: ClassVar[str] = "multilabels"


@dataclass(frozen=True)
class Span:
    """A labelled stretch of a text: [start, end) in characters of the text as its user wrote it, and what stands there."""

    start: int
    end: int
    label: str
    text: str = ""
    score: float | None = None


@dataclass(frozen=True)
class Spans:
    """Labelled stretches of one text, by their start, of the same start the longer first. They may nest and overlap.

    labels: all that this model can give: of models with different ones only those in common can be compared.
    unplaced: stretches that an endpoint named and that do not stand in the text; they are left out.
    """

    spans: tuple[Span, ...]
    labels: tuple[str, ...] = ()
    score_source: ScoreSource = "computed"
    unplaced: int = 0

    kind: ClassVar[str] = "spans"


def in_order(spans: Iterable[Span]) -> tuple[Span, ...]:
    """By start, then the longer first."""
    return tuple(sorted(spans, key=lambda span: (span.start, -span.end, span.label)))


@dataclass(frozen=True)
class Embeddings:
    """Sentence vectors, float32 [texts, dimensions], each of length 1; `tokens` counts each text's tokens."""

    vectors: np.ndarray
    tokens: tuple[int, ...]

    kind: ClassVar[str] = "embeddings"


Answer = Labels | MultiLabels | Spans | ExtractedAnswer | Choices | Text | Foreseen  # what a tier gives to a task
Insight = AttentionMap | Ablated | AblationGrid | LayerLens | RepeatScores  # what is seen inside a model
Output = Answer | Embeddings | Insight
# The true answer: a label, all labels that hold, all spans of the text, what counts as an answer to a question, words for gaps, or
# texts that a good one is like.
Gold = str | frozenset[str] | tuple[Span, ...] | GoldAnswers | GapWords | References


def output_json(output: Answer) -> dict[str, Any]:
    """The documented JSON of an output."""
    return asdict(output)


@dataclass(frozen=True)
class Stats:
    """What was measured about one answer. None: not measured, shown as "–"; never 0 in its place.

    parameters, resident_bytes: of everything that computed the answer; adapter_*: the part an adapter adds to its base.
    fingerprint: first 16 hex digits of a digest of the weights active in the very step that answered.
    cost_usd of a local model is 0 per call; of an endpoint, from published prices of `price_date`.
    request_json, response_json: what went over the wire to a hosted endpoint, without headers (so without a key).
    path: how a local model computed it, where that is not the plain way, e.g. "adapter merged".
    """

    model: str | None = None
    revision: str | None = None
    fingerprint: str | None = None
    source: Source | None = None
    device: str | None = None
    dtype: str | None = None
    parameters: int | None = None
    adapter_parameters: int | None = None
    resident_bytes: int | None = None
    adapter_bytes: int | None = None
    load_seconds: float | None = None
    queue_seconds: float | None = None
    latency_seconds: float | None = None
    time_to_first_token_seconds: float | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_per_second: float | None = None
    cost_usd: float | None = None
    price_date: str | None = None
    cache_hit: bool | None = None
    batch_size: int | None = None
    truncated: bool | None = None
    request_json: str | None = None
    response_json: str | None = None
    note: str | None = None
    path: str | None = None

    def json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Support:
    """Whether a tier can serve a task; where not, the sentence its card shows (why, and what would make it work)."""

    yes: bool
    reason: str = ""

    def __bool__(self) -> bool:
        return self.yes


@dataclass(frozen=True)
class Choice:
    """One row of a tier's model picker."""

    id: str
    title: str
    source: Source
    available: bool = True
    why_not: str = ""


@dataclass(frozen=True)
class Resident:
    """One row of what is in memory. `key` names it to `Runtime.pin` and `unload`; `fraction`: of a load under way, 0..1;
    `credit`: its worth to the eviction policy, the lowest goes first; `idle_seconds`: since its last use.
    """

    model: str
    state: str
    bytes: int
    leases: int
    hits: int
    loads: int
    load_seconds: float
    base: str | None = None
    device: str = "cpu"
    pinned: bool = False
    key: str = ""
    fraction: float | None = None
    credit: float = 0.0
    idle_seconds: float | None = None
