"""What models of every kind show of a text: its tokens as they read it, and what the numbers of their answer are about."""

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from playground.core.attention_types import AnswerKind, Cut, Head, PartName, Token
from playground.core.errors import EmptyInput, NotSupported
from playground.inspection.sides import side

from .looked_into import PLAIN

WRITERS = ("gpt2", "llama", "sliding", "lora-decoder", "scratch-decoder", "scratch-letters")
REWRITERS = ("t5", "bart", "marian", "lora-seq2seq", "scratch-seq2seq")


# -- what the numbers are about


def question(looked, name):
    inside, seen = looked.seen(name)
    return inside.question(seen, looked.cases[name].ref.labels or looked.model(name).labels), seen


def test_a_question_says_what_it_is_about(looked):
    found, _ = question(looked, "lora-classifier")
    assert (found.kind, found.places, found.options) == (AnswerKind.LABELS, ("",), ("negative", "positive"))
    for name in ("lora-tagger", "pipeline-tagger", "scratch-tagger"):
        found, _ = question(looked, name)
        assert (found.kind, found.places) == (AnswerKind.WORDS, ("Ada", "did", "n't", "go"))
    for name in ("lora-reader", "pipeline-reader", "scratch-reader"):
        found, seen = question(looked, name)
        assert (found.kind, found.places) == (AnswerKind.SPAN, ("start", "end"))
        assert found.option(0) == "no answer"
        assert "".join("".join(found.options[1:]).split()) == "theplotwasnotgoodandIlovedthefilm"
    for name in ("lora-masked", "pipeline-masked", "scratch-masked"):
        found, _ = question(looked, name)
        assert (found.kind, found.places) == (AnswerKind.GAPS, ("gap 1", "gap 2"))
        inside = looked.model(name).insides
        bare = inside.read("a good film", "", 64)
        assert inside.question(bare, ()).places == (bare.sides[0].tokens[0],)
    for name in ("encoder", "lora-encoder", "scratch-encoder"):
        assert question(looked, name)[0].kind is AnswerKind.VECTOR
    for name in WRITERS:
        found, seen = question(looked, name)
        assert (found.kind, found.places) == (AnswerKind.NEXT, (seen.sides[0].tokens[-1],))
        assert found.option(seen.sides[0].ids[-1]).strip() == seen.sides[0].tokens[-1].strip()
    for name in REWRITERS:
        found, seen = question(looked, name)
        assert found.kind is AnswerKind.WRITTEN
        assert found.places[:-1] == seen.sides[1].tokens[1:]


def test_gaps_are_filled_with_the_words_of_the_card(looked):
    """As the operation that fills gaps says it, word by word."""
    from playground.core.calls import Fill
    from playground.engine import effects

    from .writers import finish, work_of

    for name in ("lora-masked", "pipeline-masked", "scratch-masked"):
        case, (inside, seen) = looked.cases[name], looked.seen(name)
        found = effects.shares(AnswerKind.GAPS, inside.answers(seen, [Cut()])[0])
        options = inside.question(seen, ()).options
        filled = finish(work_of(looked.model(name), Fill(case.ref, text=case.text))[0]).output.masks
        for row, choices in zip(found, filled, strict=True):
            for one in choices[:5]:
                assert row[options.index(one.token)] == pytest.approx(one.score, abs=1e-6)


