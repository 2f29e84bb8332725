"""The sets of whole texts: read as they are, parted without a text in two parts, and chosen alike on every machine."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from playground.training import whole_texts as sets
from playground.training.data import EMOTIONS, key_of
from playground.training.label_names import BANKING77, CLINC_ABOUT_BANKING, INTENTS, OUT_OF_SCOPE
from tests.training.made_up_texts import write


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("texts"))


def keys(part) -> set[str]:
    return {key_of(text) for text in part.texts}


@pytest.mark.parametrize("read", [sets.spam, sets.topics, sets.intent])
def test_no_text_is_in_two_parts_or_twice_in_one(read, folder):
    found = read(folder)
    held = {name: part for name, part in found.held.items() if part is not found.dev and name != "dev"}
    parts = [found.train, found.dev, *held.values()]
    assert all(len(keys(part)) == len(part) > 0 for part in parts)
    assert len(set().union(*map(keys, parts))) == sum(map(len, parts))
    assert {part.names for part in parts} == {found.train.names}


def test_the_names_are_the_sets_own():
    assert len(set(INTENTS)) == 78
    assert INTENTS[-1] == OUT_OF_SCOPE
    assert INTENTS[:3] == ("card_arrival", "card_linking", "exchange_rate")
    assert "reverted_card_payment?" in BANKING77
    assert "Refund_not_showing_up" in BANKING77
    assert len(set(CLINC_ABOUT_BANKING)) == 31


def test_labels_are_read_by_name_and_number(folder):
    spam = sets.spam(folder).train
    assert spam.names == ("ham", "spam")
    assert all(("WIN" in text) == bool(label) for text, label in zip(spam.texts, spam.single, strict=True))
    topics = sets.topics(folder).train
    assert topics.names == tuple(EMOTIONS)
    for text, labels in zip(topics.texts, topics.labels, strict=True):
        assert all(EMOTIONS[i] in text for i in labels)
    matrix = topics.matrix()
    assert matrix.shape == (len(topics), 28)
    assert matrix.sum() == sum(map(len, topics.labels))
    assert [tuple(np.flatnonzero(row)) for row in matrix] == list(topics.labels)
    with pytest.raises(ValueError, match="unpack"):
        topics.single  # noqa: B018


def test_out_of_scope_is_told_from_banking(folder):
    found, outside = sets.intent(folder), INTENTS.index(OUT_OF_SCOPE)
    assert outside not in found.held["test"].single
    assert set(found.train.single) == set(range(78))
    for text, label in zip(found.train.texts, found.train.single, strict=True):
        assert ("please help me" in text) == (label != outside)
    for name in ("out of scope", "out of scope, new intents", "out of scope, CLINC150's own"):
        assert set(found.held[name].single) == {outside}
    seen = {text.rsplit("about ", 1)[-1] for text in found.train.texts if "tell me about" in text}
    new = {text.rsplit("about ", 1)[-1] for text in found.held["out of scope, new intents"].texts}
    assert new
    assert not seen & new, "no text of a new intent was trained on"


def test_intents_of_banks_in_clinc_are_neither(folder, tmp_path):
    import json
    import shutil

    shutil.copytree(folder / "topics", tmp_path / "topics")
    path = tmp_path / "topics" / "clinc150_train_val.json"
    parts = json.loads(path.read_text())
    parts["train"] += [["is my card frozen or not", "freeze_account"]]
    parts["val"] += [["who has frozen my card", "freeze_account"]]
    path.write_text(json.dumps(parts))
    found = sets.intent(tmp_path)
    texts = [text for part in (found.train, found.dev, *found.held.values()) for text in part.texts]
    assert not [text for text in texts if "frozen" in text]


def test_held_out_classes_are_nowhere_in_training(folder):
    found = sets.zero_shot(folder)
    for held_name, name in (("CLINC150, new classes", "CLINC150"), ("Banking77, new classes", "Banking77")):
        held, train = found.held[held_name], found.train[name]
        assert held.classes
        assert not set(held.classes) & set(train.classes)
        assert set(found.dev[name].classes) <= set(train.classes)
    trained = set().union(*map(keys, found.train.values()))
    for part in (*found.dev.values(), *found.held.values()):
        assert not keys(part) & trained
    assert len(found.held["Banking77, new classes"].classes) == 19


def test_what_is_held_out_hangs_on_the_names_alone():
    names = [f"class {i}" for i in range(40)]
    assert sets.held_out(names) == sets.held_out(reversed(names))
    assert len(sets.held_out(names)) == 10
    assert sets.share("Some  Text") == sets.share("some text") != sets.share("some text.")
    assert 0 <= sets.share("") < 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("card_arrival", "card arrival"),
        ("reverted_card_payment?", "reverted card payment"),
        ("a  b_c ", "a b c"),
        ("?", "?"),
    ],
)
def test_the_words_of_a_label(name, words):
    assert sets.words_of(name) == words


def test_words_are_those_that_the_task_writes():
    """The rule stands in two rooms, which may not import one another."""
    from playground.core.label_task import Matching
    from playground.core.task import Label
    from playground.core.types import ModelRef, Request

    call = Matching().call(
        [Label(name, "") for name in INTENTS], ModelRef("m", "encoder", ""), Request("text"), many=False
    )
    assert [candidate.text for candidate in call.candidates] == [sets.words_of(name) for name in INTENTS]


class Column:
    def __init__(self, names: list[str]) -> None:
        self.names = names


class Rows(list):
    features: dict[str, Column]


def test_the_same_sets_come_from_the_hub(folder, monkeypatch):
    """A stand-in for `datasets` gives the folder's rows in the hub's columns: both readers make the same of them."""
    import csv
    import json

    def rows(texts, labels, column, text):
        names = sorted(set(labels))
        found = Rows({text: t, column: names.index(label)} for t, label in zip(texts, labels, strict=True))
        found.features = {column: Column(names)}
        return found

    def load_dataset(repository, config, split, revision=None):
        if repository == "PolyAI/banking77":
            with (folder / "topics" / "banking77_train.csv").open(newline="") as file:
                pairs = list(csv.reader(file))[1:]
            return rows(*zip(*pairs, strict=True), "label", "text")
        if repository == "clinc/clinc_oos":
            parts = json.loads((folder / "topics" / "clinc150_train_val.json").read_text())
            part = {"train": "train", "validation": "val"}[split]
            return rows(*zip(*parts[part], *parts[f"oos_{part}"], strict=True), "intent", "text")
        lines = (folder / "topics" / "sms_spam_train.tsv").read_text().splitlines()
        labels, texts = zip(*(line.split("\t") for line in lines), strict=True)
        return rows([text + "\n" for text in texts], labels, "label", "sms")

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    assert sets.spam(None) == sets.spam(folder)
    assert sets.intent(None) == sets.intent(folder)
    assert sets.zero_shot(None) == sets.zero_shot(folder)
