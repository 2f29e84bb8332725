"""The sets of the taggers: what is held out, what is mapped, and what is left open."""

from pathlib import Path

import pytest

from playground.core.errors import BadFile
from playground.core.segment import words as segment_words
from playground.training import tagged
from playground.training.columns import Sentence, read_columns, read_conllu, resplit, spans

SPLITS = {
    "general": tagged.general,
    "medical": tagged.medical,
    "medical alone": tagged.chemicals_and_diseases,
    "all genres": tagged.word_classes,
    "formal": tagged.formal,
    "informal": tagged.informal,
}
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
real_data = pytest.mark.skipif(not DATA.is_dir(), reason="the shared data is not beside this checkout")


def check(split: tagged.TaggedSplit) -> None:
    assert next(iter(split.held)) == "test"
    keys = [sentence.key for sentence in split.train]
    assert len(keys) == len(set(keys))
    for name, held in split.held.items():
        assert held, name
        assert not {sentence.key for sentence in held} & set(keys), name
    known = {*split.labels, ""}
    for sentence in (*split.train, *(s for held in split.held.values() for s in held)):
        assert len(sentence.words) == len(sentence.tags)
        assert set(sentence.tags) <= known


@pytest.mark.parametrize("name", SPLITS)
def test_no_sentence_is_in_two_parts(name, data_folder):
    check(SPLITS[name](data_folder))


@real_data
@pytest.mark.parametrize("name", ["general", "medical", "all genres"])
def test_nor_in_the_real_sets(name):
    check(SPLITS[name](DATA))


def test_what_is_held_out_is_the_same_for_taggers_that_are_compared(data_folder):
    medical, alone = tagged.medical(data_folder), tagged.chemicals_and_diseases(data_folder)
    assert medical.held == alone.held
    assert {s.document.split("/")[0] for s in alone.train} == {"bc5cdr_train", "bc5cdr_dev"}
    whole, formal, informal = (f(data_folder) for f in (tagged.word_classes, tagged.formal, tagged.informal))
    assert informal.held["test"] == formal.held["informal genres"]
    assert set(formal.train) | set(informal.train) == set(whole.train)
    assert not set(formal.train) & set(informal.train)
    assert {s.genre for s in informal.train} == {"answers", "reviews"}


def test_a_document_is_held_out_as_a_whole(data_folder):
    split = tagged.word_classes(data_folder)
    assert not {s.document for s in split.train} & {s.document for s in split.held["test"]}


def test_types_are_mapped_and_names_of_accounts_are_one_word(data_folder):
    split = tagged.general(data_folder)
    tweets = [s for s in split.train if s.unmarked]
    mapped = {s.words[start:end]: kind for s in tweets for start, end, kind in spans(s.tags)}
    assert mapped["Globex",] == mapped["The", "Larks"] == "ORG"
    assert mapped["Zephyr", "3"] == mapped["Red", "Dawn"] == "MISC"
    assert mapped["@mara1",] == "PER", "Broad Twitter tags them"
    unknown = [tag for s in tweets for word, tag in zip(s.words, s.tags, strict=True) if word == "@lena"]
    assert unknown
    assert set(unknown) == {""}, "WNUT17 does not: nothing is known of them"
    assert all(s.unmarked == ("MISC",) for s in tweets)
    assert split.again == tuple(s for s in split.train if not s.unmarked)
    assert split.times == 10
    assert ("B-PER", "I-PER") in {s.tags[2:4] for s in split.again}, "IO became BIO"


def test_without_a_set_the_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"bc5cdr_train\.tsv"):
        tagged.medical(tmp_path)


def left_whole(sentences: list[Sentence]) -> float:
    """Share of the words that `resplit` leaves as they are."""
    whole = 0
    for sentence in sentences:
        found = set(resplit(sentence).words)
        whole += sum(word in found for word in sentence.words)
    return whole / sum(map(len, sentences))


def test_without_a_folder_the_same_sets_come_from_the_hub(data_folder, monkeypatch):
    """The hub's layout, served by `datasets` from memory: same sentences, same splits; the sets without a home say so."""
    import datasets

    from playground.training import tagged_hub

    files = {(home.repository, home.split): (name, home) for name, home in tagged_hub.HOMES.items()}

    def load_dataset(repository, config=None, *, split, revision=None):
        if (repository, config) == tagged_hub.TREEBANK:
            rows = read_conllu(data_folder / "pos" / f"en_ewt-ud-{split}.conllu")
            classes = datasets.Sequence(datasets.ClassLabel(names=["_", *tagged.UNIVERSAL]))
            text, numbers = datasets.Sequence(datasets.Value("string")), classes
            features = datasets.Features({"tokens": text, "upos": numbers, "sent_id": datasets.Value("string")})
            table = {
                "tokens": [["it's", *s.words] for s in rows],  # the multi-word token stands there too
                "upos": [["_", *s.tags] for s in rows],
                "sent_id": [f"{s.document}-0001" for s in rows],
            }
            return datasets.Dataset.from_dict(table, features=features)
        name, home = files[repository, split]
        assert revision == tagged_hub.PARQUET
        rows = read_columns(data_folder / "ner" / name)
        numbers = [[home.names.index(tag) for tag in s.tags] for s in rows]
        return datasets.Dataset.from_dict({"tokens": [s.words for s in rows], home.tags: numbers})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    for split in (tagged.medical, tagged.chemicals_and_diseases, tagged.word_classes, tagged.informal):
        assert split(None) == split(data_folder)
    with pytest.raises(BadFile, match=r"wikigold_train\.conll has no home"):
        tagged.general(None)


@real_data
def test_the_sets_words_are_cut_as_the_tagger_cuts_a_text():
    """Tokens of the sets that the tagger leaves whole; and sentences of EWT, as they were written, that it cuts as the treebank."""
    for name, least in (("ncbi_disease_dev.tsv", 0.99), ("broad_twitter_a.conll", 0.98), ("wnut17_dev.conll", 0.98)):
        assert left_whole(read_columns(DATA / "ner" / name)) >= least, name
    path = DATA / "pos" / "en_ewt-ud-dev.conllu"
    sentences = read_conllu(path)
    assert left_whole(sentences) >= 0.98
    lines = path.read_text(encoding="utf-8").splitlines()
    texts = [line.removeprefix("# text = ") for line in lines if line.startswith("# text = ")]
    same = sum(
        [text[start:end] for start, end in segment_words(text)] == list(sentence.words)
        for text, sentence in zip(texts, sentences, strict=True)
    )
    assert same / len(texts) >= 0.85
