"""Answers through the real runtime: those of plain transformers and peft, whatever the context's length."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from playground.core import reading
from playground.core.calls import Attend, Classify, Extract
from playground.core.cancel import Cancel
from playground.core.errors import NotSupported
from playground.core.events import Failed, Finished, Progress
from playground.core.reading_types import ExtractedAnswer
from playground.core.streams import iterate
from playground.engine import stack
from playground.engine.inputs import EncodedQuestion
from playground.engine.models._questions import by_row, own_places
from playground.engine.ops.extract import answered
from playground.engine.runtime_local import LocalRuntime
from playground.settings import Settings

from .readers import CONTEXT, QUESTION, WINDOW, make

STRANGE = "Ada 🙂🏳️‍🌈 met\tשלום e\u0301le\u0300ve, 日本語! a\u200db İstanbul\r\n\r\n  ...\u2028x"


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    return make(tmp_path_factory.mktemp("readers"))


@pytest.fixture(scope="module")
def runtime():
    runtime = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=64))
    yield runtime
    runtime.close()


def events(runtime, call, seconds=60):
    return list(iterate(lambda emit: runtime.submit(call, emit, Cancel(seconds))))


def answer(runtime, ref, question, context):
    found = events(runtime, Extract(ref, question=question, context=context))[-1]
    assert isinstance(found, Finished), found
    return found


def spans_of(output):
    return [output, *output.others]


def by_hand(ref, question, context):
    """Best spans by plain transformers and peft, in one piece: the softmax over all spans and [CLS], word for word."""
    import torch
    import transformers
    from peft import PeftModel

    stack.silence()
    folder = ref.folder if ref.base is None else ref.base.folder
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForQuestionAnswering.from_pretrained(folder)
    if ref.base is not None:
        model = PeftModel.from_pretrained(model, ref.folder)
    inputs = tokenizer(question, context, return_tensors="pt", return_offsets_mapping=True)
    offsets = inputs.pop("offset_mapping")[0].tolist()
    with torch.inference_mode():
        said = model.eval()(**inputs)
    start, end = said.start_logits[0].double().numpy(), said.end_logits[0].double().numpy()
    inside = [i for i, part in enumerate(inputs.sequence_ids(0)) if part == 1]
    word = inputs.word_ids(0)
    scores = {
        (i, j): start[i] + end[j]
        for i in inside
        for j in inside
        if i <= j < i + reading.LONGEST_ANSWER
        and (i == inside[0] or word[i - 1] != word[i])
        and (j == inside[-1] or word[j + 1] != word[j])
    }
    none = start[0] + end[0]
    total = np.logaddexp.reduce([*scores.values(), none])
    best = sorted(scores, key=lambda span: -scores[span])
    kept = []
    for i, j in best:
        if len(kept) < 4 and all(j < a or b < i for a, b in kept):
            kept.append((i, j))
    return [(offsets[i][0], offsets[j][1], np.exp(scores[i, j] - total)) for i, j in kept], np.exp(none - total)


@pytest.mark.parametrize("name", ["lora", "bert", "roberta"])
def test_answers_are_those_of_plain_transformers_and_peft(runtime, readers, name):
    ref = replace(getattr(readers, name), max_length=66)
    seen = set()
    for question, context in (
        (QUESTION, CONTEXT[:44]),
        ("was it built?", CONTEXT[45:83]),
        ("", "London"),
        ("who", "Ada King"),
    ):
        expected, none = by_hand(ref, question, context)
        found = answer(runtime, ref, question, context)
        assert [(one.start, one.end) for one in spans_of(found.output)] == [row[:2] for row in expected]
        np.testing.assert_allclose(
            [one.score for one in spans_of(found.output)], [row[2] for row in expected], atol=1e-5
        )
        assert found.output.no_answer == pytest.approx(none, abs=1e-5)
        assert found.stats.note is None
        seen.add(found.output.answer)
    assert len(seen) > 2


@pytest.mark.parametrize("name", ["lora", "bert", "roberta", "scratch"])
def test_a_batch_says_what_each_says_alone(readers, name):
    import torch

    from playground.engine.loaders import LoadContext, build_loaders

    stack.import_all()
    ref = getattr(readers, name)
    context = LoadContext(torch.device("cpu"), torch.float32, lambda function: function())
    loaders = build_loaders()
    base = None if ref.base is None else loaders.get("encoder").load(ref.base, None, context)
    model = loaders.get(ref.loader).load(ref, base, context)
    rows = []
    for question, text in ((QUESTION, CONTEXT[:40]), ("x", "London"), ("", CONTEXT[:20]), ("Ada?", "")):
        asked = model.reader.question(question)
        rows.append((model, model.reader.window(asked, model.reader.context(text).ids[:30])))
    together = model.span_runner.logits(rows)
    for row, found in zip(rows, together, strict=True):
        (alone,) = model.span_runner.logits([row])
        assert found.shape == (1 + row[1].context[1] - row[1].context[0], 2)
        np.testing.assert_allclose(found, alone, atol=1e-4)


def test_padding_in_front_moves_the_places():
    rows = [
        EncodedQuestion({"input_ids": [1] * 6}, context=(3, 5)),
        EncodedQuestion({"input_ids": [1] * 3}, context=(2, 2)),
    ]
    for left, columns in ((False, [0, 3, 4, 0]), (True, [0, 3, 4, 3])):
        found = own_places(rows, 6, left)
        assert [part.tolist() for part in found] == [[0, 0, 0, 1], columns]
    one, two = by_row(np.arange(8).reshape(4, 2), rows)
    assert (one.tolist(), two.tolist()) == ([[0, 1], [2, 3], [4, 5]], [[6, 7]])


class Sharp:
    """Puts all its weight on one word; stands in for a trained model, on top of a real reader's tokens and windows."""

    path = None

    def __init__(self, model, word):
        self.reader, self.identity, self._word, self.group = model.reader, model.identity, word, id(self)
        self.rows = []

    @property
    def span_runner(self):
        return self

    def logits(self, rows):
        self.rows.append(len(rows))
        found = []
        for _, row in rows:
            ids = row.inputs["input_ids"][slice(*row.context)]
            wanted = self.reader.context(self._word).ids
            logits = np.zeros((1 + len(ids), 2), dtype=np.float32)
            logits[0] = 3
            for place in range(len(ids) - len(wanted) + 1):
                if list(ids[place : place + len(wanted)]) == list(wanted):
                    logits[1 + place, 0] = logits[place + len(wanted), 1] = 9
            found.append(logits)
        return found


