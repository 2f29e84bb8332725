"""The starter decoder's recipe: its novels, its tokenizer, its batches; and all of it, small, from end to end."""

import json

import numpy as np
import pytest

from playground import training
from playground.core.errors import BadFile
from playground.training import novels
from playground.training.starter import StarterSettings, batches, learn_tokenizer, stream
from tests.training import written

# -- novels ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return written.write(tmp_path_factory.mktemp("novels"))


def test_whole_novels_are_held_out_and_none_of_their_sentences_is_trained_on(folder):
    books = novels.read(folder)
    assert (len(books.test), len(books.dev)) == (3, 1)
    names = {path.stem for path in (folder / "text" / "novels").iterdir()}
    held = {*books.test, *books.dev}
    assert held < names
    trained = " ".join(" ".join(document.split()) for document in books.train)
    for name in names:
        words = " ".join(novels.clean((folder / "text" / "novels" / f"{name}.txt").read_text()).split())
        assert (words in trained) == (name not in held), name
    assert books == novels.read(folder), "always the same ones"


def test_which_are_held_out_hangs_on_their_names_alone(folder, tmp_path):
    other = written.write(tmp_path)
    for path in (other / "text" / "novels").iterdir():
        path.write_text("Another text.\n", encoding="utf-8")
    assert set(novels.read(other).test) == set(novels.read(folder).test)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("I\r\n\r\n\r\n\r\n\r\n\r\nIt was \r\n", "I\n\n\nIt was\n"),
        ("\n\n  one  \ntwo\t\n\n", "  one\ntwo\n"),
        ("a\n\n\nb", "a\n\n\nb\n"),
        ("", "\n"),
    ],
)
def test_clean(text, cleaned):
    assert novels.clean(text) == cleaned


def test_a_byte_order_mark_is_no_part_of_a_novel(tmp_path):
    written.write(tmp_path)
    for path in (tmp_path / "text" / "novels").iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    books = novels.read(tmp_path)
    found = "".join([*books.train, *books.test.values(), *books.dev.values()])
    assert "\ufeff" not in found
    assert "\r" not in found


def test_documents_have_all_words_in_their_order_half_in_lines_and_half_flowing():
    text = novels.clean("\n\n".join(written.novel(seed, 12) for seed in range(40)))
    found = novels.documents(text)
    assert " ".join(" ".join(found).split()) == " ".join(text.split())
    flowing = [document for document in found if "\n\n" not in document]
    lines = [document for document in found if "\n\n" in document]
    assert len(lines) > 2
    assert 0.3 < sum(map(len, flowing)) / len(text) < 0.7
    assert all(len(document) >= novels.PART for document in lines[:-1])
    assert all(len(paragraph) > 60 for paragraph in flowing[0].splitlines() if paragraph != "CHAPTER I")


def test_too_few_novels_or_none_are_told(tmp_path):
    with pytest.raises(BadFile, match="--data"):
        novels.read(None)
    written.write(tmp_path, novels=4)
    with pytest.raises(BadFile, match="4 novels"):
        novels.read(tmp_path)


# -- the tokenizer -----------------------------------------------------------------------------------------------------

TEXT = 'Mr. Hale walked\nby the river.\n\n"Where?" – naïve 🙂 \u202e'


@pytest.fixture(scope="module")
def tokenizer():
    settings = StarterSettings(vocabulary=320, context=32)
    return learn_tokenizer([written.novel(1), written.novel(2)], settings)


def test_any_text_comes_back(tokenizer):
    ids = tokenizer(TEXT, add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids) == TEXT
    assert tokenizer.bos_token_id not in ids


def test_line_breaks_of_either_kind_are_the_same_and_a_byte_order_mark_is_nothing(tokenizer):
    plain = tokenizer(TEXT)["input_ids"]
    assert tokenizer("\ufeff" + TEXT.replace("\n", "\r\n"))["input_ids"] == plain
    assert tokenizer.decode(tokenizer("a\ufeffb")["input_ids"]) == "a\ufeffb", "elsewhere it is a character"


