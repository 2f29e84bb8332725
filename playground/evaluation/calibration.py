"""Whether confidences are honest: of all answers given with a confidence of 0.8, 80 % should be right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from playground.core import squad
from playground.core.reading_types import ExtractedAnswer, GoldAnswers
from playground.core.task import canonical_label
from playground.core.types import Answer, Gold, Labels, MultiLabels

BINS = 15


def expected_calibration_error(confidences: Sequence[float], right: Sequence[bool], bins: int = BINS) -> float:
    """The mean distance between confidence and share of right answers over bins of equal width, weighted by how many answers are
    in each (Guo et al. 2017, "On Calibration of Modern Neural Networks", equation 3). Confidences in 0..1, as many as `right`;
    at least one. A bin is (low, high]; 0 itself is in the first.
    """
    sure, hits = np.asarray(confidences, dtype=np.float64), np.asarray(right, dtype=np.float64)
    places = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(
        places, weights=hits - sure, minlength=bins
    )  # [bins]: count times (share right - mean confidence)
    return float(np.abs(gaps).sum() / len(sure))


def confidences(rows: Iterable[tuple[Gold, Answer | None]]) -> tuple[list[float], list[bool]]:
    """Of answers with scores that a model computed: of one label, the confidence in it and whether it is the true one; of several,
    each judged label's score and whether that label is true; of an answer to a question, its score and whether it is exactly a true
    one.
    """
    sure: list[float] = []
    right: list[bool] = []
    for gold, output in rows:
        if not isinstance(output, Labels | MultiLabels | ExtractedAnswer) or output.score_source != "computed":
            continue
        if isinstance(output, Labels):
            if isinstance(gold, str) and output.confidence is not None:
                sure.append(output.confidence)
                right.append(canonical_label(output.label) == canonical_label(gold))
        elif isinstance(output, ExtractedAnswer):
            if isinstance(gold, GoldAnswers) and output.score is not None:
                sure.append(output.score)
                right.append(squad.exact(output.answer, gold.answers))
        elif isinstance(gold, frozenset):
            true = set(map(canonical_label, gold))
            scored = [row for row in output.scores if row.score is not None]
            sure += [row.score for row in scored if row.score is not None]
            right += [canonical_label(row.label) in true for row in scored]
    return sure, right
