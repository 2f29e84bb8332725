"""Encoder-decoders of transformers write what `generate` writes, token for token; a text at a time or sentence by sentence."""

import json
import shutil
import warnings

import pytest

from playground.core.calls import Generate, Rewrite
from playground.core.errors import EmptyInput, LoadFailed, NotHere, NotSupported
from playground.core.events import Partial
from playground.core.types import ModelRef
from playground.core.writing_types import Writing

from .rewriters import CONTEXT, TEXT, make, marian_tokenizer, rewritten
from .writers import finish, load, step, work_of

NAMES = ("t5", "marian", "bart")
SOURCES = ("a good film", TEXT, "not bad, and was there a time?")


@pytest.fixture(scope="module")
def rewriters(tmp_path_factory):
    return make(tmp_path_factory.mktemp("rewriters"))


@pytest.fixture(scope="module")
def loaded(rewriters):
    base = load(rewriters.ref("t5"))
    others = {name: load(rewriters.ref(name)) for name in NAMES if name != "t5"}
    return {"t5": base, "lora": load(rewriters.lora, base), **others}


@pytest.fixture(scope="module")
def oracle(rewriters):
    """A function from a name and settings to what transformers itself writes."""
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    models = {}

    def write(name, text, model=None, **how):
        if name not in models:
            folder = rewriters.root / name
            models[name] = (
                AutoModelForSeq2SeqLM.from_pretrained(folder).eval(),
                AutoTokenizer.from_pretrained(folder),
            )
        plain, tokenizer = models[name]
        ids = tokenizer(text, return_tensors="pt")
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a least length above the most
            found = (model or plain).generate(**{"num_beams": 1, "do_sample": False, **ids, **how})[0]
        return tokenizer.decode(found, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    return write


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("beams", "penalty"), [(1, 1.0), (1, 1.3), (2, 1.0), (4, 1.2)])
def test_they_write_what_transformers_writes(loaded, rewriters, oracle, name, beams, penalty):
    for source in SOURCES:
        for length in (1, 5, 24):
            found = rewritten(
                loaded[name], rewriters.ref(name), source, length=length, beams=beams, repetition_penalty=penalty
            )
            expected = oracle(name, source, max_new_tokens=length, num_beams=beams, repetition_penalty=penalty)
            assert found.output.text == expected
            assert found.tokens_out <= length
            assert found.truncated is False


@pytest.mark.parametrize("name", ["bart", "marian"])
def test_an_end_that_had_to_come_is_told_from_one_that_came_by_itself(loaded, rewriters, name):
    def end(**how):
        return rewritten(loaded[name], rewriters.ref(name), TEXT, **how).output.ended

    ended = {3: end(length=3), 60: end(length=60, temperature=1.0)}
    assert ended == {3: "length", 60: "stop"}


def test_an_adapter_writes_what_peft_writes_and_its_base_is_untouched(loaded, rewriters, oracle):
    from peft import PeftModel
    from transformers import AutoModelForSeq2SeqLM

    plain = AutoModelForSeq2SeqLM.from_pretrained(rewriters.root / "t5")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adapted = PeftModel.from_pretrained(plain, rewriters.root / "lora").eval()
    for beams in (1, 3):
        own = rewritten(loaded["lora"], rewriters.lora, TEXT, length=20, beams=beams).output.text
        assert own == oracle("t5", TEXT, model=adapted, max_new_tokens=20, num_beams=beams)
        base = rewritten(loaded["t5"], rewriters.ref("t5"), TEXT, length=20, beams=beams).output.text
        assert base == oracle("t5", TEXT, max_new_tokens=20, num_beams=beams)
        assert own != base
    assert loaded["lora"].identity.fingerprint != loaded["t5"].identity.fingerprint


