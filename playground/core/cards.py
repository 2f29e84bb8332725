"""What a model card on screen says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """One measured figure on one data set, beside the trivial baselines it must beat. `value` in 0..1, but for
    a perplexity, which is better the lower it is."""

    metric: str
    dataset: str
    value: float
    n: int
    baselines: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class ModelCard:
    """`markdown` is the whole card where the checkpoint has one. None: not known, shown as "–"."""

    title: str
    model: str
    source: str
    licence: str | None = None
    parameters: int | None = None
    size_bytes: int | None = None
    provenance: str | None = None
    trained_on: str | None = None
    train_seconds: float | None = None
    metrics: tuple[Measured, ...] = ()
    markdown: str = ""
