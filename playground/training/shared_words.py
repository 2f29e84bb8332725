"""What a matcher of texts and labels must beat: the label that shares the most words with the text. Standard library only."""

import math
import re
from collections import Counter
from collections.abc import Sequence

WORD = re.compile(r"\w+")


class SharedWords:
    """A word that a text and a label share counts by its inverse document frequency in the training texts (Spärck Jones 1972)."""

    def __init__(self, train: Sequence[str]) -> None:
        self.texts = len(train)
        self.holding = Counter(word for text in train for word in set(_words(text)))

    def weight(self, word: str) -> float:
        """log((N + 1) / (n + 1)) of a word that n of N texts hold."""
        return math.log((self.texts + 1) / (self.holding[word] + 1))

    def answer(self, texts: Sequence[str], labels: Sequence[str]) -> list[int]:
        """For each text the place of its label: the highest sum of shared weights over the root of the label's length."""
        sides = [set(_words(label)) for label in labels]
        found = []
        for text in texts:
            words = set(_words(text))
            scores = [sum(map(self.weight, side & words)) / math.sqrt(max(1, len(side))) for side in sides]
            found.append(scores.index(max(scores)))
        return found


def _words(text: str) -> list[str]:
    return WORD.findall(text.lower())
