"""How answers are compared with gold answers: SQuAD's normalization, exact match and F1. Pure.

After the evaluation script of SQuAD 1.1 (Rajpurkar et al. 2016, "SQuAD: 100,000+ Questions for Machine Comprehension of Text",
section 6.1): case, ASCII punctuation, the articles a, an, the, and blanks make no difference; of several gold answers the best
counts. That a question has no answer is the answer "", as in SQuAD 2.0 (Rajpurkar et al. 2018).
"""

import re
import string
from collections import Counter
from collections.abc import Iterable

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_WITHOUT = str.maketrans("", "", string.punctuation)


def normalized(answer: str) -> str:
    """
    >>> normalized("The  Eiffel Tower!")
    'eiffel tower'
    """
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_WITHOUT)).split())


def exact(answer: str, golds: Iterable[str]) -> bool:
    """Whether it is one of the gold answers. Without gold answers the right one is ""."""
    return normalized(answer) in {normalized(gold) for gold in golds or [""]}


def f1(answer: str, golds: Iterable[str]) -> float:
    """Overlap of words with the gold answer that it is nearest to, in [0, 1]. Without gold answers the right one is "".

    >>> f1("in the Eiffel Tower", ["Eiffel Tower"])
    0.8
    """
    return max(_f1(normalized(answer).split(), normalized(gold).split()) for gold in golds or [""])


def _f1(said: list[str], gold: list[str]) -> float:
    if not said or not gold:
        return float(said == gold)
    shared = (Counter(said) & Counter(gold)).total()
    return 2 * shared / (len(said) + len(gold))
