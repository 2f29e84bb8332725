"""Numbers to answers: one label out of several, or each label judged by itself. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from playground.core.types import JudgedLabel, Labels, LabelScore, MultiLabels

HOLDS = 0.5  # where nobody has tuned a threshold: more likely than not


def chosen(names: Sequence[str], logits: np.ndarray) -> Labels:
    """Softmax of logits [L] in float64, best first; of equals the first named.

    >>> [round(row.score, 2) for row in chosen(("no", "yes"), np.array([0.0, 1.0])).scores]
    [0.73, 0.27]
    """
    shifted = np.exp(logits.astype(np.float64) - logits.max())
    shares = shifted / shifted.sum()
    rows = [LabelScore(name, float(share)) for name, share in zip(names, shares, strict=True)]
    rows.sort(key=lambda row: -row.score)
    return Labels(rows[0].label, tuple(rows), "computed")


def judged(names: Sequence[str], logits: np.ndarray, thresholds: Sequence[float] = ()) -> MultiLabels:
    """Sigmoid of each of the logits [L] in float64, best first. A label holds from its threshold on, `HOLDS` where there are
    none.

    >>> found = judged(("joy", "fear", "anger"), np.array([0.0, 1.0, -1.0]), (0.5, 0.8, 0.2))
    >>> found.labels
    ('joy', 'anger')
    >>> [(row.label, round(row.score, 2)) for row in found.scores]
    [('fear', 0.73), ('joy', 0.5), ('anger', 0.27)]
    """
    # exp of no positive number, so that none overflows
    small = np.exp(-np.abs(logits.astype(np.float64)))
    shares = np.where(logits >= 0, 1, small) / (1 + small)
    wanted = thresholds or (HOLDS,) * len(names)
    rows = [
        JudgedLabel(name, float(share), threshold) for name, share, threshold in zip(names, shares, wanted, strict=True)
    ]
    rows.sort(key=lambda row: -(row.score or 0.0))
    holds = tuple(row.label for row in rows if (row.score or 0.0) >= (row.threshold or 0.0))
    return MultiLabels(holds, tuple(rows), "computed")
