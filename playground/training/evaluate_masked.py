"""Figures of a masked language model on held-out words, beside those of knowing nothing but how often words are."""

from typing import Any

import numpy as np

from playground.training.masking import Hidden, Stream, Vocabulary


def figures(log_probabilities: np.ndarray, batch: Hidden, often: np.ndarray) -> dict[str, Any]:
    """log_probabilities: float32 [N, V] at the hidden places. often: float64 [V], shares of the words of the training text."""
    return {"n": len(batch.words), **scores(log_probabilities, batch.words), **_frequent(batch.words, often)}


def scores(log_probabilities: np.ndarray, words: np.ndarray) -> dict[str, float]:
    """Accuracy of the likeliest word, whether the true one is among five, and the perplexity of the true one (to be exact: the
    exponential of its mean negative log-probability).
    """
    true = log_probabilities[np.arange(len(words)), words]
    rank = (log_probabilities > true[:, None]).sum(1)
    return {
        "accuracy": round(float((rank == 0).mean()), 4),
        "accuracy_at_5": round(float((rank < 5).mean()), 4),
        "perplexity": round(float(np.exp(-true.astype(np.float64).mean())), 2),
    }


def _frequent(words: np.ndarray, often: np.ndarray) -> dict[str, float]:
    found = scores(np.broadcast_to(np.log(often), (len(words), len(often))), words)
    return {
        "most_frequent_accuracy": found["accuracy"],
        "most_frequent_accuracy_at_5": found["accuracy_at_5"],
        "most_frequent_perplexity": found["perplexity"],
    }


def one_piece(stream: Stream, vocabulary: Vocabulary) -> float:
    """Which share of a text's words are one piece of the vocabulary: the others cannot be the answer at one mask."""
    begins = vocabulary.whole[stream.ids]
    return round(float(vocabulary.words(stream.ids).sum() / max(1, begins.sum())), 4)
