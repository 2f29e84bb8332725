"""Reading the sets: from a folder, from the hub's layout, and the rules of the niche."""

import pytest

from playground.training import data
from playground.training.baselines import accuracy, macro_f1, majority, naive_bayes
from playground.training.data import EMOTIONS, NEGATIVE, POSITIVE, Examples


def texts(split: data.Split) -> list[set[str]]:
    return [set(part.texts) for part in (split.train, split.valid, split.test)]


@pytest.mark.parametrize("kind", ["general", "informal"])
def test_no_text_is_in_two_parts(data_folder, kind):
    train, valid, test = texts(getattr(data, kind)(data_folder))
    assert train
    assert valid
    assert test
    assert not (train | valid) & test
    assert not train & valid


def test_general_reads_all_five_files(data_folder):
    split = data.general(data_folder)
    assert len(split.train) == 200
    assert len(split.valid) + len(split.test) == 60


def test_informal_leaves_out_neutral_and_mixed_comments(data_folder):
    split = data.informal(data_folder)
    assert len(split.train) == 120
    for text, label in zip(split.train.texts, split.train.labels, strict=True):
        assert not text.endswith(("indeed", "mixed"))
        assert label == any(word in text for word in ("lovely", "great", "happy", "wonderful", "thanks", "nice"))
    assert data.emotions_of(data_folder, split.train.texts[:2]) == [[4], [17]]


def test_held_out_texts_are_taken_from_training_whatever_their_case(data_folder, tmp_path):
    import shutil

    shutil.copytree(data_folder, tmp_path / "data")
    train, dev = (tmp_path / "data" / "topics" / f"goemotions_{part}.tsv" for part in ("train", "dev"))
    line = dev.read_text().splitlines()[0]
    train.write_text(train.read_text() + line.replace("what a", "What  A") + "\n")
    before, after = data.informal(data_folder), data.informal(tmp_path / "data")
    assert before.train == after.train


def test_the_halves_do_not_depend_on_the_order():
    pairs = [(f"text {i}", i % 2) for i in range(40)]
    one, other = data._split([], pairs), data._split([], pairs[::-1])
    assert set(one.test.texts) == set(other.test.texts)
    assert 10 < len(one.test) < 30


def test_every_emotion_but_four_and_neutral_has_a_side():
    assert set(EMOTIONS) - POSITIVE - NEGATIVE == {"confusion", "curiosity", "realization", "surprise", "neutral"}
    assert not POSITIVE & NEGATIVE
    assert (len(EMOTIONS), len(POSITIVE), len(NEGATIVE)) == (28, 12, 11)


@pytest.mark.parametrize(
    ("emotions", "expected"),
    [
        (["joy"], 1),
        (["joy", "love"], 1),
        (["anger", "grief"], 0),
        (["joy", "anger"], None),
        (["neutral"], None),
        (["joy", "neutral"], None),
        (["surprise"], None),
        (["fear", "confusion"], None),
        ([], None),
    ],
)
def test_polarity(emotions, expected):
    assert data.polarity(emotions) == expected


def test_without_a_folder_the_same_sets_come_from_the_hub(data_folder, monkeypatch):
    """The hub's layout, served by `datasets` from memory: same examples, same splits."""
    import datasets

    from_folder = {kind: getattr(data, kind)(data_folder) for kind in ("general", "informal")}
    rows = {part: data._emotions(data_folder / "topics" / f"goemotions_{part}.tsv") for part in ("train", "dev")}
    dev = data._jsonl(data_folder / "sentiment" / "sst2_sentences_dev.jsonl")
    train = list(zip(from_folder["general"].train.texts, from_folder["general"].train.labels, strict=True))

    def table(pairs, text, label):
        return datasets.Dataset.from_dict({text: [p[0] for p in pairs], label: [p[1] for p in pairs]})

    def load_dataset(name, config=None):
        if name == "stanfordnlp/sst2":
            parts = {"train": train, "validation": dev}
            return datasets.DatasetDict({k: table(v, "sentence", "label") for k, v in parts.items()})
        assert (name, config) == ("google-research-datasets/go_emotions", "simplified")
        parts = {"train": rows["train"], "validation": rows["dev"]}
        return datasets.DatasetDict({k: table(v, "text", "labels") for k, v in parts.items()})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    for kind, expected in from_folder.items():
        assert getattr(data, kind)(None) == expected
    assert data.emotions_of(None, from_folder["informal"].train.texts) == data.emotions_of(
        data_folder, from_folder["informal"].train.texts
    )


def test_naive_bayes_equals_scikit_learns():
    text = pytest.importorskip("sklearn.feature_extraction.text")
    bayes = pytest.importorskip("sklearn.naive_bayes")
    train = Examples(
        ("good good film", "a good walk", "bad film here", "it was bad bad", "so-so but good", "an unseen word"),
        (1, 1, 0, 0, 1, 0),
    )
    asked = ["good", "bad walk", "film", "zebra", "so unseen", ""]
    count = text.CountVectorizer()
    model = bayes.MultinomialNB().fit(count.fit_transform(train.texts), train.labels)
    assert naive_bayes(train, asked) == model.predict(count.transform(asked)).tolist()


def test_figures():
    assert majority(Examples(("a", "b", "c"), (1, 0, 1)), ["x", "y"]) == [1, 1]
    assert accuracy([1, 0, 1, 1], [1, 1, 1, 0]) == 0.5
    assert macro_f1([1, 0, 1, 1], [1, 1, 1, 0]) == pytest.approx((4 / 6 + 0) / 2)
