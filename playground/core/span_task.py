"""Tasks whose answer is stretches of the text: entities, word classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playground.core.calls import Call, Tag
from playground.core.errors import BadReply
from playground.core.segment import blank_separated, words
from playground.core.task import Example, Label, Pair, canonical_label, checked_text
from playground.core.types import Answer, Gold, ModelRef, Request, Span, Spans, in_order


@dataclass(frozen=True)
class LabelSet:
    """Labels that models of one kind share; two sets of one task are not comparable."""

    title: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class SpanTask:
    """A task that labels stretches of a text.

    every_word: each word has exactly one label (word classes); else most words have none (entities).
    noun: what one labelled stretch is called on screen, and its plural.
    """

    name: str
    title: str
    question: str
    placeholder: str
    labels: tuple[Label, ...]
    sets: tuple[LabelSet, ...]
    examples: tuple[Example, ...]
    instruction: str
    noun: tuple[str, str] = ("entity", "entities")
    every_word: bool = False
    metrics: tuple[str, ...] = ("f1", "precision", "recall")

    def check(self, text: str, limit: int) -> str:
        return checked_text(text, limit)

    def schema(self) -> dict[str, Any]:
        """An object with a list of stretches, each as the text's own words. Models count characters badly, so none is asked
        for an offset: `occurrence` tells apart what stands in the text several times.
        """
        kinds = [{"type": "string", "enum": [label.name], "description": label.description} for label in self.labels]
        one = {
            "type": "object",
            "properties": {
                "text": {"type": "string", "description": "The words exactly as they stand in the text."},
                "label": {"anyOf": kinds, "description": self.question},
                "occurrence": {
                    "type": "integer",
                    "description": "1 for the first place where these words stand in the text, 2 for the second.",
                },
            },
            "required": ["text", "label", "occurrence"],
            "additionalProperties": False,
        }
        return {
            "type": "object",
            "properties": {"spans": {"type": "array", "items": one, "description": self._all()}},
            "required": ["spans"],
            "additionalProperties": False,
        }

    def _all(self) -> str:
        one, many = self.noun
        return f"Every {one} of the text, in reading order." if self.every_word else f"All {many}, in reading order."

    def parse(self, reply: Mapping[str, Any], text: str) -> Spans:
        """Offsets are found here, by the words themselves. What does not stand in the text is counted and left out."""
        rows = reply.get("spans")
        if not isinstance(rows, list):
            raise BadReply("The model's answer has no list of spans: run again or choose another model.")
        by_canonical = {canonical_label(label.name): label.name for label in self.labels}
        found: dict[tuple[int, int, str], Span] = {}
        unplaced, after = 0, 0
        for row in rows:
            row = row if isinstance(row, Mapping) else {}
            said, label = row.get("text"), by_canonical.get(canonical_label(str(row.get("label", ""))))
            start = None if label is None else _place(text, said, row.get("occurrence"), after)
            if start is None or label is None or not isinstance(said, str):
                unplaced += 1
                continue
            end = start + len(said)
            found[start, end, label] = Span(start, end, label, text[start:end])
            after = end if self.every_word else after
        if rows and not found:
            raise BadReply(
                "None of the words that the model named stand in the text: run again or choose another model."
            )
        names = tuple(label.name for label in self.labels)
        return Spans(in_order(found.values()), names, "stated", unplaced)

    def call(self, model: ModelRef, request: Request) -> Call:
        return Tag(model=model, user=request.session, text=request.text)

    def gold(self, row: Mapping[str, Any]) -> Gold | None:
        """`spans` with character offsets into `text` and known labels. None for anything else."""
        rows, text = row.get("spans"), row.get("text")
        if not isinstance(rows, list) or not isinstance(text, str):
            return None
        by_canonical = {canonical_label(label.name): label.name for label in self.labels}
        spans = []
        for one in rows:
            if not isinstance(one, Mapping):
                return None
            start, end, label = (
                one.get("start"),
                one.get("end"),
                by_canonical.get(canonical_label(str(one.get("label")))),
            )
            if not _is_offset(start) or not _is_offset(end) or not 0 <= start < end <= len(text) or label is None:
                return None
            spans.append(Span(start, end, label, text[start:end]))
        return in_order(spans)

    def matches(self, output: Answer, gold: Gold) -> bool | None:
        """Whether all spans are found and no other, of the labels that the model knows. None where it knows none of the gold's,
        or the answer is of another kind.
        """
        if not isinstance(output, Spans) or isinstance(gold, str):
            return None
        known = {canonical_label(label) for label in output.labels}
        wanted = {place(span) for span in gold if canonical_label(span.label) in known}
        if gold and not wanted:
            return None
        return {place(span) for span in output.spans} == wanted

    def pairs(self, text: str, gold: Gold, output: Answer | None) -> list[Pair]:
        """For the metrics. Entities: one pair, the gold's set of spans and the answer's. Word classes: a pair for each gold word.

        Where the text's words are separated by blanks, the answer is read by those words: a span reaches from the beginning of its
        first word to the end of its last, and a word has the label of the span at its beginning.
        """
        wanted = () if isinstance(gold, str) else gold
        said = output.spans if isinstance(output, Spans) else None
        if self.every_word:
            at = {} if said is None else {span.start: span.label for span in reversed(said)}
            return [(span.label, at.get(span.start)) for span in wanted]
        if said is None:
            return [(frozenset(map(place, wanted)), None)]
        return [(frozenset(map(place, wanted)), frozenset(map(place, _widened(text, wanted, said))))]


def place(span: Span) -> tuple[int, int, str]:
    """What two spans are compared by."""
    return span.start, span.end, canonical_label(span.label)


def spans_of(text: str, *named: tuple[str, str]) -> tuple[Span, ...]:
    """Spans written as (words, label) in reading order; each stands after the one before. Raises ValueError where one does not.

    >>> [(span.start, span.end) for span in spans_of("Ann met Ann", ("Ann", "PER"), ("Ann", "PER"))]
    [(0, 3), (8, 11)]
    """
    spans, after = [], 0
    for said, label in named:
        start = text.find(said, after)
        if start < 0 or not said:
            raise ValueError(f"“{said}” does not stand in “{text}” after character {after}.")
        after = start + len(said)
        spans.append(Span(start, after, label, said))
    return tuple(spans)


def tagged(text: str, labels: str) -> tuple[Span, ...]:
    """A span for each word of the text, with labels separated by blanks. Raises ValueError where there are more or fewer.

    >>> [(span.text, span.label) for span in tagged("Don't!", "AUX PART PUNCT")]
    [('Do', 'AUX'), ("n't", 'PART'), ('!', 'PUNCT')]
    """
    found, names = words(text), labels.split()
    if len(found) != len(names):
        raise ValueError(f"“{text}” has {len(found)} words and {len(names)} labels: {[text[a:b] for a, b in found]}.")
    return tuple(Span(a, b, name, text[a:b]) for (a, b), name in zip(found, names, strict=True))


def _widened(text: str, wanted: Sequence[Span], said: Sequence[Span]) -> list[Span]:
    """Spans that begin or end inside a blank-separated word cover it, where the gold's own do nowhere else."""
    parts = blank_separated(text)
    starts, ends = {start for start, _ in parts}, {end for _, end in parts}
    if "  " in text or any(span.start not in starts or span.end not in ends for span in wanted):
        return list(said)
    widened = []
    for span in said:
        covered = [(start, end) for start, end in parts if start < span.end and end > span.start]
        if covered:
            start, end = covered[0][0], covered[-1][1]
            widened.append(Span(start, end, span.label, text[start:end], span.score))
    return widened


def _place(text: str, words: Any, occurrence: Any, after: int) -> int | None:
    """Where the words stand. `after`: for words in reading order, where to look on; the occurrence then says nothing."""
    if not isinstance(words, str) or not words.strip():
        return None
    if after:
        start = text.find(words, after)
        return None if start < 0 else start
    nth = occurrence if _is_offset(occurrence) and occurrence >= 1 else 1
    start = first = text.find(words)
    for _ in range(nth - 1):
        start = text.find(words, start + 1)
        if start < 0:  # fewer than it says: the first is meant
            return first
    return None if start < 0 else start


def _is_offset(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
