"""Spans from a word list: what the fake tiers answer to tasks that label a text in place, and two such tasks.

As the real ones, the tiers have labels of their own: of two sets the pretrained tier knows the first, the trained ones the last.
They differ: the scratch tier takes a rash for a chemical and misses fevers, and its word classes stumble over an s at the end.
"""

from __future__ import annotations

import re

from playground.core.segment import words
from playground.core.span_task import LabelSet, SpanTask, spans_of, tagged
from playground.core.task import Example, Label
from playground.core.types import Span, Spans, in_order

NAMED = {
    "Ana Duarte": "PER",
    "Anna": "PER",
    "Porto": "LOC",
    "England": "LOC",
    "東京": "LOC",
    "ירושלים": "LOC",
    "Bank of England": "ORG",
    "Guardian": "ORG",
    "Portuguese": "MISC",
    "amoxicillin": "Chemical",
    "ibuprofen": "Chemical",
    "rash": "Disease",
    "fever": "Disease",
}
_ENTITIES = re.compile("|".join(sorted(map(re.escape, NAMED), key=len, reverse=True)))
_CLASSES = {
    "the": "DET",
    "a": "DET",
    "an": "DET",
    "they": "PRON",
    "can": "AUX",
    "fish": "VERB",
    "like": "ADP",
    "old": "ADJ",
}


def fake_spans(task: SpanTask, text: str, tier: str, *, scored: bool = True) -> Spans:
    """Unscored: an endpoint, which knows all labels, nests names, and where it reads "unplaced" names what is not there."""
    known = [label.name for label in task.labels]
    if tier != "hosted" and len(task.sets) > 1:
        known = list(task.sets[0 if tier == "pretrained" else -1].labels)
    found = _classes(text, tier) if task.every_word else _entities(text, tier, nested=not scored)
    kept = [span for span in found if span.label in known]
    spans = [
        Span(span.start, span.end, span.label, text[span.start : span.end], _score(place) if scored else None)
        for place, span in enumerate(kept)
    ]
    return Spans(in_order(spans), tuple(known), "computed" if scored else "stated", int("unplaced" in text))


def _score(place: int) -> float:
    return round(0.99 - 0.07 * (place % 7), 4)


def _entities(text: str, tier: str, *, nested: bool) -> list[Span]:
    found = []
    for match in _ENTITIES.finditer(text):
        words_, label = match.group(), NAMED[match.group()]
        if tier == "scratch" and words_ == "fever":
            continue
        found.append(Span(*match.span(), "Chemical" if tier == "scratch" and words_ == "rash" else label))
        if nested and words_ == "Bank of England":
            found.append(Span(match.end() - len("England"), match.end(), "LOC"))
    return found


def _classes(text: str, tier: str) -> list[Span]:
    found = []
    for start, end in words(text):
        word = text[start:end].lower()
        label = _CLASSES.get(word) or ("NOUN" if word.isalpha() else "PUNCT")
        if tier == "scratch" and label == "NOUN" and word.endswith("s"):
            label = "VERB"
        found.append(Span(start, end, label))
    return found


def names_task() -> SpanTask:
    news = "Ana Duarte, the mayor of Porto, told the Guardian that Anna was ill."
    medicine = "The amoxicillin gave her a rash and a fever."
    return SpanTask(
        name="ner",
        title="Named entities",
        question="Which names stand in the text?",
        placeholder="Type or paste a text.",
        labels=(
            Label("PER", "A person."),
            Label("LOC", "A place."),
            Label("ORG", "An organization."),
            Label("MISC", "Any other name."),
            Label("Chemical", "A drug or other substance."),
            Label("Disease", "A disease or a symptom."),
        ),
        sets=(LabelSet("general", ("PER", "LOC", "ORG", "MISC")), LabelSet("medical", ("Chemical", "Disease"))),
        examples=(
            Example(
                "news",
                news,
                spans_of(news, ("Ana Duarte", "PER"), ("Porto", "LOC"), ("Guardian", "ORG"), ("Anna", "PER")),
                "Names of the everyday kind.",
            ),
            Example(
                "medicine",
                medicine,
                spans_of(medicine, ("amoxicillin", "Chemical"), ("rash", "Disease"), ("fever", "Disease")),
                "Nothing for a general model.",
            ),
        ),
        instruction="List the names.",
    )


def classes_task() -> SpanTask:
    names = "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split()
    fish = "They can fish."
    return SpanTask(
        name="pos",
        title="Word classes",
        question="Which class does each word belong to?",
        placeholder="Type or paste a text.",
        labels=tuple(Label(name, f"What {name} is.") for name in names),
        sets=(LabelSet("universal", tuple(names)),),
        examples=(
            Example("can fish", fish, tagged(fish, "PRON AUX VERB PUNCT"), "Or do they put fish into cans?"),
            Example(
                "flies",
                "The old flies like a hat.",
                tagged("The old flies like a hat.", "DET ADJ NOUN VERB DET NOUN PUNCT"),
            ),
        ),
        instruction="Label each word.",
        noun=("word", "words"),
        every_word=True,
    )
