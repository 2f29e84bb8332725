"""Labels for words through the real runtime: those of plain transformers and peft, whatever the text's length."""

import random
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from playground.core import segment
from playground.core.bio import Scheme
from playground.core.calls import Attend, Classify, Embed, Tag
from playground.core.cancel import Cancel
from playground.core.errors import LoadFailed, NotSupported
from playground.core.events import LAST, Cancelled, Failed, Finished
from playground.core.streams import iterate
from playground.core.types import Spans
from playground.engine import stack
from playground.engine.inputs import EncodedWords
from playground.engine.models._words import by_row, first_places
from playground.engine.ops import tag
from playground.engine.runtime_local import LocalRuntime
from playground.settings import Settings

from .conftest import eventually
from .taggers import CLASSES, GENERAL, MEDICAL, TEXTS, WINDOW
from .test_words import tokenizer_of, words_of

STRANGE = "Ada 🙂🏳️‍🌈 met\tשלום e\u0301le\u0300ve, 日本語! a\u200db \x00 \ufffd İstanbul\r\n\r\n  ...\u2028x"


@pytest.fixture(scope="module")
def runtime():
    runtime = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=64))
    yield runtime
    runtime.close()


def last(runtime, call, seconds=60):
    return list(iterate(lambda emit: runtime.submit(call, emit, Cancel(seconds))))[-1]


def answer(runtime, call):
    found = last(runtime, call)
    assert isinstance(found, Finished), found
    return found


def tagged(runtime, ref, text):
    return answer(runtime, Tag(ref, text=text)).output


