"""Training as the service lets a visitor do it: what is refused, how many at once, whose it is, and when it is gone."""

import threading
import time

import pytest

from playground.core.errors import BadFile, Busy, EmptyInput, InputError, NotSupported, ServerFull, UnknownName
from playground.core.token_training import TrainedTokenizer, TrainingKind, TrainingProgress
from playground.service.token_training import AT_ONCE, MOST_EACH, TokenTraining

TEXT = b"the lower the slower, the slower the wider"


class Waiting:
    """Trains until it is let go."""

    def __init__(self) -> None:
        self.go, self.begun = threading.Event(), threading.Semaphore(0)
        self.texts: list[bytes] = []

    def train(self, text, kind, size, tell, cancel):
        self.texts.append(text)
        tell(TrainingProgress("learning", 0.5))
        stopped = threading.Event()
        cancel.on_set(stopped.set)
        self.begun.release()
        while not self.go.wait(0.01) and not stopped.is_set():
            pass
        if stopped.is_set():
            return None
        if text == b"break":
            raise RuntimeError("a secret path")
        if text == b"refuse":
            raise InputError("Take more text.")
        return TrainedTokenizer(kind, "{}", size - 1, 0.1)


@pytest.fixture
def trainer():
    return Waiting()


@pytest.fixture
def gone():
    return []


@pytest.fixture
def training(trainer, gone):
    training = TokenTraining(trainer, most_file=1000, gone=gone.append)
    yield training
    training.close_all()


def settled(training: TokenTraining, session: str):
    deadline = time.monotonic() + 20
    while (state := training.state(session)).progress is not None and time.monotonic() < deadline:
        time.sleep(0.005)
    return state


def train(training: TokenTraining, trainer: Waiting, session: str = "a", text: bytes = TEXT, name: str = ""):
    trainer.go.set()
    training.start(session, text, "bpe", 300, name)
    return settled(training, session)


def test_what_is_trained_is_that_pages_alone_and_gone_with_it(training, trainer, gone):
    state = train(training, trainer, name="My <b>river</b>")
    assert [(ref.id, ref.title) for ref in training.choices("a")] == [("own/my-b-river-b", "My <b>river</b> · yours")]
    assert training.choices("b") == []
    with pytest.raises(UnknownName):
        training.get("b", "own/my-b-river-b")
    assert (state.kept[0].asked, state.kept[0].text_bytes) == (300, len(TEXT))
    training.close("a")
    assert training.choices("a") == []
    assert [ref.id for ref in gone] == ["own/my-b-river-b"]


def test_names_that_are_alike_get_numbers_and_none_gets_one_of_its_own(training, trainer):
    for name in ("river", " river ", ""):
        train(training, trainer, name=name)
    assert [ref.id for ref in training.choices("a")] == ["own/river", "own/river-2", "own/bpe-299"]
    assert [ref.title for ref in training.choices("a")] == ["river · yours", "river (2) · yours", "BPE 299 · yours"]


def test_progress_then_stop_keeps_nothing(training, trainer):
    training.start("a", TEXT, "unigram", 300)
    assert trainer.begun.acquire(timeout=20)
    state = training.state("a")
    assert state.progress == TrainingProgress("learning", 0.5)
    training.stop("a")
    state = settled(training, "a")
    assert (state.error, state.kept) == ("Stopped: nothing was kept.", ())
    training.stop("a")  # nothing is left to stop
    training.stop("nobody")


def test_one_at_a_time_each_and_few_in_all(training, trainer):
    for number in range(AT_ONCE):
        training.start(f"page {number}", TEXT, "bpe", 300)
    with pytest.raises(Busy, match="being trained for this page"):
        training.start("page 0", TEXT, "bpe", 300)
    with pytest.raises(ServerFull, match="Others are training"):
        training.start("another", TEXT, "bpe", 300)
    trainer.go.set()
    for number in range(AT_ONCE):
        settled(training, f"page {number}")
    assert len(train(training, trainer, "another").kept) == 1


def test_a_page_keeps_four_and_makes_room_by_removing(training, trainer, gone):
    for _ in range(MOST_EACH):
        train(training, trainer)
    with pytest.raises(InputError, match="remove one"):
        training.start("a", TEXT, "bpe", 300)
    first = training.choices("a")[0]
    training.remove("a", first.id)
    assert gone == [first]
    with pytest.raises(UnknownName):
        training.remove("a", first.id)
    assert len(train(training, trainer).kept) == MOST_EACH


def test_a_page_that_closes_ends_its_training_and_gets_nothing_back(training, trainer):
    training.start("a", TEXT, "bpe", 300)
    assert trainer.begun.acquire(timeout=20)
    training.close("a")
    trainer.go.set()
    time.sleep(0.05)
    assert training.state("a").kept == ()
    assert training.state("a").progress is None


def test_faults_of_a_training_are_sentences_and_another_can_begin(training, trainer):
    assert train(training, trainer, text=b"refuse").error == "Take more text."
    assert "secret" not in (said := train(training, trainer, text=b"break").error)
    assert said.startswith("Something broke on our side")
    assert train(training, trainer).error == ""


@pytest.mark.parametrize(
    ("data", "file", "error", "said"),
    [
        (b"", False, EmptyInput, "nothing in this text"),
        (b" \n\t ", True, EmptyInput, "nothing in this file"),
        (b"\xef\xbb\xbf", True, EmptyInput, "nothing in this file"),
        (b"\x89PNG\r\n\x1a\n", True, BadFile, "not text in UTF-8"),
        (b"PK\x03\x04\0\0", True, BadFile, "not text in UTF-8"),
        ("grün".encode("utf-16"), True, BadFile, "not text in UTF-8"),
        ("\ud800".encode("utf-8", "surrogatepass"), False, BadFile, "not text in UTF-8"),
        (b"a" * 1001, True, InputError, "limit is 0.001 MB"),
        (b"a" * 2_000_001, False, InputError, "limit is 2 MB"),
    ],
)
def test_texts_that_cannot_be_learned_from(training, data, file, error, said):
    with pytest.raises(error, match=said):
        training.start("a", data, "bpe", 300, file=file)
    assert training.state("a").progress is None


def test_a_typed_nul_and_a_mark_of_byte_order_are_no_fault(training, trainer):
    train(training, trainer, text=b"\xef\xbb\xbfa\0b")
    assert trainer.texts == [b"a\0b"]


@pytest.mark.parametrize("size", [0, 299, 8001])
def test_sizes_have_bounds(training, size):
    with pytest.raises(InputError, match="300 to 8,000"):
        training.start("a", TEXT, "bpe", size)


def test_kinds_that_there_are_not_and_a_server_that_trains_nothing(training):
    with pytest.raises(UnknownName, match="scratch, bpe, wordpiece, unigram"):
        training.start("a", TEXT, "word2vec", 300)
    with pytest.raises(NotSupported):
        TokenTraining(None, most_file=1000).start("a", TEXT, TrainingKind.BPE, 300)
