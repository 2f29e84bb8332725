"""The fixed set on which a faster path has to agree with the plain one before it may answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

TOLERANCE = 1e-5  # of a probability: what a batched answer may differ from one alone, too

TEXTS = (
    "",
    "?",
    "Fine.",
    "Not bad at all!",
    "I loved every minute of it.",
    "Worst. Purchase. Ever.",
    "The waiter was kind, and the soup was cold.",
    "I would not say that I did not like it, but I would not say that I did.",
    "It arrived on 3 May 2021, cost $49.99, weighs 1,250 g and works on 230 V.",
    "No plot, no pace, no point :(",
    "thx 4 nothing lol",
    "Das war leider gar nicht gut. C'était pourtant très beau !",
    "Ünïcödé, 日本語, العربية, 🙂🙃, \u200b\u0301.",
    "https://example.org/a/b?c=d&e=%20f#g",
    "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
    "The film begins in a small town where nobody speaks, goes on for two hours in which nobody is understood, and ends "
    "with a song that nobody asked for; yet when the lights came up the whole row was in tears, and so was I.",
    "good " * 100,
)


def answers(logits: Sequence[np.ndarray]) -> np.ndarray:
    """Logits [L] of some texts, or [words, L] of each -> all their probabilities [N, L]."""
    rows = np.concatenate([np.atleast_2d(row) for row in logits]).astype(np.float64)
    shares = np.exp(rows - rows.max(axis=1, keepdims=True))
    found: np.ndarray = shares / shares.sum(axis=1, keepdims=True)
    return found


def difference(plain: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> float:
    """The largest between two answers; infinite where one of them is no number."""
    off = np.abs(answers(plain) - answers(other)).max()
    return float(off) if np.isfinite(off) else np.inf
