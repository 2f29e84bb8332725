"""What a runtime can be asked: one frozen dataclass per operation. An op in `engine/ops` serves each."""

from __future__ import annotations

from dataclasses import dataclass

from playground.core.attention_types import Cut, Instead, PartName
from playground.core.types import ModelRef
from playground.core.writing_types import Writing


@dataclass(frozen=True)
class Call:
    """`user` is whom the scheduler is fair to."""

    model: ModelRef
    user: str = ""


@dataclass(frozen=True)
class Classify(Call):
    """One text to one of the model's labels. Finishes with `Labels`; with `MultiLabels` where `many` may hold at once."""

    text: str = ""
    many: bool = False


@dataclass(frozen=True)
class Candidate:
    """A label, and how it is written for a model to compare with a text."""

    label: str
    text: str


@dataclass(frozen=True)
class Match(Call):
    """One text against labels that the model need not have been trained on. Finishes with `Labels`; with `MultiLabels` where
    `many` may hold at once.

    By an encoder: softmax(scale cos), or for many sigmoid(scale cos - offset), which holds from `threshold` on. By an entailment
    model: its own probabilities that the candidate's text follows.
    """

    text: str = ""
    candidates: tuple[Candidate, ...] = ()
    many: bool = False
    scale: float = 20.0
    offset: float = 0.0
    threshold: float = 0.5


@dataclass(frozen=True)
class Tag(Call):
    """A label for each word of a text, as spans. Finishes with `Spans`; a long text is read in windows, to its end."""

    text: str = ""


@dataclass(frozen=True)
class Extract(Call):
    """The stretch of a context that answers a question, and the runners-up. Finishes with `ExtractedAnswer`; a long context is read
    in windows, to its end.
    """

    question: str = ""
    context: str = ""


@dataclass(frozen=True)
class Fill(Call):
    """Words for the gaps of a text, each written [MASK]. Finishes with `Choices`: of each gap the `most` likeliest words. In a long
    text each gap sees what stands around it.

    other: a second text with gaps, to compare the first with; or none. wanted: words for each gap of the text whose probability is
        wanted, however likely they are; without case.
    """

    text: str = ""
    other: str = ""
    most: int = 20
    wanted: tuple[frozenset[str], ...] = ()


@dataclass(frozen=True)
class Generate(Call):
    """What goes on where a text ends. `Partial` events as it is written; finishes with `Text`, which leaves out the prompt. Of a
    prompt longer than the model's context the end alone is read, and the stats say so.
    """

    text: str = ""
    writing: Writing = Writing()


@dataclass(frozen=True)
class Rewrite(Call):
    """A text made of a text, by an encoder-decoder: a translation, a summary in its own words. `Partial` events as it is written;
    finishes with `Text`. A text that is too long is cut, and the stats say so.
    """

    text: str = ""
    writing: Writing = Writing()


@dataclass(frozen=True)
class Pick(Call):
    """The `most` sentences of a text that say most of it. Finishes with `Text`, whose `picked` says where they stand."""

    text: str = ""
    most: int = 3


@dataclass(frozen=True)
class Foresee(Call):
    """How well a model that writes foresees a text. Finishes with `Foreseen`; a long text is read in windows, to its end."""

    text: str = ""


@dataclass(frozen=True)
class Embed(Call):
    """Texts to unit vectors by the bare backbone (mean pooling). Finishes with `Embeddings`."""

    texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Look(Call):
    """A look inside a model while it reads a text. target: what an encoder-decoder wrote of it; other models take none."""

    text: str = ""
    target: str = ""


@dataclass(frozen=True)
class Attend(Look):
    """Where a model's tokens look. Finishes with `AttentionMap`; a long text is cut, and its stats say so.

    keep: (part, layer) pairs whose weights are wanted of a text that is too long to keep all.
    """

    keep: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Ablate(Look):
    """The same text with a part of the model switched off. Finishes with `Ablated`."""

    cut: Cut = Cut()


@dataclass(frozen=True)
class AblateEach(Look):
    """The same text once for each head of a part, that head switched off. `Progress` events hold the grid so far; finishes with
    `AblationGrid`.
    """

    part: PartName = PartName.ENCODER
    instead: Instead = Instead.ZERO


@dataclass(frozen=True)
class LookThrough(Look):
    """What the model would say after each of its layers. Finishes with `LayerLens`."""


@dataclass(frozen=True)
class Repeat(Call):
    """Texts of random tokens, each said twice. Finishes with `RepeatScores`. length: tokens until a text repeats itself; the
    model's own context may allow fewer.
    """

    length: int = 24
    texts: int = 8
    seed: int = 0
