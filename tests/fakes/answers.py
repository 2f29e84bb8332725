"""Answers from rules: what the fake tiers say to questions about a context, and such a task.

A tier quotes the number in the sentence that shares most words with the question. They differ: the scratch tier takes the first
number of the whole context, the fine-tuned one the number and the word behind it; none says that there is an answer where no word
is shared. An endpoint makes words up where the question says "unplaced".
"""

from __future__ import annotations

import re

from playground.core.extract_task import CONTEXT, ExtractTask
from playground.core.fields import Field
from playground.core.reading_types import AnswerSpan, ExtractedAnswer, GoldAnswers
from playground.core.task import Example

LIGHTHOUSE = (
    "The tower was built in 1874 <b>by hand</b>. Its keeper lived there for 19 years with 5 children. "
    "The lamp burned oil until 1931 and is electric now."
)
_NUMBER = re.compile(r"\d+")


def fake_extracted(question: str, context: str, tier: str, *, scored: bool = True) -> ExtractedAnswer:
    """Unscored: an endpoint."""
    if not scored and "unplaced" in question:
        return ExtractedAnswer("words of its own", 0, 0, 0.7, score_source="stated", placed=False)
    asked = set(re.findall(r"\w{4,}", question.lower()))
    places = [m.span() for m in re.finditer(r"[^.\n]+", context)]
    shared = [len(asked & {*re.findall(r"\w+", context[a:b].lower())}) for a, b in places]
    numbers = [
        AnswerSpan(m.group(), *m.span(), round(0.1 / (place + 1), 3))
        for place, m in enumerate(_NUMBER.finditer(context))
    ]
    if not numbers or max(shared, default=0) == 0:
        return (
            ExtractedAnswer("", 0, 0, 0.81, tuple(numbers[:3]), 0.81)
            if scored
            else ExtractedAnswer("", 0, 0, 0.9, score_source="stated")
        )
    first, after = places[shared.index(max(shared))]
    best = next((one for one in numbers if first <= one.start < after), numbers[0])
    best = numbers[0] if tier == "scratch" else best
    end = best.end
    if tier == "finetuned" and (more := re.compile(r" \w+").match(context, end)):
        end = more.end()
    others = tuple(one for one in numbers if one != best)[:3] if scored else ()
    source = "computed" if scored else "stated"
    return ExtractedAnswer(context[best.start : end], best.start, end, 0.62, others, 0.05 if scored else None, source)


def answers_task() -> ExtractTask:
    def example(title: str, question: str, why: str, *answers: str) -> Example:
        return Example(title, question, GoldAnswers(answers), why, ((CONTEXT, LIGHTHOUSE),))

    return ExtractTask(
        name="qa",
        title="Question answering",
        question="Which words of the context answer?",
        placeholder="Type a question.",
        fields=(Field(CONTEXT, "Context", "text", placeholder="Paste a text."),),
        examples=(
            example("the lamp", "Until when did the lamp burn oil?", "The last number.", "1931"),
            example("nobody says", "Who painted?", "No word of it is there."),
        ),
        instruction="Quote.",
    )
