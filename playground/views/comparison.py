"""What the tiers' answers to one text are compared with, and the words in which tiers are named in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from playground.core.run import TierResult
from playground.core.types import Gold
from playground.views.state import NOTHING_KNOWN, Asked

_NUMBER_WORDS = ("no", "one", "two", "three", "four", "five", "six")


@dataclass(frozen=True)
class Comparison:
    """`results`: the compared answers, at least one, in the tiers' order.

    titles: of all tiers. right: by tier, where the input has a true answer. trained_on: by tier, why it may see things
    differently.
    """

    results: Sequence[TierResult]
    titles: Mapping[str, str]
    right: Mapping[str, bool] = field(default_factory=dict)
    trained_on: Mapping[str, str] = field(default_factory=dict)
    asked: Asked = NOTHING_KNOWN
    text: str = ""
    gold: Gold | None = None

    def title(self, tier: str) -> str:
        return self.titles.get(tier, tier)

    def named(self, tiers: Sequence[str]) -> str:
        """At the beginning of a sentence: “Pretrained, fine-tuned and from scratch”, “All four”."""
        if len(tiers) == len(self.titles) and len(tiers) > 2:
            return f"All {_NUMBER_WORDS[len(tiers)] if len(tiers) < len(_NUMBER_WORDS) else len(tiers)}"
        return sentence([self.title(tier) for tier in tiers])


def listed(names: Sequence[str]) -> str:
    """
    >>> listed(["Fine-tuned", "from scratch", "pretrained"])
    'Fine-tuned, from scratch and pretrained'
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def lowered(name: str) -> str:
    """A tier's title inside a sentence."""
    return name[:1].lower() + name[1:]


def sentence(titles: Sequence[str]) -> str:
    """Tiers at the beginning of a sentence: the first keeps its capital."""
    return listed([titles[0], *map(lowered, titles[1:])])
