"""The fake keeps the runtime's contract, so that tests of other rooms mean something."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from playground.core import segment
from playground.core.calls import Call, Candidate, Classify, Embed, Match, Tag
from playground.core.cancel import Cancel
from playground.core.errors import Busy
from playground.core.events import LAST, Cancelled, Failed, Finished, Loading, Queued
from playground.core.protocols import Runtime
from playground.core.streams import iterate
from playground.core.types import ModelRef
from tests.fakes.runtime import FakeRuntime

from .conftest import eventually

MODEL = ModelRef("fake/m", "fake", "/nowhere", labels=("negative", "positive"))
MODEL_OF_NAMES = ModelRef("fake/names", "fake", "/nowhere", labels=("O", "B-PER", "I-PER", "B-LOC", "I-LOC"))


def ask(runtime, call, cancel=None):
    return list(iterate(lambda emit: runtime.submit(call, emit, cancel or Cancel(5))))


def test_it_answers_from_the_text_alone():
    runtime: Runtime = FakeRuntime()
    events = ask(runtime, Classify(MODEL, text="good"))
    assert [type(event) for event in events] == [Queued, Finished]
    assert [event.seq for event in events] == [0, 1]
    assert ask(FakeRuntime(), Classify(MODEL, text="good"))[-1].output == events[-1].output
    assert ask(runtime, Classify(MODEL, text="bad"))[-1].output != events[-1].output
    assert sum(row.score for row in events[-1].output.scores) == pytest.approx(1)
    vectors = ask(runtime, Embed(MODEL, texts=("a good film", "a good book", "12345")))[-1].output.vectors
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
    assert isinstance(ask(runtime, Call(MODEL))[-1], Failed)


def test_it_judges_labels_and_matches_texts_with_labels():
    judged = ask(FakeRuntime(), Classify(replace(MODEL, thresholds=(0.0, 1.0)), text="good", many=True))[-1].output
    assert judged.labels == ("negative",)
    assert {row.threshold for row in judged.scores} == {0.0, 1.0}
    candidates = (Candidate("books", "this is about a good book"), Candidate("cars", "12345"))
    call = Match(MODEL, text="a good book", candidates=candidates)
    found = ask(FakeRuntime(), call)[-1]
    assert found.output.label == "books"
    assert sum(row.score for row in found.output.scores) == pytest.approx(1)
    assert found.stats.tokens_in > 0
    many = ask(FakeRuntime(), replace(call, many=True, offset=10.0, threshold=0.6))[-1].output
    assert {row.threshold for row in many.scores} == {0.6}
    assert isinstance(ask(FakeRuntime(), replace(call, candidates=()))[-1], Failed)


def test_it_labels_words_as_the_real_one_does():
    """Offsets of the text, labels without prefixes, line by line, and for word classes a span for each word."""
    text = "Ada King, of London,\nmet Charles Babbage; London again."
    found = ask(FakeRuntime(), Tag(MODEL_OF_NAMES, text=text))[-1]
    assert isinstance(found, Finished)
    assert found.output.labels == ("PER", "LOC")
    assert found.output.spans
    assert found.stats.tokens_in > 0
    for span in found.output.spans:
        assert text[span.start : span.end] == span.text
        assert "\n" not in span.text
        assert 0 < span.score <= 1
    assert ask(FakeRuntime(), Tag(MODEL_OF_NAMES, text=text))[-1].output == found.output
    classes = replace(MODEL_OF_NAMES, labels=("NOUN", "VERB", "PUNCT"))
    spans = ask(FakeRuntime(), Tag(classes, text=text))[-1].output.spans
    assert [(span.start, span.end) for span in spans] == segment.words(text)
    assert ask(FakeRuntime(), Tag(classes, text=""))[-1].output.spans == ()


def test_it_follows_a_script():
    runtime = FakeRuntime()
    runtime.script(events=(Loading(what="weights", fraction=0.5),), delay=0.01)
    runtime.script(error=Busy("Wait a moment."))
    assert [type(event) for event in ask(runtime, Classify(MODEL, text="a"))] == [Queued, Loading, Finished]
    failed = ask(runtime, Classify(MODEL, text="a"))[-1]
    assert str(failed.error) == "Wait a moment."
    assert isinstance(ask(runtime, Classify(MODEL, text="a"))[-1], Finished)
    assert len(runtime.calls) == 3


def test_a_held_call_ends_when_released_or_stopped():
    runtime = FakeRuntime()
    for finish, last in (
        (lambda script, handle: script.release(), Finished),
        (lambda s, handle: handle.cancel(), Cancelled),
    ):
        script = runtime.script(hold=True)
        events, ended = [], threading.Event()

        def emit(event, events=events, ended=ended):
            events.append(event)
            if isinstance(event, LAST):
                ended.set()

        handle = runtime.submit(Classify(MODEL, text="a"), emit, Cancel(5))
        assert not ended.wait(0.05)
        finish(script, handle)
        assert ended.wait(20)
        assert isinstance(events[-1], last)
        eventually(lambda: runtime.running == 0)
