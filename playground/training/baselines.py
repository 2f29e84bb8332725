"""What a checkpoint must beat: the most frequent label, and naive Bayes on the same training data. Standard library only."""

import math
import re
from collections import Counter
from collections.abc import Sequence

from playground.training.data import Examples

WORD = re.compile(r"\w\w+")  # as scikit-learn's CountVectorizer cuts by default


def majority(train: Examples, texts: Sequence[str]) -> list[int]:
    """The most frequent training label, for every text."""
    label = Counter(train.labels).most_common(1)[0][0]
    return [label] * len(texts)


def naive_bayes(train: Examples, texts: Sequence[str], smoothing: float = 1.0) -> list[int]:
    """Multinomial naive Bayes over lowered words (Manning, Raghavan, Schütze 2008, Introduction to IR, chapter 13)."""
    counts: dict[int, Counter[str]] = {label: Counter() for label in sorted(set(train.labels))}
    for text, label in zip(train.texts, train.labels, strict=True):
        counts[label].update(WORD.findall(text.lower()))
    vocabulary = set().union(*counts.values())
    priors = Counter(train.labels)
    totals = {label: sum(words.values()) + smoothing * len(vocabulary) for label, words in counts.items()}

    def score(label: int, words: list[str]) -> float:
        likelihood = sum(math.log((counts[label][word] + smoothing) / totals[label]) for word in words)
        return math.log(priors[label] / len(train)) + likelihood

    guesses = []
    for text in texts:
        words = [word for word in WORD.findall(text.lower()) if word in vocabulary]
        guesses.append(max(counts, key=lambda label: score(label, words)))
    return guesses


def accuracy(guesses: Sequence[int], labels: Sequence[int]) -> float:
    """Share of equal entries."""
    return sum(a == b for a, b in zip(guesses, labels, strict=True)) / len(labels)


def macro_f1(guesses: Sequence[int], labels: Sequence[int]) -> float:
    """Mean of the labels' F1 scores, each label counting the same."""
    scores = []
    for label in sorted(set(labels)):
        hits = sum(a == b == label for a, b in zip(guesses, labels, strict=True))
        called, true = list(guesses).count(label), list(labels).count(label)
        scores.append(2 * hits / (called + true))
    return sum(scores) / len(scores)
