"""The fake keeps the runtime's contract, so that tests of other rooms mean something."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from playground.core import segment
from playground.core.calls import Call, Candidate, Classify, Embed, Foresee, Generate, Match, Pick, Rewrite, Tag
from playground.core.cancel import Cancel
from playground.core.errors import Busy
from playground.core.events import LAST, Cancelled, Failed, Finished, Loading, Partial, Queued
from playground.core.protocols import Runtime
from playground.core.streams import iterate
from playground.core.types import ModelRef
from playground.core.writing_types import Writing
from tests.fakes.runtime import FakeRuntime, Script

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


def test_it_writes_word_by_word_and_keeps_to_the_settings():
    call = Generate(MODEL, text="Once", writing=Writing(length=9, temperature=0.8, seed=3, details=True))
    events = ask(FakeRuntime(), call)
    parts = [event for event in events if isinstance(event, Partial)]
    output = events[-1].output
    assert len(parts) == len(output.tokens) == events[-1].stats.tokens_out == 9
    assert output.ended == "length"
    assert "".join(part.delta for part in parts) == "".join(token.text for token in output.tokens) == output.text
    assert all(0 < token.probability < 1 and token.alternatives for token in output.tokens)
    assert ask(FakeRuntime(), call)[-1].output == output
    other = ask(FakeRuntime(), replace(call, writing=replace(call.writing, seed=4, details=False)))[-1].output
    assert other.text != output.text
    assert other.tokens == ()
    whole = ask(FakeRuntime(), Rewrite(MODEL, text="A text.", writing=Writing(length=100, beams=4)))
    assert [type(event) for event in whole] == [Queued, Finished]
    assert whole[-1].output.ended == "stop"


def test_a_text_that_is_stopped_gets_no_further_word():
    runtime = FakeRuntime(always=Script(pause=0.01))
    events, cancel = [], Cancel(20)
    first = threading.Event()

    def emit(event):
        events.append(event)
        if isinstance(event, Partial):
            first.set()

    runtime.submit(Generate(MODEL, text="Once", writing=Writing(length=1000)), emit, cancel)
    assert first.wait(20)
    cancel.set()
    eventually(lambda: runtime.running == 0)
    assert isinstance(events[-1], Cancelled)
    assert sum(isinstance(event, Partial) for event in events) < 12


def test_it_picks_sentences_where_they_stand_and_foresees_texts():
    text = "One. This sentence is the longest of all.\nA middle one is here!"
    output = ask(FakeRuntime(), Pick(MODEL, text=text, most=2))[-1].output
    assert [text[start:end] for start, end in output.picked] == text.splitlines()[0][5:].split(
        "\n"
    ) + text.splitlines()[1:]
    foreseen = ask(FakeRuntime(), Foresee(MODEL, text="水 is water"))[-1].output
    assert foreseen.bytes == len("水 is water".encode())
    assert 1 <= foreseen.bits_per_byte < 3