def same(found, expected, close=1e-4):
    assert [(s.start, s.end, s.label, s.text) for s in found] == [(s.start, s.end, s.label, s.text) for s in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.score == pytest.approx(other.score, abs=close)


def plain(ref):
    """A model as plain transformers and peft load it."""
    import transformers
    from peft import PeftModel

    stack.silence()
    if ref.loader == "pipeline-tagger":
        return transformers.AutoModelForTokenClassification.from_pretrained(ref.folder).eval()
    base = transformers.BertForTokenClassification.from_pretrained(ref.base.folder, num_labels=len(ref.labels))
    return PeftModel.from_pretrained(base, ref.folder).eval()


def by_hand(ref, texts, most=None):
    """What they say to the words of each text: spans, and the logits at the words' first pieces."""
    import torch

    model, tokenizer = plain(ref), tokenizer_of(ref if ref.base is None else ref.base)
    names = ref.labels or tuple(model.config.id2label.values())
    spans, logits = [], []
    for text in texts:
        words = words_of(text)
        inputs = tokenizer(words, is_split_into_words=True, return_tensors="pt")
        of = inputs.word_ids(0)
        with torch.inference_mode():
            rows = model(**inputs).logits[0, [of.index(word) for word in range(len(words))]]  # [words, L]
        logits.append(rows.numpy())
        shares = rows.double().softmax(-1).numpy()
        scheme = Scheme.read(names, consistent=ref.base is not None)
        spans.append(scheme.spans(text, segment.words(text), shares))
    return spans, logits


@pytest.mark.parametrize("name", ["bert", "roberta", "general", "medical"])
def test_spans_are_those_of_plain_transformers_and_peft(runtime, taggers, name):
    ref = replace(getattr(taggers, name), max_length=64)
    texts = [*TEXTS, *(line for line in article().splitlines() if len(line) < 40)]
    expected, _ = by_hand(ref, texts)
    assert len({span.label for spans in expected for span in spans}) > 1, "the tiny model says the same to everything"
    assert any(span.text.count(" ") for spans in expected for span in spans), "no span has two words"
    for text, spans in zip(texts, expected, strict=True):
        found = tagged(runtime, ref, text)
        same(found.spans, spans, 1e-5)
        assert found.labels == Scheme.read(GENERAL if name != "medical" else MEDICAL).labels
        assert found.score_source == "computed"


@pytest.mark.parametrize("name", ["bert", "roberta"])
def test_logits_are_those_of_the_plain_model_also_in_a_padded_batch(taggers, name):
    import torch

    from playground.engine.loaders import LoadContext, build_loaders

    stack.import_all()
    ref = getattr(taggers, name)
    context = LoadContext(torch.device("cpu"), torch.float32, lambda function: function())
    model = build_loaders().get(ref.loader).load(ref, None, context)
    _, expected = by_hand(ref, TEXTS)
    lines = [words_of(text) for text in TEXTS]
    rows = [(model, model.reader.window(*both)) for both in zip(model.reader.split(lines), lines, strict=True)]
    for found in (model.word_runner.logits(rows), [model.word_runner.logits([row])[0] for row in rows]):
        for one, other in zip(found, expected, strict=True):
            assert one.dtype == np.float32
            np.testing.assert_allclose(one, other, atol=1e-4)


def test_padding_in_front_moves_the_words():
    rows = [
        EncodedWords({"input_ids": [1] * 6}, words=[(1, 3), (3, 5)]),
        EncodedWords({"input_ids": [1] * 3}, words=[(1, 2)]),
    ]
    for left, columns in ((False, [1, 3, 1]), (True, [1, 3, 4])):
        found = first_places(rows, 6, left)
        assert [part.tolist() for part in found] == [[0, 0, 1], columns]
    one, two = by_row(np.arange(6).reshape(3, 2), rows)
    assert (one.tolist(), two.tolist()) == ([[0, 1], [2, 3]], [[4, 5]])


def test_spans_are_those_of_transformers_own_pipeline_where_it_cuts_the_same_words(runtime, taggers):
    import transformers

    texts = ["ada king is in london", "the museum of science was an engine", "charles and ada", "london london king"]
    pipeline = transformers.pipeline("ner", model=taggers.bert.folder, aggregation_strategy="first", device="cpu")
    found_any = False
    for text in texts:
        expected = [(row["start"], row["end"], row["entity_group"]) for row in pipeline(text)]
        found_any |= bool(expected)
        assert [(span.start, span.end, span.label) for span in tagged(runtime, taggers.bert, text).spans] == expected
    assert found_any


def test_our_own_tagger_answers_as_in_training(runtime, taggers):
    import torch

    from playground.scratch.model import EncoderTagger, pad
    from playground.scratch.tokenizer import Tokenizer

    folder = Path(taggers.scratch.folder)
    model, tokenizer = EncoderTagger.load(folder), Tokenizer.load(folder / "tokenizer.json")
    labels = set()
    for text in ["Ada King wrote to him.", "aspirin", "The Engine, 7.5 pages"]:
        words = segment.words(text)
        ids, places = tokenizer.for_tagger([text[start:end] for start, end in words])
        assert len(ids) <= WINDOW
        with torch.inference_mode():
            shares = model(*pad([ids]), torch.tensor([places])).softmax(-1)[0].numpy()  # [W, L]
        found = tagged(runtime, taggers.scratch, text)
        assert [(span.start, span.end) for span in found.spans] == words  # word classes: a span each
        assert [span.label for span in found.spans] == [CLASSES[row.argmax()] for row in shares]
        assert [span.score for span in found.spans] == pytest.approx([row.max() for row in shares], abs=1e-5)
        labels |= {span.label for span in found.spans}
    assert len(labels) > 1


# -- long texts


def article(lines=60, seed=3):
    """Lines of some words each; all fit into a window but every tenth."""
    draw = random.Random(seed)
    vocabulary = [word for text in TEXTS for word in words_of(text) if len(word) < 7]
    rows = [" ".join(draw.choices(vocabulary, k=40 if n % 10 == 9 else draw.randint(1, 5))) for n in range(lines)]
    return "\n".join(rows)


@pytest.mark.parametrize("name", ["general", "medical", "bert", "roberta", "scratch"])
def test_a_long_text_is_read_to_its_end_and_as_its_lines_one_by_one(runtime, taggers, name):
    ref, text = getattr(taggers, name), article()
    found = answer(runtime, Tag(ref, text=text))
    expected, tokens = [], 0
    for start, end in segment.lines(text):
        one = answer(runtime, Tag(ref, text=text[start:end]))
        tokens += one.stats.tokens_in
        expected += [replace(span, start=span.start + start, end=span.end + start) for span in one.output.spans]
    same(found.output.spans, expected)
    assert found.output.spans[-1].start > len(text) * 0.9
    assert found.stats.tokens_in == tokens
    assert found.stats.truncated is False
    assert found.stats.note.startswith(
        "Read line by line, 60 lines, the long ones in overlapping windows of at most 24"
    )
    assert len(found.output.spans) > 20


def test_a_word_in_a_long_line_is_read_in_its_window(runtime, taggers):
    """By hand: the plain model on the windows' words."""
    from playground.engine.windows import windows

    text = " ".join(article().split()[:90])
    tokenizer = tokenizer_of(taggers.bert)
    words = segment.words(text)
    strings = [text[start:end] for start, end in words]
    found = tagged(runtime, taggers.bert, text)
    pieces = [len(tokenizer([word], is_split_into_words=True)["input_ids"]) - 2 for word in strings]
    places = windows(pieces, WINDOW - 2)
    assert len(places) > 5
    rows = []
    for window in places:
        part = " ".join(strings[window.start : window.end])
        (logits,) = by_hand(taggers.bert, [part])[1]
        assert len(logits) == window.end - window.start, "segmentation changed: take another text"
        rows.append(logits[window.first - window.start : window.last - window.start])
    same(found.spans, Scheme.read(GENERAL).spans(text, words, tag.shares(np.concatenate(rows))))


def test_another_users_short_text_does_not_wait_for_a_long_one(runtime, taggers):
    """It is answered while the long one is still being read."""
    answer(runtime, Tag(taggers.general, text="warm"))
    order, done = [], threading.Semaphore(0)

    def receive(name):
        def emit(event):
            if isinstance(event, LAST):
                order.append((name, type(event)))
                done.release()

        return emit

    runtime.submit(Tag(taggers.general, user="long", text=article(2000)), receive("long"), Cancel(60))
    time.sleep(0.05)
    for _ in range(3):
        runtime.submit(Tag(taggers.general, user="short", text=TEXTS[0]), receive("short"), Cancel(60))
        runtime.submit(Classify(taggers.classifier, user="other", text=TEXTS[0]), receive("other"), Cancel(60))
    for _ in range(7):
        assert done.acquire(timeout=60)
    assert order[-1] == ("long", Finished)


def test_a_long_text_can_be_stopped_between_two_steps(runtime, taggers):
    events, ended = [], threading.Event()

    def emit(event):
        events.append(event)
        if isinstance(event, LAST):
            ended.set()

    started = time.monotonic()
    handle = runtime.submit(Tag(taggers.general, text=article(4000)), emit, Cancel(60))
    time.sleep(0.1)
    handle.cancel()
    assert ended.wait(20)
    assert isinstance(events[-1], Cancelled)
    answer(runtime, Tag(taggers.general, text="a"))
    assert time.monotonic() - started < 10
    eventually(lambda: all(row.leases == 0 for row in runtime.status()))


# -- company


def test_mixed_users_models_and_kinds_get_the_answers_they_get_alone(runtime, taggers):
    """Two taggers and a classifier of one encoder, and the bare encoder, asked at once."""
    calls = [
        call
        for text in [*TEXTS, article(9)]
        for call in (
            Tag(taggers.general, text=text),
            Tag(taggers.medical, text=text),
            Classify(taggers.classifier, text=text),
            Embed(taggers.encoder, texts=(text,)),
        )
    ]
    alone = [answer(runtime, call).output for call in calls]
    order = random.Random(5).sample(range(len(calls) * 6), len(calls) * 6)
    found, done = {}, threading.Semaphore(0)

    def receive(number):
        def emit(event):
            if isinstance(event, LAST):
                found[number] = event
                done.release()

        return emit

    for number in order:
        call = replace(calls[number % len(calls)], user=f"u{number % 5}")
        runtime.submit(call, receive(number), Cancel(60))
    for _ in order:
        assert done.acquire(timeout=60)
    batched = 0
    for number, event in found.items():
        assert isinstance(event, Finished), event
        expected, output = alone[number % len(calls)], event.output
        if isinstance(expected, Spans):
            same(output.spans, expected.spans)
            batched += event.stats.batch_size > 2
        elif hasattr(expected, "vectors"):
            np.testing.assert_allclose(output.vectors, expected.vectors, atol=1e-4)
        else:
            for row in expected.scores:
                assert output.score_of(row.label) == pytest.approx(row.score, abs=1e-4)
    assert batched > 10, "nothing was batched: the test shows nothing"


@pytest.mark.parametrize("name", ["general", "medical"])
def test_a_tagger_is_merged_into_a_copy_that_answers_the_same(taggers, name):
    """The fast path: it agrees on the fixed set before it answers; without it the plain one stays."""
    ref = getattr(taggers, name)
    slow = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=64, fast_cpu=False))
    fast = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=64))
    try:
        answer(fast, Classify(taggers.classifier, text="a"))  # its adapter stands on the pooler too
        eventually(lambda: answer(fast, Tag(ref, text="a")).stats.path == "adapter merged", 30)
        for text in [*TEXTS, article(12)]:
            expected, found = answer(slow, Tag(ref, text=text)), answer(fast, Tag(ref, text=text))
            assert expected.stats.path is None
            same(found.output.spans, expected.output.spans)
            assert found.stats.fingerprint == expected.stats.fingerprint
        assert fast.unload() >= 3
        eventually(lambda: not fast.status())
    finally:
        slow.close()
        fast.close()


