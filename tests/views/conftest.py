"""Hypothesis strategies for what views are given: anything a user or a model may have written."""

import pytest
from hypothesis import strategies as st

from playground.core.errors import LoadFailed
from playground.core.events import Cancelled, Failed, Finished, Loading, Partial, Progress, Queued
from playground.core.types import Choice, Labels, LabelScore, Source, Stats
from playground.views.state import CardState

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
labels = st.builds(
    lambda rows, source: Labels(rows[0][0], tuple(LabelScore(*row) for row in rows), source),
    st.lists(st.tuples(words, scores), min_size=1, max_size=8, unique_by=lambda row: row[0]),
    st.sampled_from(["computed", "logprobs", "stated"]),
)
maybe = lambda strategy: st.one_of(st.none(), strategy)  # noqa: E731
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
    st.builds(Finished, seq=sequence, output=labels, stats=stats),
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
    labels=st.lists(words, max_size=4, unique=True).map(tuple),
    model=maybe(words),
    gold=maybe(words),
    previous=maybe(labels),
    trained_on=words,
)


@pytest.fixture
def titles():
    return {"hosted": "Hosted API", "pretrained": "Pretrained", "finetuned": "Fine-tuned", "scratch": "From scratch"}
