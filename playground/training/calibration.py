"""Confidence that is honest: temperature, thresholds of labels that are judged each by itself, and how far it is off. No torch.

Temperature scaling and the expected calibration error: Guo et al. 2017, arXiv 1706.04599, sections 4.2 and 2.
"""

import math
from collections.abc import Callable

import numpy as np

BINS = 15  # as Guo et al. have it
_GOLDEN = (math.sqrt(5) - 1) / 2


def softmax(logits: np.ndarray) -> np.ndarray:
    """Over the last axis."""
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-z), without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * logits))


def nll(logits: np.ndarray, truth: np.ndarray) -> float:
    """Mean negative log-likelihood. logits [N, L]; truth int [N] where each text has one label, bool [N, L] where it may have many
    (mean over all N L).
    """
    z = logits.astype(np.float64)
    if truth.ndim == 2:
        return float(np.mean(np.logaddexp(0, z) - np.where(truth, z, 0)))
    peak = z.max(-1)
    total = peak + np.log(np.exp(z - peak[:, None]).sum(-1))
    return float(np.mean(total - z[np.arange(len(z)), truth]))


def lowest(function: Callable[[float], float], low: float, high: float, steps: int = 60) -> float:
    """Where a function with one valley has its lowest value between `low` and `high`: golden-section search (Kiefer 1953)."""
    a, b = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_a, at_b = function(a), function(b)
    for _ in range(steps):
        if at_a < at_b:
            high, b, at_b = b, a, at_a
            a = high - _GOLDEN * (high - low)
            at_a = function(a)
        else:
            low, a, at_a = a, b, at_b
            b = low + _GOLDEN * (high - low)
            at_b = function(b)
    return (low + high) / 2


def temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """The T > 0 whose logits / T have the lowest `nll`; between 1/20 and 20. The best label of a text stays the best."""
    return math.exp(lowest(lambda t: nll(logits / math.exp(t), truth), -math.log(20), math.log(20)))


def thresholds(scores: np.ndarray, truth: np.ndarray, fewest: int = 10) -> tuple[float, ...]:
    """For each label the threshold whose F1 on these texts is best; scores and truth [N, L] -> L numbers.

    It lies between two scores, or a label with few positives would hang on one text's third decimal place. A label with fewer
    than `fewest` positives gets the threshold that is best for all such labels together.
    """
    rare = truth.sum(0) < fewest
    together = _best_threshold(scores[:, rare].ravel(), truth[:, rare].ravel()) if rare.any() else 0.5
    found = (together if rare[i] else _best_threshold(scores[:, i], truth[:, i]) for i in range(scores.shape[1]))
    return tuple(round(t, 3) for t in found)


def _best_threshold(scores: np.ndarray, truth: np.ndarray) -> float:
    """0.5 where no score is of a label that holds."""
    if not truth.any():
        return 0.5
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    hits = np.cumsum(truth[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + truth.sum())
    last_of_equals = np.append(ranked[1:] != ranked[:-1], True)
    best = int(np.argmax(np.where(last_of_equals, f1, -1)))
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float((ranked[best] + below) / 2)


def calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = BINS) -> float:
    """Expected calibration error: in `bins` bins of equal width over 0..1, |mean confidence - share right|, weighted by size.

    confidence, right: [N]. For labels that are judged each by itself, pass every label's score and whether it holds.
    """
    places = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)  # (0, 1/15], (1/15, 2/15], ...
    counts = np.bincount(places, minlength=bins)
    gaps = np.bincount(places, weights=confidence - right, minlength=bins)
    return float(np.abs(gaps).sum() / counts.sum())
