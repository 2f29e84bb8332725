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


class Bayes:
    """Multinomial naive Bayes over lowered words (Manning, Raghavan, Schütze 2008, Introduction to IR, chapter 13)."""

    def __init__(self, train: Examples, smoothing: float = 1.0) -> None:
        counts: dict[int, Counter[str]] = {label: Counter() for label in sorted(set(train.labels))}
        for text, label in zip(train.texts, train.labels, strict=True):
            counts[label].update(WORD.findall(text.lower()))
        self.vocabulary = set().union(*counts.values())
        priors = Counter(train.labels)
        totals = {label: sum(words.values()) + smoothing * len(self.vocabulary) for label, words in counts.items()}
        self.prior = {label: math.log(priors[label] / len(train)) for label in counts}
        self.unseen = {label: math.log(smoothing / totals[label]) for label in counts}
        self.seen = {
            label: {word: math.log((count + smoothing) / totals[label]) for word, count in words.items()}
            for label, words in counts.items()
        }

    def log_scores(self, text: str) -> dict[int, float]:
        """log P(label) + sum of log P(word | label), of each label that was there in training."""
        words = [word for word in WORD.findall(text.lower()) if word in self.vocabulary]
        return {
            label: self.prior[label] + sum(seen.get(word, self.unseen[label]) for word in words)
            for label, seen in self.seen.items()
        }

    def probability(self, text: str, label: int) -> float:
        """P(label | text); 0 for a label that was not there in training."""
        scores = self.log_scores(text)
        if label not in scores:
            return 0.0
        highest = max(scores.values())
        return math.exp(scores[label] - highest) / sum(math.exp(score - highest) for score in scores.values())

    def answer(self, texts: Sequence[str]) -> list[int]:
        """The most probable label of each text; the first of equals."""
        found = []
        for text in texts:
            scores = self.log_scores(text)
            found.append(max(scores, key=scores.__getitem__))
        return found


def naive_bayes(train: Examples, texts: Sequence[str], smoothing: float = 1.0) -> list[int]:
    """What `Bayes` answers."""
    return Bayes(train, smoothing).answer(texts)


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
