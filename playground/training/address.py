"""Whom a French sentence speaks to: a friend (tu) or a stranger, or several (vous). By its pronouns; no torch."""

from __future__ import annotations

import re
from collections.abc import Sequence

from playground.training.tatoeba import Referenced, plain

_FAMILIAR = re.compile(r"(?<!\w)(?:(?:tu|te|toi|ton|ta|tes)(?!\w)|t'(?=\w))", re.I)
_POLITE = re.compile(r"(?<!\w)(?:vous|votre|vos|vôtre|vôtres)(?!\w)", re.I)


def is_familiar(text: str) -> bool:
    """It says tu, te, toi, ton, ..., and no vous.

    >>> is_familiar("Où as-tu mis tes clés ?"), is_familiar("Où avez-vous mis vos clés ?"), is_familiar("Y a-t-il du thé ?")
    (True, False, False)
    """
    return bool(_FAMILIAR.search(plain(text))) and not _POLITE.search(text)


def is_polite(text: str) -> bool:
    """It says vous, votre or vos."""
    return bool(_POLITE.search(text))


def familiar_ones(held: Sequence[Referenced]) -> list[Referenced]:
    """Those sentences that somebody translated to a friend, with these translations alone."""
    kept = ((one.source, tuple(text for text in one.references if is_familiar(text))) for one in held)
    return [Referenced(source, references) for source, references in kept if references]
