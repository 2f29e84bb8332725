"""How a token is chosen: settings, and how they bend the scores that a model gives.

In the order of transformers and with its results: repetition penalty, a model's rules, temperature, top-k, top-p. Pure functions
of numbers.

Letters in the comments, for shapes:
    V  size of the vocabulary
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

ALTERNATIVES = 5  # tokens that a step names beside the chosen one

# What must or must not come next, whatever is likely: (the text so far, scores [V]) -> scores [V], -inf where it must not.
Rules = Callable[[Sequence[int] | Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen. Raises ValueError for settings that mean nothing.

    The same seed and settings give the same tokens. A temperature of 0 is greedy, and then top_k, top_p and seed do nothing. With
    more than one beam nothing is left to chance, and of these settings length and repetition_penalty alone count.
    """

    length: int = 64  # the most new tokens
    temperature: float = 1.0  # below 1 the likely becomes likelier, above 1 the unlikely
    top_k: int = 0  # only so many of the likeliest; 0: all
    top_p: float = 1.0  # only the likeliest that together have this probability; 1: all
    repetition_penalty: float = 1.0  # above 1, what the text has already becomes less likely
    seed: int = 0
    beams: int = 1
    length_penalty: float = 1.0  # of beams: above 0 long texts are preferred, below 0 short ones
    early: bool = False  # of beams: over as soon as as many texts are finished as there are beams

    def __post_init__(self) -> None:
        wrong = {
            f"a length of {self.length}: at least 1": self.length < 1,
            f"a temperature of {self.temperature}: at least 0": not 0 <= self.temperature < math.inf,
            f"the {self.top_k} likeliest: at least 1, or 0 for all": self.top_k < 0,
            f"a top_p of {self.top_p}: above 0, at most 1": not 0 < self.top_p <= 1,
            f"a repetition penalty of {self.repetition_penalty}: above 0": not 0 < self.repetition_penalty < math.inf,
            f"{self.beams} beams: at least 1": self.beams < 1,
            f"a length penalty of {self.length_penalty}: a finite number": not math.isfinite(self.length_penalty),
        }
        for what, is_wrong in wrong.items():
            if is_wrong:
                raise ValueError(f"A text cannot be written with {what}.")


@dataclass(frozen=True)
class Step:
    """One token, and what else it might have been: probabilities as the model gave them, before any setting bent them."""

    token: int
    probability: float
    alternatives: tuple[
        tuple[int, float], ...
    ]  # (token, probability), the likeliest first; the chosen one may be among them


# -- scores to scores: logits [V] in, logits [V] out -----------------------------------------------------------------------


def penalise(logits: Tensor, ids: Sequence[int] | Tensor, penalty: float) -> Tensor:
    """What the text has already becomes less likely: positive scores are divided, negative ones multiplied (Keskar et al. 2019,
    arXiv 1909.05858, section 4.1). ids: the text so far, with its prompt; a token counts once, however often it came.
    """
    seen = torch.as_tensor(ids, device=logits.device).unique()
    scores = logits[seen]
    return logits.index_put((seen,), torch.where(scores < 0, scores * penalty, scores / penalty))


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """Tokens that are less likely than the k-th become impossible; equals of the k-th stay (Fan et al. 2018, arXiv 1805.04833)."""
    kth = logits.topk(min(k, logits.shape[-1])).values[-1]
    return logits.masked_fill(logits < kth, -math.inf)


def keep_top_p(logits: Tensor, p: float) -> Tensor:
    """Only the smallest set of the likeliest tokens stays possible whose probabilities reach p together, at least one (Holtzman et
    al. 2020, arXiv 1904.09751, section 3.1).
    """
    ascending, order = logits.sort()
    below = ascending.softmax(dim=-1).cumsum(dim=-1)  # probability of this token and of all less likely ones
    drop = below <= 1 - p
    drop[-1] = False
    return logits.masked_fill(torch.zeros_like(drop).scatter(0, order, drop), -math.inf)


def processed(logits: Tensor, ids: Sequence[int] | Tensor, sampling: Sampling, rules: Rules | None = None) -> Tensor:
    """logits [V] of what follows the text `ids` -> logits [V] as the settings bend them: their softmax is what is drawn from."""
    if sampling.repetition_penalty != 1:
        logits = penalise(logits, ids, sampling.repetition_penalty)
    if rules is not None:
        logits = rules(ids, logits)
    if sampling.temperature == 0:
        return logits  # greedy: what follows changes no order
    logits = logits / sampling.temperature
    if sampling.top_k:
        logits = keep_top_k(logits, sampling.top_k)
    if sampling.top_p < 1:
        logits = keep_top_p(logits, sampling.top_p)
    return logits


# -- and what is told of a choice -------------------------------------------------------------------------------------------


def told(logits: Tensor, token: int) -> Step:
    """logits [V] and the token chosen by them -> what is told of it."""
    probabilities = logits.softmax(dim=-1)
    best = probabilities.topk(min(ALTERNATIVES, len(probabilities)))
    alternatives = zip(best.indices.tolist(), best.values.tolist(), strict=True)
    return Step(token, float(probabilities[token]), tuple(alternatives))
