"""What a model card on screen says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Measured:
    """One measured figure on one data set, beside the trivial baselines it must beat. `value` in 0..1, but for BLEU (0..100) and
    for figures that are better the `lower` they are: a perplexity, bits per byte, nats per character.
    """

    metric: str
    dataset: str
    value: float
    n: int
    baselines: tuple[tuple[str, float], ...] = ()
    lower: bool = False


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


# What a recipe is judged by: the first of them that it measured.
METRICS = (
    "f1",
    "answer_f1",
    "accuracy",
    "macro_f1",
    "sacrebleu",
    "familiar_sacrebleu",
    "rougeL",
    "nats_per_character",
    "bits_per_byte",
)
# What is shown with it where it was measured.
BESIDE = (
    "exact_match",
    "micro_f1",
    "accuracy_at_5",
    "rouge1",
    "rouge2",
    "bits_per_byte",
    "perplexity",
    "ece",
)
LOWER = frozenset({"nats_per_character", "bits_per_byte", "perplexity", "ece"})  # these are better the lower they are
NAMES = {
    "answer_f1": "F1",
    "exact_match": "exact match",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "accuracy_at_5": "accuracy at 5",
    "sacrebleu": "BLEU",
    "familiar_sacrebleu": "BLEU, to a friend",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
    "nats_per_character": "nats per character",
    "bits_per_byte": "bits per byte",
    "ece": "calibration error",
}


def measured(dataset: str, figures: dict[str, Any]) -> tuple[Measured, ...]:
    """What a recipe measured on one held-out set: `{"n": 872, "accuracy": 0.9, "majority_accuracy": 0.5, "ece": 0.02, ...}`,
    or with `f1` (entities, spam), `answer_f1` (answers to questions) or `macro_f1` (several labels at once) in accuracy's
    place; of texts `sacrebleu`, `familiar_sacrebleu` (those said to a friend), `rougeL`, `bits_per_byte` or `nats_per_character`.
    """
    main = [metric for metric in METRICS if metric in figures][:1]
    shown = dict.fromkeys([*main, *(metric for metric in BESIDE if metric in figures)])
    return tuple(
        Measured(
            NAMES.get(metric, metric),
            dataset,
            figures[metric],
            figures["n"],
            _baselines(metric, figures),
            metric in LOWER,
        )
        for metric in shown
    )


def _baselines(metric: str, figures: dict[str, Any]) -> tuple[tuple[str, float], ...]:
    """Of "f1" all that ends in _f1, but for another metric ("macro_f1") and its baselines."""
    others = tuple(name for name in (*METRICS, *BESIDE) if name.endswith(f"_{metric}"))
    suffix = f"_{metric}"
    return tuple(
        (name.removesuffix(suffix).replace("_", " "), value)
        for name, value in figures.items()
        if name.endswith(suffix) and not name.endswith(others)
    )
