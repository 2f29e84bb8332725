"""What a head of attention can be measured by: the names, formulas and sources that the page shows, and which measure names a head.

`inspection.heads` computes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

CLARK = "Clark et al. 2019, “What Does BERT Look At?” (arXiv 1906.04341)"
ELHAGE = "Elhage et al. 2021, “A Mathematical Framework for Transformer Circuits”, “Induction Heads”"


@dataclass(frozen=True)
class Measure:
    """formula: as it is shown, in plain text. threshold: from which score on a head is called `label`; None: it names no kind of
    head.

    meaning: of the label, one sentence about the head. missing: why a text has no such score. share: a part of each row's weight,
    0..1. crosses: it makes sense where one text looks at another.
    """

    name: str
    title: str
    formula: str
    source: str
    label: str = ""
    threshold: float | None = None
    meaning: str = ""
    missing: str = ""
    share: bool = True
    crosses: bool = False


# In the order of `PartMap.scores`. A[q, k]: the weight with which token q looks at token k, of a row that sums to 1; places count
# from 0.
MEASURES: tuple[Measure, ...] = (
    Measure(
        "entropy",
        "Entropy",
        "mean over all q of −Σₖ A[q, k] · ln A[q, k], in nats: 0 where each token looks at one alone",
        f"{CLARK}, section 3.3",
        share=False,
        crosses=True,
    ),
    Measure(
        "breadth",
        "Breadth",
        "the entropy ÷ what it would be if each token looked at all that it sees alike, mean over all q of ln(how many q sees)",
        f"{CLARK}, section 3.3, calls a head broad from 3.8 nats on; a share fits short texts too, and the bound is ours",
        label="broad",
        threshold=0.9,
        meaning="Its tokens spread their weight over nearly all they see: what it passes on is about the mean of the text.",
        missing="there is one token to look at alone",
        share=False,
        crosses=True,
    ),
    Measure(
        "distance",
        "Mean distance",
        "mean over all q of Σₖ A[q, k] · |q − k|, in tokens",
        "Vig and Belinkov 2019 (arXiv 1906.04284), “Attention Distance”",
        share=False,
    ),
    Measure(
        "previous",
        "Previous token",
        "(Σ A[q, q − 1] over q ≥ 1) ÷ n, the mean over all n queries: at most (n − 1)/n, since the first has none before it",
        f"{CLARK}, section 3.1; averaged as TransformerLens does; Voita et al. 2019 (arXiv 1905.09418), section 5, count how often "
        "it is the strongest instead",
        label="previous token",
        threshold=0.5,
        meaning="Each token looks at the one before it.",
        missing="there is no other token",
    ),
    Measure(
        "next",
        "Next token",
        "(Σ A[q, q + 1] over q ≤ n − 2) ÷ n, the mean over all n queries: at most (n − 1)/n",
        f"{CLARK}, section 3.1",
        label="next token",
        threshold=0.5,
        meaning="Each token looks at the one after it.",
        missing="there is no other token",
    ),
    Measure(
        "self",
        "Itself",
        "mean of A[q, q] over the q that see another token too",
        f"{CLARK}, section 3.1",
        label="itself",
        threshold=0.5,
        meaning="Each token looks at itself.",
        missing="there is no other token",
    ),
    Measure(
        "first",
        "First token",
        "mean of A[q, 0] over all q but the first; of another text's first token, over all q",
        f"{CLARK}, section 3.2; Xiao et al. 2023, “attention sinks” (arXiv 2309.17453), section 3.1",
        label="first token",
        threshold=0.6,
        meaning="Its tokens look at the first one, most often a sign that the head has nothing to do here.",
        missing="there is no other token",
        crosses=True,
    ),
    Measure(
        "separator",
        "Separators",
        "mean of Σ A[q, k] over special tokens k ≥ 1, for the q that see one, special ones included",
        f"{CLARK}, section 3.2",
        label="separator",
        threshold=0.6,
        meaning="Its tokens look at a special token such as [SEP], most often a sign that the head has nothing to do here.",
        missing="no special token but the first is seen",
        crosses=True,
    ),
    Measure(
        "same",
        "Same token",
        "mean of Σ A[q, k] over every other k with the id of q, for the q that see one; special tokens left out",
        "Wang et al. 2022, “duplicate token heads” (arXiv 2211.00593), section 3",
        label="same token",
        threshold=0.5,
        meaning="A token that stands elsewhere too looks there.",
        missing="no repeated token in this text",
    ),
    Measure(
        "punctuation",
        "Punctuation",
        "mean of Σ A[q, k] over the k that are nothing but punctuation, for the q that see such tokens and others",
        f"{CLARK}, section 3.2",
        label="punctuation",
        threshold=0.6,
        meaning="Its tokens look at punctuation.",
        missing="no punctuation is seen",
        crosses=True,
    ),
    Measure(
        "induction",
        "Induction",
        "mean of Σ A[q, j + 1] over the j with the id of q and j + 1 < q, for the q that have one; special tokens left out",
        f"{ELHAGE}; Olsson et al. 2022 (arXiv 2209.11895), “prefix matching”; the bound is ours",
        label="induction",
        threshold=0.4,
        meaning="A token that was said before looks at what came after it then: so a model can go on as the text did before.",
        missing="no repeated token in this text that something else follows",
    ),
)
BY_NAME = {measure.name: measure for measure in MEASURES}
PLACES = {measure.name: place for place, measure in enumerate(MEASURES)}


def measure_of(row: Sequence[float]) -> Measure | None:
    """The measure that names a head with these scores, in the order of `MEASURES`; None where none reaches its threshold.

    Of several that do, the one that went farthest from its threshold towards 1, in shares of that way; of equals the first. NaN
    names nothing.
    """
    best, farthest = None, 0.0
    for measure, score in zip(MEASURES, row, strict=True):
        if measure.threshold is None or not score >= measure.threshold:
            continue
        margin = (score - measure.threshold) / (1 - measure.threshold)
        if best is None or margin > farthest:
            best, farthest = measure, margin
    return best


def label_of(row: Sequence[float]) -> str:
    """What kind of head it is, in a word or two; empty where nothing dominates.

    >>> nothing = [float("nan")] * len(MEASURES)
    >>> scores = {PLACES["previous"]: 0.9, PLACES["induction"]: 0.5}
    >>> label_of([scores.get(place, value) for place, value in enumerate(nothing)]), label_of(nothing)
    ('previous token', '')
    """
    found = measure_of(row)
    return found.label if found else ""