@pytest.mark.parametrize("name", ["general", "bert", "roberta", "scratch"])
def test_its_attention_can_be_looked_at(runtime, taggers, name):
    import torch

    ref, text = getattr(taggers, name), "Ada didn't"
    found = answer(runtime, Attend(ref, text=text)).output
    (side,), weights = found.sides, found.parts[0].stack()
    count = len(side)
    assert weights.shape == (2, 2 if name == "scratch" else 4, count, count)
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)
    for token, (start, end) in zip(side.tokens, side.spans, strict=True):
        assert start == end or token == text[start:end]
    assert "".join(text[start:end] for start, end in dict.fromkeys(side.spans)) == "Adadidn't"
    if name in ("bert", "general"):  # as an eager copy reports it
        model = plain(ref)
        getattr(model, "base_model", model).config._attn_implementation = "eager"
        (model.base_model.model if name == "general" else model).set_attn_implementation("eager")
        inputs = tokenizer_of(taggers.bert)(words_of(text), is_split_into_words=True, return_tensors="pt")
        with torch.inference_mode():
            expected = torch.cat(model(**inputs, output_attentions=True).attentions).numpy()
        np.testing.assert_allclose(weights, expected, atol=1e-5)
    long = answer(runtime, Attend(ref, text=article()))
    assert long.stats.truncated
    assert len(long.output.sides[0]) <= WINDOW


