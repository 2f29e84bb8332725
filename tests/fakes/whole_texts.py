"""Tasks of whole texts, and what the fake tiers answer to them: many labels, several labels at once, the visitor's own labels.

A label is found where one of its words stands in the text. The tiers differ: the scratch tier misses words of more than seven
letters, the pretrained one takes "sad" for "grief" too. An endpoint names what holds, without thresholds.
"""

from __future__ import annotations

import re
import zlib

from playground.core.fields import Field
from playground.core.label_task import LabelTask
from playground.core.multi_label_task import MultiLabelTask
from playground.core.task import Example, Label, Task
from playground.core.types import Answer, JudgedLabel, Labels, LabelScore, MultiLabels
from playground.core.zero_shot_task import ZeroShotTask

TOPICS = (
    "admiration amusement anger annoyance approval caring confusion curiosity desire disappointment disapproval disgust "
    "embarrassment excitement fear gratitude grief joy love nervousness optimism pride realization relief remorse sadness "
    "surprise neutral"
).split()


def fake_answer(task: Task, text: str, tier: str, *, scored: bool = True) -> Answer:
    """Unscored: an endpoint."""
    names = [label.name for label in task.labels]
    scores = {name: _score(name, text.lower(), tier) for name in names}
    best = sorted(names, key=lambda name: -scores[name])
    if task.kind == MultiLabels.kind:
        bounds = {name: round(0.3 + zlib.crc32(name.encode()) % 30 / 100, 2) for name in names}
        holds = tuple(name for name in best if scores[name] >= bounds[name])
        if not scored:
            return MultiLabels(holds, tuple(JudgedLabel(name, scores[name]) for name in holds), "stated")
        return MultiLabels(holds, tuple(JudgedLabel(name, scores[name], bounds[name]) for name in best))
    total = sum(scores.values())
    rows = tuple(LabelScore(name, scores[name] / total) for name in best)
    return Labels(best[0], rows, "computed" if scored else "stated")


def _score(name: str, text: str, tier: str) -> float:
    words = [word for word in re.findall(r"\w+", name.lower()) if len(word) > 2] or [name.lower()]
    found = [word for word in words if word in text and not (tier == "scratch" and len(word) > 7)]
    if tier == "pretrained" and name == "grief" and "sad" in text:
        found = words
    noise = zlib.crc32(f"{tier} {name}".encode()) % 1000
    return round(0.62 + 0.3 * len(found) / len(words) + noise / 20_000, 4) if found else noise / 6000


def topics_task() -> MultiLabelTask:
    return MultiLabelTask(
        name="topics",
        title="Topics",
        question="Which feelings does the text show?",
        placeholder="Type a comment.",
        labels=tuple(Label(name, f"It shows {name}.") for name in TOPICS),
        examples=(
            Example(
                "two at once",
                "What a surprise, such joy, and so much gratitude to all of you!",
                frozenset({"joy", "surprise", "gratitude"}),
                "Several hold at once.",
            ),
            Example(
                "sad news", "So sad: sadness and disappointment everywhere.", frozenset({"sadness", "disappointment"})
            ),
            Example("none of them", "It begins at nine.", frozenset()),
        ),
        instruction="Name the feelings.",
    )


def intent_task(count: int = 78) -> LabelTask:
    named = ["card_payment_not_recognised", "top_up_reverted", "refund_not_showing_up", "lost_or_stolen_phone"]
    names = named + [f"question_number_{place}" for place in range(count - len(named) - 1)] + ["out_of_scope"]
    return LabelTask(
        name="intent",
        title="Intent",
        question="What does the customer want?",
        placeholder="Type a question to a bank.",
        labels=tuple(Label(name, f"It is about {name}.") for name in names),
        examples=(
            Example("a refund", "My refund is not showing up on the card.", "refund_not_showing_up", "One of 78."),
        ),
        instruction="Name the intent.",
    )


def own_task() -> ZeroShotTask:
    return ZeroShotTask(
        name="zero-shot",
        title="Zero-shot",
        question="Which of your labels fits the text?",
        placeholder="Type a text.",
        labels=(Label("delivery", ""), Label("refund", ""), Label("praise", "")),
        examples=(
            Example("a parcel", "My delivery never came.", "delivery", "Labels that nobody trained on."),
            Example(
                "two things",
                "The delivery was late and I want my refund.",
                frozenset({"delivery", "refund"}),
                "Several may be true.",
                (("labels", 'delivery\nrefund\npraise\n"late, or not" at all'), ("many", "1")),
            ),
        ),
        instruction="Choose a label.",
        fields=(
            Field(
                "labels",
                "Labels",
                "lines",
                "delivery, refund, praise",
                "One label a line, or commas between",
                "Your own.",
            ),
            Field("many", "Several may be true", "flag"),
        ),
        many_question="Which of your labels are true of the text?",
    )


def whole_text_tasks() -> list[Task]:
    return [own_task(), topics_task(), intent_task()]
