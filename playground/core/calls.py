"""What a runtime can be asked: one frozen dataclass per operation. An op in `engine/ops` serves each."""

from __future__ import annotations

from dataclasses import dataclass

from playground.core.types import ModelRef


@dataclass(frozen=True)
class Call:
    """`user` is whom the scheduler is fair to."""

    model: ModelRef
    user: str = ""


@dataclass(frozen=True)
class Classify(Call):
    """One text to one of the model's labels. Finishes with `Labels`."""

    text: str = ""


@dataclass(frozen=True)
class Tag(Call):
    """A label for each word of a text, as spans. Finishes with `Spans`; a long text is read in windows, to its end."""

    text: str = ""


@dataclass(frozen=True)
class Embed(Call):
    """Texts to unit vectors by the bare backbone (mean pooling). Finishes with `Embeddings`."""

    texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attend(Call):
    """Where a model's tokens look in one text. Finishes with `AttentionMap`; a long text is cut, and its stats say so."""

    text: str = ""