def test_a_claim_is_what_stands_behind_the_last_line_break(matchers):
    from .writers import load

    model = load(matchers.nli())
    inside = model.insides
    text = "the plot was good\nthe film was bad\nit was not good"
    seen = inside.read(text, "", 40)
    (one,) = seen.sides
    assert seen.row.inputs["input_ids"] == list(one.ids)
    assert [text[a:b] for a, b in one.spans if a < b] == [token for token in one.tokens if token[0] != "["]
    assert one.spans[-2][1] == len(text)
    plain = model.pair("the plot was good\nthe film was bad", "it was not good", 40)
    assert plain.inputs == seen.row.inputs
    np.testing.assert_allclose(inside.answers(seen, [Cut()])[0], model.entailment([plain]), atol=1e-6)
    assert inside.question(seen, ()).options == ("does not follow", "follows")
    alone = inside.read("the plot was good", "", 40)
    assert [token.strip() for token in alone.sides[0].tokens if token[0] != "["] == ["the", "plot", "was", "good"]
    with pytest.raises(NotSupported, match="cannot be read"):  # this one has an attention of its own
        inside.attend(seen)
    with pytest.raises(NotSupported, match="cannot be read"):
        inside.answers(seen, [Cut((Head(PartName.ENCODER, 0, 0),))])
    assert np.abs(np.diff(inside.answers(seen, [Cut(), Cut(tokens=(Token(0, 1),))]), axis=0)).max() > 0
    assert np.array_equal(
        inside.lens(seen, ()).at(model.module.config.num_hidden_layers), inside.answers(seen, [Cut()])[0]
    )
    long = inside.read("good " * 90 + "\nit was bad", "", 40)
    assert long.truncated
    assert tuple(token.strip() for token in long.sides[0].tokens[-4:-1]) == ("it", "was", "bad")


# -- texts as decoders read them


STRANGE = "café 水 🙂 film"


@pytest.mark.parametrize("name", ["gpt2", "lora-decoder", "scratch-decoder", "scratch-letters"])
def test_tokens_of_a_decoder_stand_where_they_say(looked, name):
    inside = looked.model(name).insides
    seen = inside.read(STRANGE, "", 64)
    (one,) = seen.sides
    assert list(one.ids) == list(looked.model(name).encode(STRANGE, 64).inputs["input_ids"]) == seen.row
    assert one.special == (True, *[False] * (len(one) - 1))
    for token, (start, end), special in zip(one.tokens, one.spans, one.special, strict=True):
        assert special or token == STRANGE[start:end] != ""
    covered = {at for start, end in one.spans for at in range(start, end)}
    unknown = set() if name != "scratch-letters" else {at for at, sign in enumerate(STRANGE) if at not in covered}
    assert covered | unknown == set(range(len(STRANGE)))
    face = STRANGE.index("🙂")
    shared = [token for token, (start, end) in zip(one.tokens, one.spans, strict=True) if start <= face < end]
    assert len(shared) >= 1
    assert all("🙂" in token for token in shared)
    short = inside.read("a good film " * 40, "", 20)
    assert short.truncated
    assert len(short.sides[0]) == 20
    assert short.sides[0].text == ("a good film " * 40)[: short.sides[0].spans[-1][1]]


def test_tokens_that_no_text_stands_for(looked):
    for name in WRITERS:
        inside = looked.model(name).insides
        common = list(inside.common())
        assert len(common) > 20
        begin = looked.model(name).vocabulary.begin
        assert not {*begin} & {*common} or name == "scratch-letters"  # there a text begins as a line does
        seen = inside.of_ids(common[5:12])
        assert seen.sides[0].ids == (*begin, *common[5:12])
        assert seen.sides[0].special == (*[True] * len(begin), *[False] * 7)
        assert inside.attend(seen)[PartName.DECODER][0].shape[-1] == len(begin) + 7
    for name in ("lora-classifier", "t5"):
        with pytest.raises(NotSupported):
            looked.model(name).insides.of_ids([5, 6])
        with pytest.raises(NotSupported):
            looked.model(name).insides.common()


