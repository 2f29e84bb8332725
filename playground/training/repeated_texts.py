"""Texts of random characters in which one stretch is said over and over, made up on the spot: who foresees them has to look for
where the same was said before.
"""

import string
from dataclasses import dataclass

import numpy as np

from playground.scratch.characters import START

CHARACTERS = (
    START + " " + string.digits + string.ascii_uppercase + string.ascii_lowercase
)  # by their numbers in Unicode


@dataclass(frozen=True)
class Repeated:
    """ids: int64 [B, T + 1]; the first of each is `START`, which stands nowhere else. known: bool [B, T], whether the token after
    that place can be known: it and the one before it were said in the same order already, as a part of the stretch.
    """

    ids: np.ndarray
    known: np.ndarray


def repeated(
    random: np.random.Generator,
    rows: int,
    length: int,
    vocabulary: int,
    shortest: int = 8,
    longest: int = 32,
    widest: int = 8,
) -> Repeated:
    """`rows` texts of `length` tokens and one more. Of each are drawn: the stretch, `shortest` to `longest` tokens; where it begins
    first, less than its length after the start; how many other tokens stand between two times that it is said, 0 to `widest`. So no
    place and no distance gives away what comes next. Token 0 is the start.
    """
    ids = random.integers(1, vocabulary, (rows, length + 1))
    stretch = random.integers(1, vocabulary, (rows, longest))
    many = random.integers(shortest, longest + 1, rows)[:, None]
    begin = 1 + (random.random((rows, 1)) * many).astype(np.int64)
    period = many + random.integers(0, widest + 1, (rows, 1))
    since = np.arange(length + 1) - begin  # [B, T + 1] since the stretch began first
    within = since % period
    inside = (since >= 0) & (within < many)
    ids = np.where(inside, np.take_along_axis(stretch, np.minimum(within, longest - 1), 1), ids)
    ids[:, 0] = 0
    known = inside & (since >= period) & (within > 0)
    return Repeated(ids, known[:, 1:])


def by_last_time(ids: np.ndarray) -> np.ndarray:
    """ids [B, T + 1] -> for each token but the last the one that followed it when it was said last, int64 [B, T]; -1 where it was
    not said before.

    >>> by_last_time(np.array([[0, 5, 7, 5, 8, 5, 9]])).tolist()
    [[-1, -1, -1, 7, -1, 8]]
    """
    rows, length = len(ids), ids.shape[1] - 1
    found = np.full((rows, length), -1)
    follower = np.full((rows, ids.max() + 1), -1)
    every = np.arange(rows)
    for place in range(length):
        found[:, place] = follower[every, ids[:, place]]
        follower[every, ids[:, place]] = ids[:, place + 1]
    return found


def by_counting(ids: np.ndarray) -> np.ndarray:
    """ids [B, T + 1] -> for each token but the last the one that was said most often until there, int64 [B, T]; of several the
    lowest.

    >>> by_counting(np.array([[3, 5, 5, 3, 3, 5]])).tolist()
    [[3, 3, 5, 3, 3]]
    """
    said = np.eye(ids.max() + 1, dtype=np.int32)[ids[:, :-1]].cumsum(axis=1)  # [B, T, V]
    found: np.ndarray = said.argmax(axis=-1)
    return found
