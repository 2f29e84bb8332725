"""Our own encoder-decoder in the engine writes what it writes by itself: alone, side by side, by sentence, and by beams."""

import json

import pytest

from playground.core.calls import Rewrite
from playground.core.errors import EmptyInput, LoadFailed
from playground.core.types import ModelRef
from playground.core.writing_types import Writing

from .writers import finish, load, step, work_of

SPECIALS = ("<pad>", "<start>", "<end>")
TEXT = "The cat isn't here. Was it ever? "
SOURCES = ("The cat isn't here.", "Was it?", "Once upon a time the cat was here, and it isn't now.")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    import torch

    from playground.scratch.seq2seq import Seq2Seq, Seq2SeqConfig
    from playground.scratch.tokenizer import Tokenizer

    root = tmp_path_factory.mktemp("rewriter")
    tokenizer = Tokenizer.train([*SOURCES, TEXT] * 3, 290, SPECIALS)
    torch.manual_seed(2)
    model = Seq2Seq(
        Seq2SeqConfig(
            vocabulary=len(tokenizer),
            dim=24,
            layers=2,
            heads=2,
            hidden=32,
            context=40,
            positions="rotary",
            norm="rms",
            feed_forward="swiglu",
            bias=False,
            encoder_layers=1,
            source_context=24,
        )
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    model.save(root)
    tokenizer.save(root / "tokenizer.json")
    (root / "checkpoint.json").write_text(json.dumps({"plain": {"’": "'"}}))
    return root


@pytest.fixture
def ref(folder):
    return ModelRef("tiny/rewriter", "scratch-seq2seq", str(folder))


@pytest.fixture(scope="module")
def model(folder):
    return load(ModelRef("tiny/rewriter", "scratch-seq2seq", str(folder)))


def rewritten(model, ref, text, **how):
    return finish(work_of(model, Rewrite(ref, text=text, writing=Writing(**how)))[0])


def by_itself(folder, text, length, beams=1):
    from playground.scratch.decoding import stream
    from playground.scratch.sampling import Sampling
    from playground.scratch.seq2seq import Seq2Seq
    from playground.scratch.tokenizer import Tokenizer

    tokenizer, plain = Tokenizer.load(folder / "tokenizer.json"), Seq2Seq.load(folder)
    end = tokenizer.special("<end>")
    reading = plain.read([*tokenizer.encode(text), end])
    sampling = Sampling(length=length, temperature=0, beams=beams)
    return [one.token for one in stream(reading, [tokenizer.special("<start>")], sampling, {end})]


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("text", SOURCES[:2])
def test_it_writes_what_it_writes_by_itself(model, ref, folder, text, beams):
    from playground.engine.spelling import Speller

    found = rewritten(model, ref, text, length=20, beams=beams)
    expected = by_itself(folder, text, 20, beams)
    speller = Speller(model.vocabulary.decode)
    assert found.output.text == "".join(speller.add(token) for token in expected if token not in model.vocabulary.stop)
    assert found.tokens_out == len(expected)
    assert found.tokens_in == len(model.vocabulary.encode(text)) + 1
    assert found.first_token_seconds > 0


def test_texts_side_by_side_are_what_they_are_alone(model, ref):
    calls = [
        Rewrite(ref, text=text, writing=Writing(**how))
        for text, how in (
            (SOURCES[0], {"length": 12}),
            (SOURCES[1], {"length": 20, "temperature": 1.0, "seed": 3}),
            (SOURCES[2], {"length": 9, "beams": 3}),
            (SOURCES[1], {"length": 16, "repetition_penalty": 1.5, "details": True}),
        )
    ]
    alone = [finish(work_of(model, call)[0]).output for call in calls]
    works = [work_of(model, call)[0] for call in calls]
    outcomes = {}
    for turn in range(100):
        open_ = [place for place in range(len(calls)) if place not in outcomes]
        chosen = open_ if turn % 3 else open_[turn % max(1, len(open_)) :]
        if not open_:
            break
        found = zip(chosen, step([works[place] for place in chosen]), strict=True)
        outcomes |= {place: one for place, one in found if one is not None}
    assert [outcomes[place].output.text for place in range(len(calls))] == [one.text for one in alone]
    assert len(model.desk._batch) == 0, "a text that is done holds nothing"


def test_a_text_that_is_stopped_frees_its_place(model, ref):
    work, _ = work_of(model, Rewrite(ref, text=SOURCES[0], writing=Writing(length=20)))
    for _ in range(3):
        assert step([work]) == [None]
    assert len(model.desk._batch) == 1
    work.op.drop(work)
    assert len(model.desk._batch) == 0


def test_apostrophes_are_read_as_they_were_in_training(model, ref):
    straight = rewritten(model, ref, "The cat isn't here.", length=12)
    curly = rewritten(model, ref, "The cat isn’t here.", length=12)
    assert straight.output.text == curly.output.text
    assert straight.tokens_in == curly.tokens_in


def test_a_text_that_is_too_long_is_cut_and_says_so(model, ref):
    found = rewritten(model, ref, "The cat isn't here, " * 30, length=4)
    assert found.truncated
    assert found.tokens_in == 24
    assert "24 tokens" in found.note


def test_more_tokens_than_its_context_holds_are_not_written(model, ref):
    assert rewritten(model, ref, SOURCES[1], length=500).tokens_out < 40


@pytest.mark.parametrize("text", ["", "  \n "])
def test_nothing_is_refused(model, ref, text):
    with pytest.raises(EmptyInput):
        rewritten(model, ref, text)


@pytest.mark.parametrize("text", ["🙂🙂🙂", "שלום עולם", "<b>no</b>", "\x00\x01\ud800", "<end> <start>"])
def test_any_text_is_read(model, ref, text):
    assert rewritten(model, ref, text, length=5).tokens_in > 1


def test_a_checkpoint_without_its_special_tokens_is_refused(folder, tmp_path):
    from shutil import copytree

    from playground.scratch.tokenizer import Tokenizer

    copytree(folder, tmp_path / "other")
    whole = Tokenizer.load(folder / "tokenizer.json")
    Tokenizer(whole.merges, ("<pad>", "<cls>", "<mask>")).save(tmp_path / "other" / "tokenizer.json")
    with pytest.raises(LoadFailed, match="cannot be built from its files"):
        load(ModelRef("tiny/other", "scratch-seq2seq", str(tmp_path / "other")))