@pytest.mark.parametrize("name", REWRITERS)
def test_both_sides_of_an_encoder_decoder_are_what_it_reads(looked, name):
    case, model = looked.cases[name], looked.model(name)
    inside, seen = looked.seen(name)
    read, written = seen.sides
    assert list(read.ids) == list(model.source(case.text, 64).ids)
    assert read.special[-1]
    assert written.special[0]
    start = model.vocabulary.start if name == "scratch-seq2seq" else model.shape.manner.start
    assert written.ids[0] == start
    assert not model.vocabulary.stop & {*written.ids[1:]}
    for text, one in ((case.text, read), (case.target, written)):
        inner = [(*pair, mark) for *pair, mark in zip(one.tokens, one.spans, one.special, strict=True) if not mark]
        assert all(token == text[start:end] for token, (start, end), _ in inner)
        assert {at for _, (start, end), _ in inner for at in range(start, end)} == set(range(len(text)))
    empty = inside.read(case.text, "", 64)
    assert empty.sides[1].ids == (start,)
    assert inside.answers(empty, [Cut()])[0].shape[0] == len(inside.question(empty, ()).places) == 1
    short = inside.read(case.text * 9, case.target * 9, 12)
    assert short.truncated
    assert [len(one) for one in short.sides] == [12, 12]
    assert short.sides[0].special[-1], "the end of a source is read, too"
    with pytest.raises(EmptyInput):
        inside.read("  ", "", 64)


def test_signs_that_ours_reads_as_others_keep_their_places(looked):
    inside = looked.model("scratch-seq2seq").insides
    text = "c’est ça… là"
    read, written = inside.read(text, text, 64).sides
    for one in (read, written):
        inner = [
            (token, span) for token, span, mark in zip(one.tokens, one.spans, one.special, strict=True) if not mark
        ]
        assert all(token == text[start:end] for token, (start, end) in inner)
        assert {at for _, (start, end) in inner for at in range(start, end)} == set(range(len(text)))


@pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")
def test_a_tokenizer_without_places_is_searched_for_them(tmp_path):
    from playground.engine.models import _transformers as hf

    from .rewriters import marian_tokenizer

    tokenizer = marian_tokenizer(tmp_path / "marian")
    assert not tokenizer.is_fast
    text = "a good film, and the cafe was not bad."
    for target, said in ((False, text), (True, "un bon film, et le café")):
        one = hf.seen(tokenizer, said, hf.spelled(tokenizer, said, target=target))
        kept = [(token, span) for token, span, mark in zip(one.tokens, one.spans, one.special, strict=True) if not mark]
        inner = [(token, (start, end)) for token, (start, end) in kept if start < end]
        assert len(inner) > len(kept) / 2
        assert all(token == said[start:end] for token, (start, end) in inner)
        assert [span for _, span in inner] == sorted(span for _, span in inner)
        assert one.ids[-1] == tokenizer.eos_token_id
        assert one.special[-1]


def test_words_of_a_side_are_those_of_the_text():
    one = side(PLAIN, ["[CLS]", "the", "plot"], [(0, 0), (0, 3), (4, 8)], [2, 5, 6])
    assert one.words == (-1, 0, 1)
    assert one.special == (True, False, False)


# -- models that are built otherwise than most of their kind


def whole(tmp_path, tiny, kind, **shape):
    """A classifier of this class of transformers, with the tiny encoder's tokenizer."""
    import torch
    import transformers

    from playground.core.types import ModelRef

    from .writers import load

    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(1)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny.encoder)
    made = getattr(transformers, kind)
    names = {"id2label": {0: "NO", 1: "YES"}, "label2id": {"NO": 0, "YES": 1}, "pad_token_id": 0}
    made(made.config_class(vocab_size=len(tokenizer), **shape, **names)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    return load(ModelRef(f"tiny/{kind}", "pipeline-classifier", str(tmp_path), max_length=32))


def test_a_decoder_that_classifies_looks_back_only(tmp_path, tiny):
    shape = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 48, "initializer_range": 0.3}
    inside = whole(tmp_path, tiny, "GPT2ForSequenceClassification", **shape).insides
    (part,) = inside.parts
    assert (part.name, part.causal) == (PartName.DECODER, True)
    seen = inside.read("the plot was good", "", 32)
    for weights in inside.attend(seen)[PartName.DECODER]:
        assert (np.triu(weights.numpy(), 1) == 0).all()
    plain, less = inside.answers(seen, [Cut(), Cut((Head(PartName.DECODER, 0, 0),))])
    assert np.abs(plain - less).max() > 1e-5
    np.testing.assert_allclose(inside.lens(seen, ()).at(2), plain, atol=1e-5)


