"""Tasks whose answer is stretches of the text: entities, word classes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeGuard

from playground.core.calls import Call, Tag
from playground.core.errors import BadReply
from playground.core.fields import Field, Values
from playground.core.places import Places
from playground.core.segment import blank_separated, words
from playground.core.task import Example, Label, Pair, Unasked, canonical_label
from playground.core.types import Answer, Gold, ModelRef, Request, Span, Spans, in_order


@dataclass(frozen=True)
class LabelSet:
    """Labels that models of one kind share; two sets of one task are not comparable."""

    title: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class SpanTask(Unasked):
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

    kind: ClassVar[str] = Spans.kind
    fields: ClassVar[tuple[Field, ...]] = ()
    values: ClassVar[Values] = ()

    def schema(self) -> dict[str, Any]:
        """An object with a list of stretches, each as the text's own words. Models count characters badly, so none is asked
        for an offset: `occurrence` tells apart what stands in the text several times; where every word is listed, order does.
        """
        kinds = [{"type": "string", "enum": [label.name], "description": label.description} for label in self.labels]
        fields: dict[str, Any] = {
            "text": {"type": "string", "description": "The words exactly as they stand in the text."},
            "label": {"anyOf": kinds, "description": self.question},
        }
        if not self.every_word:
            fields["occurrence"] = {
                "type": "integer",
                "description": "1 for the first place where these words stand in the text, 2 for the second.",
            }
        one, many = self.noun
        said = f"Every {one} of the text, in reading order." if self.every_word else f"All {many}, in reading order."
        return {
            "type": "object",
            "properties": {"spans": {"type": "array", "items": _object(fields), "description": said}},
            "required": ["spans"],
            "additionalProperties": False,
        }

    def longest_reply(self, text: str) -> int:
        """A row of the schema is about 12 tokens of JSON around its words; names are rarely more than every third word."""
        count = len(words(text))
        return 64 + (16 * count if self.every_word else 8 * count)

    def parse(self, reply: Mapping[str, Any], text: str) -> Spans:
        """Offsets are found here, by the words themselves. What does not stand in the text, or has no label of the task, is
        counted and left out.
        """
        rows = reply.get("spans")
        if not isinstance(rows, list):
            raise BadReply("The model's answer has no list of spans: run again or choose another model.")
        named = [self._named(row) for row in rows]
        read = _in_reading_order if self.every_word else _by_occurrence
        found, unplaced = read(Places(text), [row for row in named if row is not None])
        if not found and (rows or self.every_word):
            raise BadReply(
                f"The model named no {self.noun[0]} that stands in the text: run again or choose another model."
            )
        spans = in_order(Span(start, end, label, text[start:end]) for start, end, label in found)
        return Spans(spans, tuple(label.name for label in self.labels), "stated", unplaced + named.count(None))

    def _named(self, row: Any) -> _Named | None:
        if not isinstance(row, Mapping):
            return None
        quoted, label, nth = row.get("text"), self._label(row.get("label")), row.get("occurrence")
        if not isinstance(quoted, str) or label is None:
            return None
        return _Named(quoted, label, nth if _is_offset(nth) else 1)

    def _label(self, name: Any) -> str | None:
        """A label's own name, by what somebody wrote."""
        if not isinstance(name, str):
            return None
        wanted = canonical_label(name)
        return next((label.name for label in self.labels if canonical_label(label.name) == wanted), None)

    def call(self, model: ModelRef, request: Request) -> Call:
        return Tag(model=model, user=request.session, text=request.text)

    def gold(self, row: Mapping[str, Any]) -> Gold | None:
        """`spans` with character offsets into `text` and labels of the task. None for anything else."""
        rows, text = row.get("spans"), row.get("text")
        if not isinstance(rows, list) or not isinstance(text, str):
            return None
        spans = [self._gold(one, text) for one in rows]
        return None if None in spans else in_order(span for span in spans if span is not None)

    def _gold(self, row: Any, text: str) -> Span | None:
        if not isinstance(row, Mapping):
            return None
        start, end, label = row.get("start"), row.get("end"), self._label(row.get("label"))
        if label is None or not _is_offset(start) or not _is_offset(end) or not 0 <= start < end <= len(text):
            return None
        return Span(start, end, label, text[start:end])

    def fault(self, row: Mapping[str, Any]) -> str:
        rows, text = row.get("spans"), row.get("text")
        if not isinstance(rows, list) or not isinstance(text, str):
            return 'it has no "spans", a list of {"start", "end", "label"}'
        for one in rows:
            if self._gold(one, text) is None:
                label = one.get("label") if isinstance(one, Mapping) else None
                if isinstance(label, str) and self._label(label) is None:
                    return f"{label!r:.60} is none of {', '.join(name.name for name in self.labels)}"
                return f"its span {one!r:.80} has no start, end and label inside the text"
        return "nothing is wrong with it"

    def matches(self, output: Answer, gold: Gold) -> bool | None:
        """Whether every word has its label; or all spans are found and no other, of the labels that the model knows. None where it
        knows none of the gold's and names nothing (there was nothing for it to find), or the answer is of another kind.
        """
        if not isinstance(output, Spans) or not isinstance(gold, tuple):
            return None
        if self.every_word:
            return all(wanted == said for wanted, said in self.pairs("", gold, output))
        known = {canonical_label(label) for label in output.labels}
        wanted = {place(span) for span in gold if canonical_label(span.label) in known}
        if gold and not wanted and not output.spans:
            return None
        return {place(span) for span in output.spans} == wanted

    def pairs(self, text: str, gold: Gold, output: Answer | None) -> list[Pair]:
        """For the metrics. Entities: one pair, the gold's set of spans and the answer's. Word classes: a pair for each gold word.
        A label of the gold that the model cannot give counts as missed: the figure is about the data, not about the model.

        Where the text's words are separated by blanks, the answer is read by those words: a span reaches from the beginning of its
        first word to the end of its last, and a word has the label of the span at its beginning.
        """
        wanted = gold if isinstance(gold, tuple) else ()
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
    starts, ends = [start for start, _ in parts], [end for _, end in parts]
    if "  " in text or not {span.start for span in wanted} <= {*starts} or not {span.end for span in wanted} <= {*ends}:
        return list(said)
    widened = []
    for span in said:
        first, last = bisect_right(ends, span.start), bisect_left(starts, span.end) - 1  # of the words that it touches
        if first <= last:
            start, end = starts[first], ends[last]
            widened.append(Span(start, end, span.label, text[start:end], span.score))
    return widened