@pytest.mark.parametrize("name", ["t5", "marian", "bart", "lora"])
def test_texts_side_by_side_are_what_they_are_alone(loaded, rewriters, name):
    ref = rewriters.lora if name == "lora" else rewriters.ref(name)
    calls = [
        Rewrite(ref, text=text, writing=Writing(**how))
        for text, how in (
            (SOURCES[0], {"length": 12}),
            (SOURCES[1], {"length": 20, "temperature": 1.0, "seed": 3}),
            (SOURCES[2], {"length": 9, "beams": 3}),
            (SOURCES[1], {"length": 16, "repetition_penalty": 1.5, "details": True}),
        )
    ]
    alone = [finish(work_of(loaded[name], call)[0]).output for call in calls]
    pairs = [work_of(loaded[name], call) for call in calls]
    outcomes = [None] * len(calls)
    for turn in range(200):
        open_ = [place for place, one in enumerate(outcomes) if one is None]
        if not open_:
            break
        chosen = open_ if turn % 3 else open_[turn % len(open_) :]
        for place, one in zip(chosen, step([pairs[place][0] for place in chosen]), strict=True):
            outcomes[place] = one
    assert [one.output.text for one in outcomes] == [one.text for one in alone]
    assert ["".join(e.delta for e in events if isinstance(e, Partial)) for _, events in pairs] == [
        one.text for one in alone
    ]


def test_the_source_is_read_in_a_step_of_its_own_and_a_token_is_a_step(loaded, rewriters):
    work, events = work_of(loaded["t5"], Rewrite(rewriters.ref("t5"), text=TEXT, writing=Writing(length=5)))
    assert (work.rows, work.size) == (1, len(loaded["t5"].source(TEXT, 256).ids))
    assert step([work]) == [None]
    assert not events
    assert work.size == 1
    steps = 0
    while step([work])[0] is None:
        steps += 1
    assert steps == 4


def test_the_same_seed_gives_the_same_text_and_details_join_to_it(loaded, rewriters):
    def told(**how):
        return rewritten(
            loaded["t5"], rewriters.ref("t5"), TEXT, length=30, temperature=1.0, details=True, **how
        ).output

    assert told(seed=1) == told(seed=1)
    assert told(seed=1).text != told(seed=2).text
    one = told(seed=1)
    assert "".join(token.text for token in one.tokens) == one.text
    assert all(0 <= token.probability <= 1 for token in one.tokens)
    assert any(token.alternatives for token in one.tokens)


def test_a_source_that_is_too_long_is_cut_and_said_to_be(loaded, rewriters, oracle):
    long = TEXT * 9
    found = rewritten(loaded["bart"], rewriters.ref("bart"), long, length=12)
    assert found.truncated is True
    assert found.tokens_in == CONTEXT
    assert found.note == f"Only the first {CONTEXT} tokens were read: the text is longer than this model takes."
    shorter = rewritten(loaded["bart"], rewriters.ref("bart", max_length=20), long, length=12)
    assert shorter.tokens_in == 20


PARAGRAPHS = "A good film. Was it bad?\n\nIt was not bad,  and I loved it!\n"


def test_a_model_of_sentences_gets_one_at_a_time_and_what_stood_between_stays(loaded, rewriters):
    ref = rewriters.ref("t5", sentences=True)
    parts = ["A good film.", "Was it bad?", "It was not bad,  and I loved it!"]
    alone = [rewritten(loaded["t5"], ref, part, length=9) for part in parts]
    work, events = work_of(loaded["t5"], Rewrite(ref, text=PARAGRAPHS, writing=Writing(length=27, details=True)))
    found = finish(work)
    assert found.output.text == f"{alone[0].output.text} {alone[1].output.text}\n\n{alone[2].output.text}" or (
        found.tokens_out == 27  # the first sentences took what the last would have had
    )
    assert found.tokens_in == sum(one.tokens_in for one in alone)
    assert "".join(event.delta for event in events if isinstance(event, Partial)) == found.output.text
    assert "".join(token.text for token in found.output.tokens) == found.output.text
    deltas = [event.delta for event in events if isinstance(event, Partial)]
    assert len(deltas) > len(parts), "it came all at once"
    whole = rewritten(loaded["t5"], rewriters.ref("t5"), PARAGRAPHS, length=27)
    assert whole.tokens_in != found.tokens_in