def test_a_model_without_attention_says_so(tmp_path, tiny):
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "intermediate_size": 48, "max_position_embeddings": 48}
    model = whole(tmp_path, tiny, "FNetForSequenceClassification", **shape)
    with pytest.raises(NotSupported, match="no attention to show"):
        _ = model.insides


def test_an_encoder_decoder_that_classifies_says_that_it_reads_twice(tmp_path, tiny):
    shape = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48}
    shape |= {"encoder_attention_heads": 4, "decoder_attention_heads": 4, "max_position_embeddings": 48}
    model = whole(tmp_path, tiny, "BartForSequenceClassification", **shape, eos_token_id=3)
    with pytest.raises(NotSupported, match="an encoder and a decoder"):
        _ = model.insides


def test_notes_say_which_text_was_cut(looked):
    from playground.engine.ops.attend import note_of

    for name in ("t5", "scratch-seq2seq"):
        case, inside = looked.cases[name], looked.model(name).insides
        both = note_of(inside.read(case.text * 9, case.target * 9, 12))
        assert both.startswith("Only the first 12 tokens of the text were read")
        assert "first 12 tokens of what was written" in both
        assert "of the text" not in note_of(inside.read("a", case.target * 9, 12))
        assert note_of(inside.read("a", "a", 12)) is None
    assert "first 12 tokens are shown" in note_of(looked.model("llama").insides.read(PLAIN * 9, "", 12))
    letters = note_of(looked.model("scratch-letters").insides.read("a \u0436 film", "", 40))
    assert letters == "This model does not know \u0436: they were left out."
    for name in ("lora-masked", "scratch-masked"):
        inside = looked.model(name).insides
        assert "12 tokens around the first gap" in note_of(inside.read(f"{PLAIN * 9} [MASK] {PLAIN * 9}", "", 12))
        assert "first 12 tokens" in note_of(inside.read(f"[MASK] {PLAIN * 9}", "", 12))


# -- any text


READ = ("pipeline-classifier", "scratch-classifier", "scratch-tagger", "pipeline-reader", "scratch-masked")


@pytest.mark.parametrize("name", [*READ, "gpt2", "scratch-decoder", "scratch-letters", "t5", "scratch-seq2seq"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=40), target=st.text(max_size=20))
@example(text="</script><!-- <b>", target="<!--")
@example(text="\r\n\t \u200b", target="\u0301")
@example(text="e\u0301🙂\ufffd" * 9, target="🙂" * 9)
def test_any_text_can_be_looked_into(looked, name, text, target):
    inside = looked.model(name).insides
    try:
        seen = inside.read(text, target, 24)
    except EmptyInput:
        assert not text.strip()
        return
    given_texts = (text, target)
    for one, given_text in zip(seen.sides, given_texts, strict=False):
        assert len(one.tokens) == len(one.spans) == len(one.ids) == len(one.special) == len(one.words)
        assert given_text.startswith(one.text)
        for token, (start, end), special, word in zip(one.tokens, one.spans, one.special, one.words, strict=True):
            assert 0 <= start <= end <= len(given_text)
            assert start == end or token == given_text[start:end]
            assert (word < 0) == special
            assert not special or start == end
    found = inside.attend(seen)
    for part in inside.parts:
        shape = (part.heads, len(seen.sides[part.queries]), len(seen.sides[part.keys]))
        assert found[part.name][0].shape == shape
    places = inside.question(seen, ("a", "b")).places
    cuts = [Cut(), Cut(tokens=(Token(0, 0),))]
    before, after = inside.answers(seen, cuts)
    assert before.shape == after.shape
    assert len(before) == len(places)
    assert np.isfinite(before).all()
    assert np.isfinite(after).all()
