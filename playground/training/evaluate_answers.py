"""Figures of a reader for its card: on held-out questions, beside the baseline on the same questions; and from which probability on
it says that there is no answer. No torch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from playground.core import squad
from playground.training.answer_baselines import sentence_and_phrase
from playground.training.questions import Question, ReadingSplit, unanswerable

COST = 0.005  # of F1 on questions that have an answer: what the threshold of "no answer" may cost there


@dataclass(frozen=True)
class Said:
    """A reader's best answer, "" where it found no span, and the probability that there is none."""

    answer: str
    none: float

    def at(self, threshold: float) -> str:
        return "" if self.none >= threshold else self.answer


Reader = Callable[[Sequence[Question]], list[Said]]


def threshold(questions: Sequence[Question], said: Sequence[Said]) -> float:
    """The lowest probability of "no answer" from which on to say so, such that it costs questions with an answer at most `COST` of
    their F1; 0.5 or more.
    """
    scores = np.array([squad.f1(s.answer, q.answers) for q, s in zip(questions, said, strict=True)])
    none = np.array([s.none for s in said])
    for limit in np.arange(0.5, 1.0, 0.01):
        if scores[none >= limit].sum() <= COST * len(scores):
            return round(float(limit), 2)
    return 1.0


def figures(questions: Sequence[Question], said: Sequence[Said], limit: float) -> dict[str, Any]:
    """SQuAD's F1 and exact match, with "no answer" from `limit` on, beside the baseline's."""

    def mean(score: Callable[..., float], answers: Sequence[str]) -> float:
        return round(sum(score(a, q.answers) for q, a in zip(questions, answers, strict=True)) / len(questions), 4)

    answers = [s.at(limit) for s in said]
    simple = [sentence_and_phrase(q) for q in questions]
    return {
        "n": len(questions),
        "answer_f1": mean(squad.f1, answers),
        "exact_match": mean(squad.exact, answers),
        "phrase_f1": mean(squad.f1, simple),
        "phrase_exact_match": mean(squad.exact, simple),
        "called_unanswerable": round(sum(not a for a in answers) / len(answers), 4),
    }


def noticed(said: Sequence[Said], limit: float) -> float:
    """Of questions without an answer, the share of which the reader says so."""
    return round(sum(s.none >= limit for s in said) / max(1, len(said)), 4)


def measured(read: Reader, split: ReadingSplit, seed: int) -> tuple[float, dict[str, dict[str, Any]]]:
    """The threshold of "no answer", set on `valid`, and the figures of each held-out part with it."""
    limit = threshold(split.valid, read(split.valid))
    metrics = {}
    for part, held in split.held.items():
        others = unanswerable(held, min(1.0, 1000 / max(1, len(held))), seed)
        metrics[part] = figures(held, read(held), limit) | {"noticed": noticed(read(others), limit)}
    return limit, metrics