def test_beams_give_sentence_after_sentence(loaded, rewriters):
    ref = rewriters.ref("marian", sentences=True)
    work, events = work_of(loaded["marian"], Rewrite(ref, text=PARAGRAPHS, writing=Writing(length=200, beams=3)))
    found = finish(work)
    parts = [
        rewritten(loaded["marian"], ref, part, length=63, beams=3).output.text
        for part in ("A good film.", "Was it bad?", "It was not bad,  and I loved it!")
    ]
    if found.tokens_out < CONTEXT - 1:
        assert found.output.text == f"{parts[0]} {parts[1]}\n\n{parts[2]}"
    assert len([event for event in events if isinstance(event, Partial)]) >= 3


def test_a_length_that_is_used_up_before_the_last_sentence_is_said(loaded, rewriters):
    ref = rewriters.ref("t5", sentences=True)
    found = rewritten(loaded["t5"], ref, PARAGRAPHS, length=3)
    assert found.tokens_out == 3
    assert found.output.ended == "length"
    assert found.note == "The length was reached before all sentences were read: ask for more tokens."


def test_who_stops_in_the_middle_holds_nothing(loaded, rewriters):
    work, _ = work_of(loaded["t5"], Rewrite(rewriters.ref("t5"), text=TEXT, writing=Writing(length=30)))
    for _ in range(4):
        step([work])
    work.op.drop(work)
    work.op.drop(work)
    assert work.state.opened is None


def test_what_is_no_text_and_who_makes_none_are_refused(loaded, rewriters):
    with pytest.raises(EmptyInput):
        work_of(loaded["t5"], Rewrite(rewriters.ref("t5", sentences=True), text=" \n "))
    with pytest.raises(NotSupported, match="does not go on with a text"):
        work_of(loaded["t5"], Generate(rewriters.ref("t5"), text="Once"))


def test_a_checkpoint_that_cannot_serve_is_refused_with_a_sentence(rewriters, tmp_path):
    folder = tmp_path / "broken"
    shutil.copytree(rewriters.root / "bart", folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(NotHere):
        load(ModelRef("tiny/broken", "pipeline-seq2seq", str(folder)))
    folder = tmp_path / "startless"
    shutil.copytree(rewriters.root / "t5", folder)
    for name in ("config.json", "generation_config.json"):
        facts = json.loads((folder / name).read_text())
        facts.pop("decoder_start_token_id", None)
        (folder / name).write_text(json.dumps(facts))
    with pytest.raises(LoadFailed, match="how its texts begin"):
        load(ModelRef("tiny/startless", "pipeline-seq2seq", str(folder)))
    with pytest.raises(LoadFailed, match="names no encoder-decoder to stand on"):
        load(rewriters.ref("lora", "lora-seq2seq"), base="something else")


def test_a_marian_checkpoint_with_the_tokenizer_of_its_kind(rewriters, tmp_path):
    pytest.importorskip("sentencepiece")
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, MarianConfig, MarianMTModel

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it recommends a package that it can do without
        tokenizer = marian_tokenizer(tmp_path / "marian")
    pad = tokenizer.pad_token_id
    torch.manual_seed(0)
    config = MarianConfig.from_pretrained(
        rewriters.root / "marian",
        vocab_size=len(tokenizer),
        pad_token_id=pad,
        eos_token_id=0,
        decoder_start_token_id=pad,
        forced_eos_token_id=0,
    )
    model = MarianMTModel(config)
    model.generation_config.bad_words_ids = [[pad]]
    model.save_pretrained(tmp_path / "marian")
    tokenizer.save_pretrained(tmp_path / "marian")
    ref = ModelRef("tiny/real-marian", "pipeline-seq2seq", str(tmp_path / "marian"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        own, reader = load(ref), AutoTokenizer.from_pretrained(tmp_path / "marian")
    plain = AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "marian").eval()
    for source in SOURCES:
        for beams in (1, 3):
            ids = plain.generate(**reader(source, return_tensors="pt"), max_new_tokens=20, num_beams=beams)[0]
            found = rewritten(own, ref, source, length=20, beams=beams)
            assert found.output.text == reader.decode(ids, skip_special_tokens=True)
