"""The frozen dataclasses that cross rooms: tiers, models, requests, outputs, stats."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar, Literal

import numpy as np

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

    loader: the engine's loader by name: "encoder", or "lora-", "scratch-" or "pipeline-" with "classifier", "tagger", "reader" or
        "masked"; "lora-" or "scratch-" with "encoder", "pipeline-nli".
    folder: a local folder; resolving a hub id to its folder in the local cache is the catalog's work.
    digests: (file name, sha256) pairs that must hold before a byte is interpreted.
    base: the backbone under an adapter; two refs with the same base share it in memory.
    labels: names of the logits in order; empty where the checkpoint's own config says them.
    thresholds: of labels that are judged each by itself, in the same order: a label holds where its score reaches its own.
    capitals: whether words with a capital are marked by token type 1, as a tagger over an uncased encoder may be trained.
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


ScoreSource = Literal["computed", "logprobs", "stated"]


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
class AnswerSpan:
    """A stretch of a context that may be the answer: [start, end) in characters of the context as its user wrote it."""

    answer: str
    start: int
    end: int
    score: float | None = None


@dataclass(frozen=True)
class ExtractedAnswer:
    """What a context says to a question, in the context's own words: [start, end) in its characters. "" at [0, 0) where it says
    nothing.

    score: how sure the model is of just this, of "no answer" too. others: the runners-up, best first; none overlaps the answer or
        one another. Where there is no answer, the best of them is what it would have been.
    no_answer: the probability that there is none; None where the model gave none. Computed scores of all spans and this add up to
    1. placed: whether the words stand in the context; an endpoint's may not. Then [start, end) is [0, 0).
    """

    answer: str
    start: int
    end: int
    score: float | None = None
    others: tuple[AnswerSpan, ...] = ()
    no_answer: float | None = None
    score_source: ScoreSource = "computed"
    placed: bool = True

    kind: ClassVar[str] = "answer"


@dataclass(frozen=True)
class GoldAnswers:
    """All answers that count as right, in a context's own words; none where the context does not answer."""

    answers: tuple[str, ...]


@dataclass(frozen=True)
class Filling:
    """A word for a gap. score: 0..1; None where the model gave none. text: the passage with the word in it, and with the likeliest
    words in its other gaps; of a long text what stands around the gap.
    """

    token: str
    score: float | None = None
    text: str = ""


@dataclass(frozen=True)
class Weighed:
    """A word and its score in the gap of a text (`here`), and in that of another text (`there`)."""

    token: str
    here: float | None = None
    there: float | None = None


@dataclass(frozen=True)
class Choices:
    """Words for the gaps of a text. `choices`: of its first gap, best first.

    masks: of every gap in reading order, the first among them. Each is filled by itself, as if the others stayed open.
    other, other_text: the same of a second text, and that text, where one was given. weighed: words of both first gaps, side by
        side.
    """

    choices: tuple[Filling, ...]
    masks: tuple[tuple[Filling, ...], ...] = ()
    other: tuple[tuple[Filling, ...], ...] = ()
    other_text: str = ""
    weighed: tuple[Weighed, ...] = ()
    score_source: ScoreSource = "computed"

    kind: ClassVar[str] = "choices"

    @property
    def words(self) -> tuple[str, ...]:
        """The best word of each gap; empty where there is none."""
        return tuple(gap[0].token if gap else "" for gap in self.masks)


@dataclass(frozen=True)
class GapWords:
    """The true answer of a text with gaps: for each in reading order the words that are right."""

    gaps: tuple[frozenset[str], ...]


@dataclass(frozen=True)
class Embeddings:
    """Sentence vectors, float32 [texts, dimensions], each of length 1; `tokens` counts each text's tokens."""

    vectors: np.ndarray
    tokens: tuple[int, ...]

    kind: ClassVar[str] = "embeddings"


@dataclass(frozen=True)
class AttentionMap:
    """Where each token of one text looked: weights float32 [layers, heads, queries, keys]; a row of keys sums to 1.

    tokens: the queries' (and keys') pieces of the text as it was written, special tokens by their name.
    spans: their [start, end) in characters of the text; (n, n) for what is not in it.
    """

    weights: np.ndarray
    tokens: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]

    kind: ClassVar[str] = "attention"


Answer = Labels | MultiLabels | Spans | ExtractedAnswer | Choices  # what a tier gives to a task
Output = Answer | Embeddings | AttentionMap
# The true answer: a label, all labels that hold, all spans of the text, what counts as an answer to a question, or words for gaps.
Gold = str | frozenset[str] | tuple[Span, ...] | GoldAnswers | GapWords


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
