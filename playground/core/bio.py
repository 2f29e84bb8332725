"""Tags of words to labelled spans. Pure.

Entities follow conlleval (Tjong Kim Sang & De Meulder 2003, "Introduction to the CoNLL-2003 Shared Task", section 3): a span
begins at B-X, or at I-X that follows anything but B-X or I-X, and goes on through I-X. Of other schemes E-, L- and M- are
read as I-, S- and U- as B-, and a tag without prefix as I-. Where no tag is O and none has a prefix (word classes), each
word is a span.

What a model says of its words one by one need not fit together: "B-ORG I-LOC" would be two spans, and two errors. Where it
is known that a model was trained on entities that all begin with B- (ours were; of others nobody knows), its words get the
likeliest tags together that do (Viterbi 1967, "Error Bounds for Convolutional Codes", section 3).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from playground.core.types import Span

OUTSIDE = "O"
_PREFIXED = re.compile(r"([BIMSEUL])[-_](.+)", re.DOTALL)
_BEGIN = frozenset("BSU")


@dataclass(frozen=True)
class Scheme:
    """A model's tags, read. labels: without prefixes and O, in the tags' order.

    of: for each tag its label's place, -1 for O; begins: whether it always begins a span; consistent: whether every span begins
    with a tag that does.
    """

    labels: tuple[str, ...]
    of: tuple[int, ...]
    begins: tuple[bool, ...]
    consistent: bool = False

    @classmethod
    def read(cls, tags: Sequence[str], consistent: bool = False) -> Scheme:
        """
        >>> Scheme.read(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]).labels
        ('PER', 'LOC')
        >>> Scheme.read(["ADJ", "NOUN"])
        Scheme(labels=('ADJ', 'NOUN'), of=(0, 1), begins=(True, True), consistent=False)
        """
        found = [_PREFIXED.fullmatch(tag) for tag in tags]
        entities = OUTSIDE in tags or any(found)
        names = [
            None if entities and tag == OUTSIDE else match[2] if match else tag
            for tag, match in zip(tags, found, strict=True)
        ]
        labels = tuple(dict.fromkeys(name for name in names if name is not None))
        return cls(
            labels,
            tuple(-1 if name is None else labels.index(name) for name in names),
            tuple(not entities or (match is not None and match[1] in _BEGIN) for match in found),
            consistent,
        )

    def best(self, shares: np.ndarray) -> np.ndarray:
        """The tag of each word of a line, [words]: its likeliest; where the scheme is consistent, the likeliest of all rows of tags
        in which nothing goes on that has not begun. shares as in `spans`.

        >>> scheme = Scheme.read(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"], consistent=True)
        >>> scheme.best(np.array([[0.1, 0.6, 0.0, 0.3, 0.0], [0.1, 0.0, 0.4, 0.0, 0.5]]))
        array([1, 2])
        """
        if not self.consistent or not any(self.begins) or not len(shares):
            return shares.argmax(axis=1)
        of, inside = np.array(self.of), ~np.array(self.begins) & (np.array(self.of) >= 0)
        # [tags before, tags]: 0 where the second may follow the first
        barred = np.where(inside & (of[:, None] != of), -np.inf, 0.0)
        logs = np.log(np.maximum(shares, 1e-12))
        score = np.where(inside, -np.inf, logs[0])
        back = np.zeros(shares.shape, dtype=np.intp)
        for word in range(1, len(shares)):
            ways = score[:, None] + barred
            back[word] = ways.argmax(axis=0)
            score = ways.max(axis=0) + logs[word]
        found = np.zeros(len(shares), dtype=np.intp)
        found[-1] = score.argmax()
        for word in range(len(shares) - 1, 0, -1):
            found[word - 1] = back[word, found[word]]
        return found

    def spans(self, text: str, words: Sequence[tuple[int, int]], shares: np.ndarray) -> list[Span]:
        """Of one line. words: [start, end) in the text; shares [words, tags]: each word's probabilities of the tags.

        A span's score is the mean over its words of the probability of its label, whatever the prefix.

        >>> scheme = Scheme.read(["O", "B-PER", "I-PER"])
        >>> shares = np.array([[0.1, 0.8, 0.1], [0.2, 0.1, 0.7], [1.0, 0.0, 0.0]])
        >>> (span,) = scheme.spans("Ada King wrote", [(0, 3), (4, 8), (9, 14)], shares)
        >>> span.text, span.label, round(span.score, 2)
        ('Ada King', 'PER', 0.85)
        """
        if not len(words):
            return []
        chosen = self.best(shares)  # [words]
        members = np.array(self.of)[:, None] == np.arange(len(self.labels))  # [tags, labels]
        of_label = shares @ members  # [words, labels]
        groups: list[tuple[int, int, int]] = []  # label, first word, last word
        for word, tag in enumerate(chosen):
            label = self.of[tag]
            if label < 0:
                continue
            if not self.begins[tag] and groups and groups[-1][0] == label and groups[-1][2] == word - 1:
                groups[-1] = (label, groups[-1][1], word)
            else:
                groups.append((label, word, word))
        found = []
        for label, first, last in groups:
            start, end = words[first][0], words[last][1]
            score = float(of_label[first : last + 1, label].mean())
            found.append(Span(start, end, self.labels[label], text[start:end], min(1.0, score)))
        return found