# -- any text


def well_formed(text, output):
    words = [word for line in segment.lines(text) for word in segment.words(text, *line)]
    starts, ends = {start for start, _ in words}, {end for _, end in words}
    reached = 0
    for span in output.spans:
        assert reached <= span.start < span.end
        assert text[span.start : span.end] == span.text
        assert span.start in starts
        assert span.end in ends
        assert span.label in output.labels
        assert 0 < span.score <= 1
        reached = span.end
    return words


ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
PARTS = st.sampled_from(
    [*"aZ9.,'\t\n\r \u200d\u0301", "🙂", "🏳️‍🌈", "日本", "שלום", "Ada", "n't", "\u2028", "\x00", "한국"]
)


@given(ANY | st.lists(PARTS, max_size=40).map("".join))
@example(STRANGE)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_offsets_are_characters_of_the_users_own_text(runtime, taggers, text):
    for ref in (taggers.general, taggers.bert, taggers.roberta):
        well_formed(text, tagged(runtime, ref, text))
    output = tagged(runtime, taggers.scratch, text)
    assert [(span.start, span.end) for span in output.spans] == well_formed(text, output)


@pytest.mark.parametrize("text", ["", " \n\t \r\n", "\u200b", "\x00"])
def test_a_text_without_words_has_no_spans(runtime, taggers, text):
    found = answer(runtime, Tag(taggers.general, text=text))
    assert found.output == Spans((), ("PER", "LOC", "ORG", "MISC"))
    assert found.stats.tokens_in == 0
    assert found.stats.note is None