def test_the_tokenizer_is_the_same_each_time_and_after_being_saved(tokenizer, tmp_path):
    from transformers import AutoTokenizer

    again = learn_tokenizer([written.novel(1), written.novel(2)], StarterSettings(vocabulary=320, context=32))
    assert again.get_vocab() == tokenizer.get_vocab()
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert loaded("\ufeff" + TEXT)["input_ids"] == tokenizer(TEXT)["input_ids"]
    assert (loaded.bos_token, loaded.eos_token) == ("<|endoftext|>", "<|endoftext|>")


def test_a_token_says_that_a_document_begins(tokenizer):
    ids = stream(tokenizer, ["one", "two"])
    begins = tokenizer.bos_token_id
    assert ids[0] == begins
    assert list(ids).count(begins) == 2
    assert tokenizer.decode(ids) == "<|endoftext|>one<|endoftext|>two"


# -- batches -----------------------------------------------------------------------------------------------------------

SETTINGS = StarterSettings(context=16, batch=64, tokens=64 * 40, lengths=((0.5, 4), (0.25, 8), (0.25, 16)))


def test_windows_have_their_lengths_by_share_and_what_follows_each_token():
    at = batches(np.arange(16 * 12 + 1, dtype=np.int32), SETTINGS, 3, SETTINGS.steps)
    shapes = []
    for step in range(SETTINGS.steps):
        tokens, following = at(step)
        shapes.append(tokens.shape)
        assert tokens.size == 64
        assert (following == tokens + 1).all()
    assert shapes == [(16, 4)] * 20 + [(8, 8)] * 10 + [(4, 16)] * 10


def test_an_epoch_reads_each_block_once():
    at = batches(np.arange(16 * 12 + 1, dtype=np.int32), SETTINGS, 3, SETTINGS.steps)  # 3 steps an epoch
    epochs = [np.concatenate([at(3 * epoch + step)[0].ravel() for step in range(3)]) for epoch in range(13)]
    for epoch in epochs:
        assert sorted(epoch) == list(range(16 * 12))
    assert not np.array_equal(epochs[0], epochs[1]), "in another order each time"
    again = batches(np.arange(16 * 12 + 1, dtype=np.int32), SETTINGS, 3, SETTINGS.steps)
    assert np.array_equal(again(7)[0], at(7)[0])
    other = batches(np.arange(16 * 12 + 1, dtype=np.int32), SETTINGS, 4, SETTINGS.steps)
    assert not np.array_equal(other(7)[0], at(7)[0])


def test_too_little_text_for_a_step_is_told():
    with pytest.raises(ValueError, match="fewer than one step"):
        batches(np.arange(40, dtype=np.int32), SETTINGS, 3, 1)


# -- from end to end ---------------------------------------------------------------------------------------------------


def test_a_small_one_is_trained_resumed_and_read_back_by_transformers(folder, tmp_path):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    given = {"data": folder, "seed": 2, "settings": written.SMALL_STARTER}
    whole = training.run("generation-general", out=tmp_path / "whole", **given)
    assert whole["done"]
    steps = []
    part = training.run(
        "generation-general",
        out=tmp_path / "parts",
        progress=lambda progress: steps.append(progress.step),
        cancelled=lambda: len(steps) >= 4,
        **given,
    )
    assert (part["done"], part["step"]) == (False, 4)
    rest = training.run("generation-general", out=tmp_path / "parts", resume=True, **given)
    assert rest["files"] == whole["files"], "the digests of the weights"

    record = json.loads((tmp_path / "whole" / "checkpoint.json").read_text())
    assert (record["format"], record["task"], record["tier"]) == ("causal-lm", "generation", "pretrained")
    assert record["examples"] == 1280
    for figures in record["metrics"].values():
        assert 0 < figures["bits_per_byte"] < 8
        assert set(figures["each"]) <= {f"Writer_{number}" for number in range(7)}
    card = (tmp_path / "whole" / "README.md").read_text()
    assert "Training loss by tokens" in card
    assert "1,280 tokens" in (tmp_path / "whole" / "loss.svg").read_text()
    assert "Apache-2.0" not in card

    model = AutoModelForCausalLM.from_pretrained(tmp_path / "whole")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "whole")
    assert model.config.max_position_embeddings == 32
    inputs = tokenizer("The captain walked", return_tensors="pt", return_token_type_ids=False)
    with torch.inference_mode():
        out = model.generate(**inputs, max_new_tokens=5, do_sample=False, pad_token_id=0)
    assert out.shape[1] == inputs["input_ids"].shape[1] + 5