@dataclass(frozen=True)
class _Named:
    """One row of a reply. `nth`: which of the places where the quoted words stand."""

    quoted: str
    label: str
    nth: int


_Found = tuple[list[tuple[int, int, str]], int]  # [start, end) and label; how many stand nowhere


def _by_occurrence(places: Places, named: Sequence[_Named]) -> _Found:
    """A number beyond the last place means the last. A row that comes again means the next place: models forget to count."""
    found: dict[tuple[int, int, str], None] = {}
    unplaced = 0
    for row in named:
        every = places.all(row.quoted)
        unplaced += not every
        nth = min(max(row.nth, 1), len(every)) - 1
        free = ((start, end, row.label) for start, end in every[max(nth, 0) :])
        one = next((one for one in free if one not in found), None)
        if one is not None:
            found[one] = None
    return list(found), unplaced


def _in_reading_order(places: Places, named: Sequence[_Named]) -> _Found:
    """Each after the one before. One that would skip words, when the next would skip none, is taken for an invention."""
    found = []
    unplaced = after = 0
    for index, row in enumerate(named):
        place = places.next(row.quoted, after)
        begin = places.skip(after)
        if place is not None and place[0] > begin and index + 1 < len(named):
            other = places.next(named[index + 1].quoted, after)
            place = None if other is not None and other[0] == begin else place
        if place is None:
            unplaced += 1
            continue
        found.append((*place, row.label))
        after = place[1]
    return found, unplaced


def _object(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def _is_offset(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
