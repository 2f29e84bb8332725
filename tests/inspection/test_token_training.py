"""Tokenizers trained from a text: what they learn, in the process of their own, and what can be made of it."""

import json
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, models, normalizers, pre_tokenizers, trainers
from tokenizers import Tokenizer as Theirs

from playground.core.cancel import Cancel
from playground.core.errors import DeadlineExceeded, InputError
from playground.core.token_training import RIVALS, TrainingKind
from playground.core.token_types import Opener, TokenizerRef
from playground.inspection.tokens import ChildTrainer, LocalInspector, train_fast, train_steps, trainer
from playground.scratch.tokenizer import PIECES, Tokenizer
from playground.views.tokens.train_sample import SAMPLE

AWKWARD = "naïve 北京 🙂👩‍👩‍👧 مرحبا \t\n  x² ½ ٣ a\0b <pad> </script><img src=x onerror=alert(1)> I'll"


def train(text: str, kind: TrainingKind, size: int, tell=lambda progress: None):
    return ChildTrainer().train(text.encode(), kind, size, tell, Cancel(100))


@pytest.fixture(scope="module")
def ours():
    seen = []
    return train(SAMPLE, TrainingKind.SCRATCH, 400, seen.append), seen


def test_our_own_is_what_the_recipes_train_and_tells_every_merge(ours):
    trained, seen = ours
    expected = Tokenizer.train([SAMPLE], 400)
    assert Tokenizer.from_json(trained.content).merges == expected.merges
    assert trained.size == len(expected) == 400
    steps = trained.steps
    assert steps.merges[:, :2].tolist() == [list(pair) for pair in expected.merges]
    assert steps.rivals.shape == (len(expected.merges), RIVALS, 3)
    assert (steps.rivals[:, :, 2] <= steps.merges[:, 3:4]).all(), "none occurs more often than the one chosen"
    assert steps.tokens == len(SAMPLE.encode())
    assert steps.merges[-1, 4] == len(expected.encode(SAMPLE))
    assert SAMPLE.startswith("".join(steps.pieces))
    assert not steps.whole
    assert seen[0].said == "starting"
    assert all(0 <= one.fraction <= 1 for one in seen if one.fraction is not None)


def test_the_file_for_the_package_tokenizers_gives_equal_ids(ours):
    trained, _ = ours
    mine, shared = Tokenizer.from_json(trained.content), Theirs.from_str(trained.shared)
    for text in (SAMPLE, AWKWARD, "", " ", "\r\n\r\n  \n"):
        assert shared.encode(text).ids == mine.encode(text)
        assert shared.decode(mine.encode(text)) == text
    assert shared.get_vocab_size() == len(mine)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cn"])))
@settings(max_examples=200, deadline=None)
def test_equal_ids_for_any_text(text):
    assert SHARED.encode(text).ids == SMALL.encode(text)


SMALL = Tokenizer.train([SAMPLE], 330)
SHARED = Theirs.from_str(train_steps.shared_format(SMALL))


def test_the_pieces_are_equal_around_the_characters_that_python_knows():
    split = pre_tokenizers.Split(Regex(train_steps.SHARED_PIECES), "isolated")
    kinds = [(code, unicodedata.category(chr(code))) for code in range(0x110000)]
    # Of the ideographs and the like, which are all alike, each sixteenth.
    known = [
        chr(c) for c, kind in kinds if kind not in ("Cs", "Cn", "Co") and (c < 0x3400 or kind != "Lo" or c % 16 == 0)
    ]
    assert len(known) > 20_000
    for at in range(0, len(known), 200):
        text = "".join(f"a{one} {one}{one}1{one}!{one} \n{one}" for one in known[at : at + 200])
        assert [piece for piece, _ in split.pre_tokenize_str(text)] == PIECES.findall(text)


def test_lowering_cannot_be_shared():
    with pytest.raises(ValueError, match="lowering"):
        train_steps.shared_format(Tokenizer([], lowercase=True))


def test_the_fast_bpe_learns_our_own_merges():
    """The same method over the same pieces: with one special token for three, every id lies two lower."""
    fast = train_fast.learn(SAMPLE, TrainingKind.BPE, 398, lambda *_: None)
    mine = Tokenizer.train([SAMPLE], 400)
    assert [i + 2 for i in fast.encode(SAMPLE).ids] == mine.encode(SAMPLE)
    assert fast.get_vocab_size() == 398


