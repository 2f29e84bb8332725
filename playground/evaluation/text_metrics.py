"""Metrics of texts that a model wrote, beside texts that a good one is like.

ROUGE (Lin 2004) by Google's `rouge-score`: F1 of shared words (`rouge1`), of pairs of neighbours (`rouge2`) and of the longest
common subsequence (`rougeL`), words stemmed; of several references the one that gives most counts, metric by metric (Cachola et
al. 2020, arXiv 2004.15011, section 4). BLEU (Papineni et al. 2002) over the whole file by `sacrebleu` (Post 2018) with its
defaults: 13a tokens, exponential smoothing, 0..100. Bits per byte: those of all texts over the bytes of all texts.

A missing answer is an empty text, and one that was to be foreseen costs 8 bits a byte, as it would uncompressed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np

from playground.core.writing_types import Foreseen

ROUGE = ("rouge1", "rouge2", "rougeL")
ORDER = 4  # BLEU's longest n-grams
RAW = 8.0  # bits a byte
KEPT = 4096  # examples that are counted once for all figures and intervals

# -- ROUGE


def rouge(texts: Sequence[str], said: object) -> Mapping[str, float]:
    """0..1 by name: of each the most that one of these texts gives. What is no text is no answer."""
    return _rouge(tuple(texts), said if isinstance(said, str) else "")


@lru_cache(KEPT)
def _rouge(texts: tuple[str, ...], said: str) -> Mapping[str, float]:
    each = [_scorer().score(text, said) for text in texts]
    return {name: max((found[name].fmeasure for found in each), default=0.0) for name in ROUGE}


@cache
def _scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer
    from rouge_score.tokenizers import DefaultTokenizer

    return RougeScorer(
        list(ROUGE), tokenizer=DefaultTokenizer(use_stemmer=True)
    )  # left to itself, it logs that it takes this one


# -- BLEU


def bleu_counts(texts: Sequence[str], said: object) -> tuple[int, ...]:
    """[2 + 2 ORDER] of one example: the lengths of the text and of the reference that is nearest to it in length, then how many
    n-grams are right, and how many there are, of each order. Summed over examples they give `bleu`.
    """
    return _bleu_counts(tuple(texts), said if isinstance(said, str) else "")


@lru_cache(KEPT)
def _bleu_counts(texts: tuple[str, ...], said: str) -> tuple[int, ...]:
    found = _bleu().corpus_score([said], [[text] for text in texts])
    return (found.sys_len, found.ref_len, *found.counts, *found.totals)


def bleu(counts: np.ndarray) -> float:
    """0..100. counts [2 + 2 ORDER]: sums of `bleu_counts`."""
    length, nearest, *grams = (int(count) for count in counts)
    return float(_bleu().compute_bleu(grams[:ORDER], grams[ORDER:], length, nearest, smooth_method="exp").score)


@cache
def _bleu() -> Any:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(max_ngram_order=ORDER)


# -- bits per byte


def foreseen_counts(texts: Sequence[str], said: object) -> tuple[float, int]:
    """Bits and bytes of one text, given as the only one of `texts`."""
    if isinstance(said, Foreseen):
        return said.bits, said.bytes
    size = sum(len(text.encode()) for text in texts)
    return RAW * size, size
