"""Figures for the cards of classifiers of whole texts: their logits on held-out texts, beside baselines that saw the same training
texts. No torch.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from playground.training.baselines import Bayes, majority
from playground.training.calibration import calibration_error, sigmoid, softmax, thresholds
from playground.training.data import Examples
from playground.training.label_names import OUT_OF_SCOPE
from playground.training.whole_texts import LabelledTexts, WholeTexts

Answer = Callable[[tuple[str, ...]], np.ndarray]  # texts -> logits [N, L]
Figures = dict[str, Any]


def measure_all(
    recipe: str, answer: Answer, split: WholeTexts, train: LabelledTexts, cuts: tuple[float, ...] | None
) -> dict[str, Figures]:
    """The figures of every held-out part of a recipe. cuts: the labels' thresholds, where several may hold."""
    if cuts is not None:
        return {part: many(answer, split.dev, train, held, cuts) for part, held in split.held.items()}
    if recipe == "spam":
        return {part: two(answer, train, held, positive=1) for part, held in split.held.items()}
    rival = Bayes(plain(train))
    return {
        part: outside(answer, rival, held) if set(held.single) == {held.names.index(OUT_OF_SCOPE)} else
        inside(answer, rival, train, held)
        for part, held in split.held.items()
    }  # fmt: skip


def plain(texts: LabelledTexts) -> Examples:
    return Examples(texts.texts, texts.single)


def f1_of(guesses: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """F1 of each label, bool [N, L] both -> [L]; 0 for one that is neither there nor guessed."""
    both = 2 * (guesses & truth).sum(0)
    return both / np.maximum(1, guesses.sum(0) + truth.sum(0))


def _one_hot(labels: np.ndarray, count: int) -> np.ndarray:
    return np.eye(count, dtype=bool)[labels]


def _macro(guesses: np.ndarray, truth: np.ndarray, count: int) -> float:
    """Mean F1 of the labels that stand in `truth`."""
    there = np.unique(truth)
    return float(f1_of(_one_hot(guesses, count), _one_hot(truth, count))[there].mean())


def rounded(figures: Figures) -> Figures:
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in figures.items()}


def inside(answer: Answer, rival: Bayes, train: LabelledTexts, held: LabelledTexts) -> Figures:
    """Accuracy among labels one of which is "none of these" (`OUT_OF_SCOPE`), of texts that have one of the others."""
    scores, truth = softmax(answer(held.texts)), np.array(held.single)
    guesses, outside_label = scores.argmax(1), held.names.index(OUT_OF_SCOPE)
    guessed = np.array(rival.answer(held.texts))
    return rounded(
        {
            "n": len(held),
            "accuracy": float((guesses == truth).mean()),
            "macro_f1": _macro(guesses, truth, len(held.names)),
            "false_alarms": float((guesses == outside_label).mean()),
            "ece": calibration_error(scores.max(1), guesses == truth),
            "majority_accuracy": float((np.array(majority(plain(train), held.texts)) == truth).mean()),
            "naive_bayes_accuracy": float((guessed == truth).mean()),
            "naive_bayes_false_alarms": float((guessed == outside_label).mean()),
        }
    )


def outside(answer: Answer, rival: Bayes, held: LabelledTexts) -> Figures:
    """Recall of "none of these" on texts that are none of them."""
    scores, label = softmax(answer(held.texts)), held.names.index(OUT_OF_SCOPE)
    right = scores.argmax(1) == label
    return rounded(
        {
            "n": len(held),
            "accuracy": float(right.mean()),
            "ece": calibration_error(scores.max(1), right),
            "naive_bayes_accuracy": float((np.array(rival.answer(held.texts)) == label).mean()),
        }
    )


def two(answer: Answer, train: LabelledTexts, held: LabelledTexts, positive: int) -> Figures:
    """F1 of the label `positive`, with precision and recall."""
    scores, truth = softmax(answer(held.texts)), np.array(held.single)
    guesses = scores.argmax(1)
    guessed = np.array(Bayes(plain(train)).answer(held.texts))
    hits = int(((guesses == positive) & (truth == positive)).sum())
    return rounded(
        {
            "n": len(held),
            "positives": int((truth == positive).sum()),
            "f1": float(f1_of((guesses == positive)[:, None], (truth == positive)[:, None])[0]),
            "precision": hits / max(1, int((guesses == positive).sum())),
            "recall": hits / max(1, int((truth == positive).sum())),
            "accuracy": float((guesses == truth).mean()),
            "ece": calibration_error(scores.max(1), guesses == truth),
            "always_f1": float(f1_of(np.ones((len(truth), 1), bool), (truth == positive)[:, None])[0]),
            "naive_bayes_f1": float(f1_of((guessed == positive)[:, None], (truth == positive)[:, None])[0]),
            "majority_accuracy": float((np.array(majority(plain(train), held.texts)) == truth).mean()),
        }
    )


def many(
    answer: Answer, dev: LabelledTexts, train: LabelledTexts, held: LabelledTexts, cuts: tuple[float, ...]
) -> Figures:
    """Macro and micro F1 of labels that are judged each by itself, with the thresholds `cuts`.

    Baselines: all labels for every text; the most frequent label for every text; one naive Bayes for each label, whose thresholds
    were tuned on the same dev texts.
    """
    scores, truth = sigmoid(answer(held.texts)), held.matrix()
    guesses = scores >= np.array(cuts)
    trained = train.matrix()
    bayes_dev, bayes = (_each_by_itself(train, part.texts) for part in (dev, held))
    guessed = bayes >= np.array(thresholds(bayes_dev, dev.matrix()))
    most = np.zeros_like(truth)
    most[:, int(trained.sum(0).argmax())] = True
    return rounded(
        {
            "n": len(held),
            "macro_f1": float(f1_of(guesses, truth).mean()),
            "micro_f1": micro_f1(guesses, truth),
            "without_thresholds_macro_f1": float(f1_of(scores >= 0.5, truth).mean()),
            "ece": calibration_error(scores.ravel(), truth.ravel()),
            "naive_bayes_macro_f1": float(f1_of(guessed, truth).mean()),
            "all_labels_macro_f1": float(f1_of(np.ones_like(truth), truth).mean()),
            "majority_macro_f1": float(f1_of(most, truth).mean()),
            "naive_bayes_micro_f1": micro_f1(guessed, truth),
            "labels": {name: round(float(f1), 4) for name, f1 in zip(held.names, f1_of(guesses, truth), strict=True)},
        }
    )


def micro_f1(guesses: np.ndarray, truth: np.ndarray) -> float:
    return float(2 * (guesses & truth).sum() / max(1, guesses.sum() + truth.sum()))


def _each_by_itself(train: LabelledTexts, texts: tuple[str, ...]) -> np.ndarray:
    """P(label | text) of a naive Bayes for each label, [N, L]."""
    columns = []
    for column in train.matrix().T:
        rival = Bayes(Examples(train.texts, tuple(map(int, column))))
        columns.append([rival.probability(text, 1) for text in texts])
    return np.array(columns).T