@pytest.mark.parametrize(
    "text",
    ["x" * 100_000, "\u0301" * 100_000, "🙂" * 4_000, "." * 100_000, "日" * 4_000, "'" * 50_000 + "n't" * 9],
    ids=["one word", "marks", "emoji", "a row of signs", "no blanks", "quotes"],
)
def test_no_text_takes_long(runtime, taggers, text):
    """The tiny model's own time is small: what is measured is everything around it."""
    started = time.monotonic()
    for ref in (taggers.general, taggers.roberta, taggers.scratch):
        well_formed(text, answer(runtime, Tag(ref, text=text)).output)
    assert time.monotonic() - started < 60


# -- what is said beside the answer, and refusals


def test_stats_and_notes(runtime, taggers):
    short = answer(runtime, Tag(taggers.general, text="Ada")).stats
    assert (short.tokens_in, short.truncated, short.note) == (4, False, None) or short.tokens_in == 3
    assert len(short.fingerprint) == 16
    assert short.adapter_parameters > 0
    lines = answer(runtime, Tag(taggers.general, text="Ada\n\nKing\nin")).stats
    assert lines.note == "Read line by line, 3 lines."
    long = answer(runtime, Tag(taggers.general, text="king " * 50)).stats
    assert long.note == "Read to its end in 3 overlapping windows of at most 24 tokens."
    assert long.tokens_in > 50


def fails(runtime, call, kind):
    event = last(runtime, call)
    assert isinstance(event, Failed), event
    assert isinstance(event.error, kind), repr(event.error)
    message = str(event.error)
    assert message.endswith(".")
    assert "\n" not in message
    return message


def test_models_of_the_wrong_kind_are_refused_in_one_sentence(runtime, taggers, tiny):
    for ref in (tiny.classifier_ref, tiny.scratch_ref, taggers.classifier, taggers.encoder):
        assert "labels no words" in fails(runtime, Tag(ref, text="a"), NotSupported)
    for ref in (taggers.general, taggers.bert, taggers.scratch):
        assert "no label to a text as a whole" in fails(runtime, Classify(ref, text="a"), NotSupported)
    as_tagger = replace(tiny.classifier_ref, id="tiny/no-tagger", loader="pipeline-tagger")
    assert "labels no words" in fails(runtime, Tag(as_tagger, text="a"), NotSupported)
    crossed = replace(taggers.classifier, id="tiny/crossed", loader="lora-tagger")
    assert "not one for labelling words" in fails(runtime, Tag(crossed, text="a"), LoadFailed)
    crossed = replace(taggers.general, id="tiny/crossed2", loader="lora-classifier")
    assert "not one for classification" in fails(runtime, Classify(crossed, text="a"), LoadFailed)
    crossed = replace(tiny.scratch_ref, id="tiny/crossed3", loader="scratch-tagger")
    assert "cannot be built" in fails(runtime, Tag(crossed, text="a"), LoadFailed)


def test_labels_that_are_missing_or_too_many_are_refused(runtime, taggers):
    assert "no names" in fails(runtime, Tag(replace(taggers.general, labels=()), text="a"), NotSupported)
    nameless = tuple(f"LABEL_{n}" for n in range(9))
    assert "no names" in fails(runtime, Tag(replace(taggers.general, labels=nameless), text="a"), NotSupported)
    more = replace(taggers.general, labels=(*GENERAL, "B-TIME"))
    assert "9 labels and 10 names" in fails(runtime, Tag(more, text="a"), LoadFailed)
    named = replace(taggers.bert, labels=tuple(f"{name[:2]}X{name[2:]}" if "-" in name else name for name in GENERAL))
    assert answer(runtime, Tag(named, text=TEXTS[0])).output.labels == ("XPER", "XLOC", "XORG", "XMISC")