def read(model, question, context, max_length=WINDOW):
    """Through the operation itself, step by step; the model is as it is."""
    from playground.core.types import ModelRef
    from playground.engine.ops.extract import OP
    from playground.engine.work import Work

    told = []
    work = Work(
        Extract(ModelRef("x", "x", "", max_length=max_length), question=question, context=context),
        OP,
        model,
        Cancel(60),
        told.append,
        lambda *found: None,
    )
    OP.prepare(work)
    while True:
        assert work.rows * work.size <= max(256, work.size)  # a step is bounded
        (outcome,) = OP.step([work])
        if outcome is not None:
            return outcome, told


@pytest.fixture(scope="module")
def loaded(readers):
    import torch

    from playground.engine.loaders import LoadContext, build_loaders

    stack.import_all()
    context = LoadContext(torch.device("cpu"), torch.float32, lambda function: function())
    loaders = build_loaders()
    return {
        ref.id: loaders.get(ref.loader).load(ref, None, context)
        for ref in (readers.bert, readers.roberta, readers.scratch)
    }


@pytest.mark.parametrize("name", ["tiny/bert", "tiny/roberta", "tiny/ours"])
def test_a_context_of_fifty_thousand_characters_is_read_to_its_last_paragraph(loaded, name):
    filler = "The old mill stands by the river, and nobody lives there now. "
    context = filler * (50_000 // len(filler)) + "\n\nThe key lies under the museum."
    model = Sharp(loaded[name], "museum" if name == "tiny/bert" else " museum")
    outcome, told = read(model, QUESTION, context)
    assert outcome.output.answer == "museum"
    assert (outcome.output.start, outcome.output.end) == (context.rindex("museum"), context.rindex("museum") + 6)
    assert "windows" in outcome.note
    assert not outcome.truncated
    assert max(model.rows) < 20
    fractions = [event.fraction for event in told if isinstance(event, Progress)]
    assert len(fractions) > 5
    assert fractions == sorted(fractions)


def test_what_stands_across_a_windows_border_is_found_in_the_other_window(loaded):
    for padding in range(0, 60, 7):
        context = "river " * padding + "museum engine " + "river " * 40
        outcome, _ = read(Sharp(loaded["tiny/bert"], "museum engine"), "x", context)
        assert outcome.output.answer == "museum engine", padding


@pytest.mark.parametrize("name", ["lora", "bert", "roberta", "scratch"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(context=st.text(min_size=1, max_size=120).filter(str.strip), question=st.text(max_size=20))
@example(context=STRANGE * 3, question="🙂")
@example(context="\u200b", question="")
@example(context="x" * 3000, question="x")
@example(context="e\u0301" * 40, question="\t")
def test_every_answer_stands_where_it_says(runtime, readers, name, context, question):
    found = answer(runtime, getattr(readers, name), question, context).output
    assert isinstance(found, ExtractedAnswer)
    spans = [one for one in spans_of(found) if one.answer]
    for one in spans:
        assert context[one.start : one.end] == one.answer
        assert one.answer == one.answer.strip()
        assert 0 <= one.score <= 1
    assert sum(one.score for one in spans) + found.no_answer <= 1 + 1e-6
    places = sorted((one.start, one.end) for one in spans)
    if context.isascii():  # a character may be several tokens
        assert all(a[1] <= b[0] for a, b in pairwise(places))


def test_no_answer_is_said_from_the_models_own_threshold_on(runtime, readers):
    calm = answer(runtime, readers.bert, QUESTION, CONTEXT).output
    assert calm.answer
    sure = answer(runtime, replace(readers.bert, no_answer=calm.no_answer), QUESTION, CONTEXT).output
    assert (sure.answer, sure.start, sure.end, sure.score) == ("", 0, 0, calm.no_answer)
    assert sure.others[0].answer == calm.answer
    assert len(sure.others) == 3
    assert answered([], 1.0, 2.0).answer == ""


def test_attention_is_of_question_and_context(runtime, readers):
    text = "Where is Ada?\nAda King is in London."
    for ref in readers.all:
        found = events(runtime, Attend(ref, text=text))[-1]
        assert isinstance(found, Finished), found
        (side,), weights = found.output.sides, found.output.parts[0].stack()
        assert weights.shape[-1] == len(side) == len(side.spans)
        np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-4)
        said = [text[a:b] for a, b in side.spans if a < b]
        assert "".join("".join(said).split()).lower() == "".join(text.split()).lower()


def test_who_finds_no_answers_says_so(runtime, readers, tiny):
    found = events(runtime, Extract(tiny.classifier_ref, question="x", context="y"))[-1]
    assert isinstance(found, Failed)
    assert isinstance(found.error, NotSupported)
    found = events(runtime, Classify(readers.bert, text="x"))[-1]
    assert isinstance(found.error, NotSupported)
    wrong = replace(readers.bert, folder=str(tiny.classifier))
    assert "question answering" in str(
        events(runtime, Extract(replace(wrong, id="other"), question="x", context="y"))[-1].error
    )
