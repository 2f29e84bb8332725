"""Words for gaps from a short list: what the fake tiers answer to fill-mask. Tiers and gaps differ in their order."""

from __future__ import annotations

from playground.core import gaps
from playground.core.fill_task import FillTask
from playground.core.reading_types import Choices, Filling, Weighed
from playground.tasks.fill_mask import TASK

NAMED = (
    "she he they it patients water ice strings France into the a one <b>bold</b> 水 מים late early often never".split()
)


def gap_task() -> FillTask:
    return TASK


def fake_choices(task: FillTask, text: str, tier: str, *, scored: bool = True) -> Choices:
    """Unscored: an endpoint, which names five words and states their probabilities."""
    masks = _masks(text, tier, 20 if scored else 5)
    other = _masks(task.other, tier, 20 if scored else 5, shift=1) if task.other else ()
    weighed = ()
    if other:
        there = {row.token: row.score for row in other[0]}
        weighed = tuple(Weighed(row.token, row.score, there.get(row.token)) for row in masks[0][:5])
    return Choices(masks[0], masks, other, task.other, weighed, "computed" if scored else "stated")


def _masks(text: str, tier: str, most: int, shift: int = 0) -> tuple[tuple[Filling, ...], ...]:
    start = shift + (7 if tier == "scratch" else 0)
    count = gaps.count(text)
    orders = [[NAMED[(start + gap + place) % len(NAMED)] for place in range(most)] for gap in range(count)]
    best = [order[0] for order in orders]
    return tuple(
        tuple(
            Filling(word, round(0.5 / (place + 1), 4), gaps.passage(text, [*best[:gap], word, *best[gap + 1 :]], gap))
            for place, word in enumerate(order)
        )
        for gap, order in enumerate(orders)
    )
