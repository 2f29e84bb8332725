"""Hypothesis strategies for what views are given: anything a user or a model may have written."""

import pytest
from hypothesis import strategies as st

from playground.core.errors import LoadFailed
from playground.core.events import Cancelled, Failed, Finished, Loading, Partial, Progress, Queued
from playground.core.reading_types import AnswerSpan, Choices, ExtractedAnswer, Filling, GapWords, GoldAnswers, Weighed
from playground.core.task import Label
from playground.core.types import Choice, JudgedLabel, Labels, LabelScore, MultiLabels, Source, Spans, Stats, in_order
from playground.core.types import Span as Stretch
from playground.core.writing_types import References, Text, TokenChoice, WrittenToken
from playground.views.state import Asked, CardState

HOSTILE = [
    "<script>x</script>",
    "\"'><img src=x onerror=x()>",
    "</textarea>",
    "&lt;b&gt;",
    "javascript:x()",
    "\x00\x07\ud800",
    "{{value}}${1}",
]
words = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=30))
fractions = st.one_of(st.none(), st.floats(allow_nan=False, min_value=-2, max_value=3))
scores = st.floats(0, 1)
maybe = lambda strategy: st.one_of(st.none(), strategy)  # noqa: E731
labels = st.builds(
    lambda rows, source: Labels(rows[0][0], tuple(LabelScore(*row) for row in rows), source),
    st.lists(st.tuples(words, scores), min_size=1, max_size=8, unique_by=lambda row: row[0]),
    st.sampled_from(["computed", "logprobs", "stated"]),
)
stretches = st.builds(
    lambda start, length, label, text, score: Stretch(start, start + length, label, text, score),
    st.integers(0, 30),
    st.integers(0, 9),
    st.one_of(st.sampled_from(["PER", "LOC", "B&B"]), words),
    words,
    st.one_of(st.none(), scores),
)
spans = st.builds(
    lambda found, known, source, unplaced: Spans(in_order(found), tuple(known), source, unplaced),
    st.lists(stretches, max_size=6),
    st.lists(st.one_of(st.sampled_from(["PER", "LOC"]), words), max_size=4),
    st.sampled_from(["computed", "stated"]),
    st.integers(0, 3),
)
judged = st.builds(JudgedLabel, words, maybe(scores), maybe(scores))
fillings = st.lists(st.builds(Filling, words, maybe(scores), words), min_size=1, max_size=7).map(tuple)
filled = st.builds(
    lambda gaps, other, text, rows, source: Choices(gaps[0], tuple(gaps), tuple(other), text, tuple(rows), source),
    st.lists(fillings, min_size=1, max_size=3),
    st.lists(fillings, max_size=2),
    words.map(lambda text: f"{text} [MASK] {text}"),
    st.lists(st.builds(Weighed, words, maybe(scores), maybe(scores)), max_size=4),
    st.sampled_from(["computed", "stated"]),
)
multilabels = st.builds(
    lambda rows, held, source: MultiLabels(
        tuple(row.label for row, holds in zip(rows, held, strict=False) if holds), tuple(rows), source
    ),
    st.lists(judged, max_size=9, unique_by=lambda row: row.label),
    st.lists(st.booleans(), max_size=9),
    st.sampled_from(["computed", "stated"]),
)
extracted = st.builds(
    ExtractedAnswer,
    words,
    st.integers(0, 30),
    st.integers(0, 40),
    maybe(scores),
    st.lists(st.builds(AnswerSpan, words, st.integers(0, 30), st.integers(0, 40), maybe(scores)), max_size=3).map(
        tuple
    ),
    maybe(scores),
    st.sampled_from(["computed", "stated"]),
    st.booleans(),
)
written_tokens = st.builds(
    WrittenToken, words, maybe(scores), st.lists(st.builds(TokenChoice, words, scores), max_size=3).map(tuple)
)
texts = st.builds(
    lambda tokens, text, joined, ended, picked: Text(
        "".join(token.text for token in tokens) if joined else text, tuple(tokens), ended, tuple(picked)
    ),
    st.lists(written_tokens, max_size=5),
    words,
    st.booleans(),
    st.sampled_from(["stop", "length", ""]),
    st.lists(st.tuples(st.integers(-3, 40), st.integers(-3, 40)), max_size=3),
)
answers = st.one_of(labels, spans, multilabels, extracted, filled, texts)
counts = st.integers(0, 10**12)
seconds = st.floats(0, 1e5)
stats = st.builds(
    Stats,
    model=maybe(words),
    revision=maybe(words),
    fingerprint=maybe(words),
    source=maybe(st.sampled_from(Source)),
    device=maybe(words),
    dtype=maybe(words),
    parameters=maybe(counts),
    adapter_parameters=maybe(counts),
    resident_bytes=maybe(counts),
    adapter_bytes=maybe(counts),
    load_seconds=maybe(seconds),
    queue_seconds=maybe(seconds),
    latency_seconds=maybe(seconds),
    tokens_in=maybe(counts),
    tokens_out=maybe(counts),
    cost_usd=maybe(st.floats(0, 100)),
    price_date=maybe(words),
    cache_hit=maybe(st.booleans()),
    truncated=maybe(st.booleans()),
    request_json=maybe(words),
    response_json=maybe(words),
    note=maybe(words),
)
sequence = st.integers(-1, 30)
events = st.one_of(
    st.builds(Queued, seq=sequence, ahead=maybe(st.integers(0, 99)), seconds=maybe(st.floats(0, 1e4))),
    st.builds(Loading, seq=sequence, what=words, fraction=fractions),
    st.builds(Progress, seq=sequence, what=words, fraction=fractions),
    st.builds(Partial, seq=sequence, delta=words),
    st.lists(written_tokens, max_size=3).map(
        lambda row: Partial(delta="".join(one.text for one in row), tokens=tuple(row))
    ),
    st.builds(Finished, seq=sequence, output=answers, stats=stats),
    st.builds(Failed, seq=sequence, error=st.builds(LoadFailed, words), stats=stats),
    st.builds(Cancelled, seq=sequence),
)
choices = st.builds(
    Choice, id=words, title=words, source=st.sampled_from(Source), available=st.booleans(), why_not=words
)
states = st.builds(
    CardState,
    tier=words,
    number=st.integers(1, 9),
    title=words,
    choices=st.lists(choices, max_size=3).map(tuple),
    asked=st.builds(
        Asked,
        kind=st.sampled_from(["labels", "multilabels", "spans", "answer", "choices", "text", "", "else"]),
        labels=st.lists(st.builds(Label, words, words), max_size=8, unique_by=lambda label: label.name).map(tuple),
        noun=st.tuples(words, words),
        every_word=st.booleans(),
        context=words,
        continues=st.booleans(),
        details=st.booleans(),
    ),
    input=words,
    model=maybe(words),
    gold=st.one_of(
        st.none(),
        words,
        st.lists(stretches, max_size=3).map(in_order),
        st.frozensets(words, max_size=3),
        st.builds(GoldAnswers, st.lists(words, max_size=2).map(tuple)),
        st.builds(References, st.lists(words, max_size=2).map(tuple)),
        st.lists(st.frozensets(words, min_size=1, max_size=2), min_size=1, max_size=3).map(
            lambda gaps: GapWords(tuple(gaps))
        ),
    ),
    right=maybe(st.booleans()),
    previous=maybe(answers),
    trained_on=words,
)


@pytest.fixture
def titles():
    return {"hosted": "Hosted API", "pretrained": "Pretrained", "finetuned": "Fine-tuned", "scratch": "From scratch"}
