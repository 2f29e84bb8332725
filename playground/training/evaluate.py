"""Figures for the card: a checkpoint on held-out texts, beside the trivial baselines on the same texts."""

from collections.abc import Callable
from typing import Any

from playground.training.baselines import accuracy, macro_f1, majority, naive_bayes
from playground.training.data import Examples


def measure(answer: Callable[[tuple[str, ...]], list[int]], train: Examples, held: Examples) -> dict[str, Any]:
    """Accuracy and macro F1 of `answer` on `held`, with n; then the accuracy of the baselines, which saw `train`."""
    guesses = answer(held.texts)
    return {
        "n": len(held),
        "accuracy": round(accuracy(guesses, held.labels), 4),
        "macro_f1": round(macro_f1(guesses, held.labels), 4),
        "majority_accuracy": round(accuracy(majority(train, held.texts), held.labels), 4),
        "naive_bayes_accuracy": round(accuracy(naive_bayes(train, held.texts), held.labels), 4),
    }
