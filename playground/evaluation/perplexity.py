"""How well a model that fills gaps foresaw the words that were there, its best guess or not."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable

from playground.core.reading_types import Choices
from playground.core.types import Answer


def perplexity(outputs: Iterable[Answer | None]) -> dict[str, float] | None:
    """JSON-able: the exponential of the mean negative log-probability of the right words, and of how many gaps (n). What a model
    has in its vocabulary alone counts: models with other vocabularies do not compare by it. None where no model computed any.
    """
    found = [p for output in outputs if isinstance(output, Choices) for p in output.wanted if p is not None]
    if not found:
        return None
    mean = sum(-math.log(max(p, sys.float_info.min)) for p in found) / len(found)
    return {"value": round(math.exp(mean), 3), "n": len(found)}