def test_the_vocabulary_of_wordpiece_is_the_librarys_own():
    """Where no two pairs occur equally often: else the library itself takes now the one, now the other."""
    counts = (("ab", 9), ("abc", 4), ("de", 8), ("fg", 4), ("fgh", 3), ("i", 1))
    text = "\n".join(word for word, count in counts for _ in range(count))
    for size in (300, 25):
        made = train_fast.learn(text, TrainingKind.WORDPIECE, size, lambda *_: None)
        theirs = Theirs(models.WordPiece(unk_token="[UNK]"))
        theirs.normalizer = normalizers.BertNormalizer(lowercase=True)
        theirs.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        options = {"min_frequency": 2, "limit_alphabet": train_fast.alphabet(size), "show_progress": False}
        theirs.train_from_iterator(
            text.splitlines(keepends=True),
            trainers.WordPieceTrainer(vocab_size=size, special_tokens=list(train_fast.BERT), **options),
        )
        assert set(made.get_vocab()) == set(theirs.get_vocab())
        assert made.encode("abc fg").tokens == ["[CLS]", *theirs.encode("abc fg").tokens, "[SEP]"]


@pytest.mark.parametrize("kind", [TrainingKind.BPE, TrainingKind.WORDPIECE, TrainingKind.UNIGRAM])
def test_a_fast_one_reads_the_text_through_the_page_s_own_readers(kind):
    seen = []
    trained = train(SAMPLE, kind, 500, seen.append)
    assert trained.size <= 500
    reading = LocalInspector().read(TokenizerRef("own/x", "x", Opener.HUB, content=trained.content), SAMPLE)
    assert len(reading) < len(SAMPLE) / 2
    assert trained.size == reading.vocabulary
    if kind is not TrainingKind.UNIGRAM:  # it does not tell
        assert any(one.said.startswith("learning merges") and one.fraction for one in seen)


def test_our_own_reads_through_the_page_s_own_readers(ours):
    trained, _ = ours
    ref = TokenizerRef("own/x", "x", Opener.SCRATCH, content=trained.content)
    inspector = LocalInspector()
    reading = inspector.read(ref, AWKWARD, special=False)
    assert reading.ids.tolist() == Tokenizer.from_json(trained.content).encode(AWKWARD)
    assert reading.decoded is None
    inspector.forget(ref)
    assert ref not in inspector._open


@pytest.mark.parametrize("kind", list(TrainingKind))
@pytest.mark.parametrize("text", ["hi", "a\0b a\0b", "日本語の文字" * 3, "</script><img onerror=x>"])
def test_a_small_or_odd_text_gives_fewer_tokens_and_no_error(kind, text):
    if kind is TrainingKind.SCRATCH:
        tokenizer, steps = train_steps.learn(text, 8000, lambda *_: None)
        assert len(tokenizer) < 300
        assert steps["whole"]
        assert "".join(steps["pieces"]) == text
    else:
        made = train_fast.learn(text, kind, 8000, lambda *_: None)
        assert made.get_vocab_size() < 300
        assert Theirs.from_str(made.to_str()).encode(text).ids == made.encode(text).ids


def test_a_piece_that_is_too_long_to_show_is_cut():
    pieces, whole = train_steps.beginning("a" * 5000)
    assert (len(pieces[0]), len(pieces), whole) == (train_steps.SHOWN, 1, False)


def test_stop_ends_the_process_in_the_middle():
    cancel = Cancel(100)
    long = "".join(f"{i} {SAMPLE}" for i in range(3000))  # several MB: it would take much longer than this
    started = time.monotonic()

    def tell(progress) -> None:
        if progress.said != "starting":
            cancel.set()

    assert ChildTrainer().train(long.encode(), TrainingKind.UNIGRAM, 8000, tell, cancel) is None
    assert time.monotonic() - started < 60


def test_what_takes_too_long_is_ended_and_said():
    with pytest.raises(DeadlineExceeded, match="too long"):
        ChildTrainer().train(SAMPLE.encode(), TrainingKind.UNIGRAM, 500, lambda progress: None, Cancel(0.01))


def test_what_the_library_cannot_learn_from_is_said_in_a_sentence(monkeypatch, tmp_path):
    """A process that ends with an error of its own, as the library's would."""
    failing = tmp_path / "failing.py"
    failing.write_text("import sys; sys.stdin.buffer.read(); print('thread panicked'); sys.exit(3)")
    monkeypatch.setattr(trainer, "WORKER", (trainer.sys.executable, str(failing)))
    with pytest.raises(InputError, match="No Unigram tokenizer could be learned"):
        train(SAMPLE, TrainingKind.UNIGRAM, 500)


def test_the_process_knows_no_key_and_imports_no_torch(monkeypatch, tmp_path):
    told = tmp_path / "told.json"
    code = (
        "import json, os, sys; import playground.inspection.tokens.train_worker; "
        f"open({str(told)!r}, 'w').write(json.dumps([sorted(os.environ), sorted(sys.modules)]))"
    )
    monkeypatch.setenv("OPENAI_API_KEY", "a-key")
    monkeypatch.setattr(trainer, "WORKER", (trainer.sys.executable, "-c", code))
    with pytest.raises(Exception, match=r".*"):
        train(SAMPLE, TrainingKind.BPE, 300)
    environment, modules = json.loads(told.read_text())
    assert "OPENAI_API_KEY" not in environment
    assert not {"torch", "transformers", "gradio"} & set(modules)
