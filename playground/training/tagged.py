"""The sets that taggers learn from, as sentences of tagged words: from a folder, or the same sets from the hub. No torch.

A folder has the layout of the project's shared data: `ner/*.conll`, `ner/*.tsv`, `pos/*.conllu`. On the hub BC5CDR has other
sentence borders, and Wikigold and Broad Twitter no home that is known: `ner-general` needs a folder. What is held out is fixed by
the data alone (by place or SHA-256), and no sentence of it is trained on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from playground.training.columns import Sentence, bio, read_columns, read_conllu, resplit, unique
from playground.training.tagged_hub import read_home, read_treebank

GENERAL = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-MISC", "I-MISC")
MEDICAL = ("O", "B-Chemical", "I-Chemical", "B-Disease", "I-Disease")
UNIVERSAL = tuple("ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split())
INFORMAL = ("answers", "reviews")  # EWT's genres that are written as one speaks; the others: email, newsgroup, weblog
# WNUT17's types in CoNLL-2003's: what it calls groups are bands, clubs and parties, which CoNLL-2003 calls organisations.
WNUT = {
    "person": "PER",
    "location": "LOC",
    "corporation": "ORG",
    "group": "ORG",
    "product": "MISC",
    "creative-work": "MISC",
}


@dataclass(frozen=True)
class TaggedSplit:
    """`train` to learn from; `held` parts to report on, by name, the checkpoint's own ("test") first.

    again: sentences of `train` that an epoch has `times` times instead of once.
    """

    labels: tuple[str, ...]
    train: tuple[Sentence, ...]
    held: Mapping[str, tuple[Sentence, ...]]
    again: tuple[Sentence, ...] = ()
    times: int = 1


def medical(data: Path | None) -> TaggedSplit:
    """BC5CDR with a quarter of NCBI Disease, so that of two judgements of what a disease is one prevails. Held out: the last 900
    sentences of BC5CDR's dev set (about 100 abstracts, in their order) and NCBI's last 300.
    """
    bc5cdr = _read(data, "bc5cdr_train.tsv") + _read(data, "bc5cdr_dev.tsv")
    ncbi = [
        replace(sentence, unmarked=("Chemical",))
        for name in ("ncbi_disease_train.tsv", "ncbi_disease_dev.tsv")
        for sentence in _read(data, name)
    ]
    some, others = _last(bc5cdr, 900), _last(ncbi, 300)
    quarter = [s for s in ncbi if _share(s.key) < 0.25]
    return _split(MEDICAL, bc5cdr + quarter, {"test": some, "NCBI Disease": others})


def chemicals_and_diseases(data: Path | None) -> TaggedSplit:
    """BC5CDR alone, the same part of it held out; nothing of what is held out of NCBI is in training either."""
    whole = medical(data)
    return replace(whole, train=tuple(s for s in whole.train if not s.unmarked))


def general(data: Path | None) -> TaggedSplit:
    """Wikigold, Broad Twitter and WNUT17. Held out: a seventh of Wikigold's documents, a tenth of the tweets of each other set.

    An epoch has Wikigold's sentences ten times: there are few of them, and they alone mark all four types.
    """
    wikigold = [replace(s, tags=bio(s.tags)) for s in _read(data, "wikigold_train.conll")]
    tweets = [
        replace(_joined_names(sentence), unmarked=("MISC",), document="")
        for part in "abefgh"
        for sentence in _read(data, f"broad_twitter_{part}.conll")
    ]
    emerging = [
        replace(_without_names(_renamed(sentence, WNUT)), unmarked=("MISC",), document="")
        for part in ("train", "dev")
        for sentence in _read(data, f"wnut17_{part}.conll")
    ]
    held = {
        "test": [s for s in wikigold if _share(s.document) < 1 / 7],
        "Broad Twitter": [s for s in tweets if _share(s.key) < 0.1],
        "WNUT17": [s for s in emerging if _share(s.key) < 0.1],
    }
    split = _split(GENERAL, wikigold + tweets + emerging, held)
    return replace(split, again=tuple(s for s in split.train if not s.unmarked), times=10)


def word_classes(data: Path | None) -> TaggedSplit:
    """EWT's universal word classes. Held out: half of the dev set's documents; also what of them is informal, and the rest."""
    train, dev = ([resplit(s) for s in _treebank(data, part)] for part in ("train", "dev"))
    test = [s for s in dev if _share(s.document) < 0.5]
    held = {
        "test": test,
        "informal genres": [s for s in test if s.genre in INFORMAL],
        "other genres": [s for s in test if s.genre not in INFORMAL],
    }
    return _split(UNIVERSAL, train + dev, held)


def formal(data: Path | None) -> TaggedSplit:
    """`word_classes`, trained on e-mail, newsgroups and web logs alone."""
    whole = word_classes(data)
    return replace(whole, train=tuple(s for s in whole.train if s.genre not in INFORMAL))


def informal(data: Path | None) -> TaggedSplit:
    """`word_classes`, trained on reviews, questions and answers alone; they alone are the test."""
    whole = word_classes(data)
    held = {"test": whole.held["informal genres"], "other genres": whole.held["other genres"]}
    return TaggedSplit(UNIVERSAL, tuple(s for s in whole.train if s.genre in INFORMAL), held)


def _read(data: Path | None, name: str) -> list[Sentence]:
    return [resplit(s) for s in (read_home(name) if data is None else read_columns(data / "ner" / name))]


def _treebank(data: Path | None, part: str) -> list[Sentence]:
    return read_treebank(part) if data is None else read_conllu(data / "pos" / f"en_ewt-ud-{part}.conllu")


def _split(
    labels: tuple[str, ...], sentences: Iterable[Sentence], held: Mapping[str, Sequence[Sentence]]
) -> TaggedSplit:
    parts = {name: tuple(unique(part)) for name, part in held.items()}
    kept = unique(sentences, without=[sentence for part in parts.values() for sentence in part])
    return TaggedSplit(labels, tuple(kept), parts)


def _last(sentences: list[Sentence], count: int) -> list[Sentence]:
    """The last `count`, of a smaller set its last fifth."""
    return sentences[-min(count, len(sentences) // 5) :]


def _share(text: str) -> float:
    """A number in [0, 1) by the text's SHA-256: the same on every machine and in every order."""
    return int.from_bytes(sha256(text.encode()).digest()[:4], "big") / 2**32


def _renamed(sentence: Sentence, names: Mapping[str, str]) -> Sentence:
    return replace(sentence, tags=tuple(t if t == "O" else t[:2] + names[t[2:]] for t in sentence.tags))


def _joined_names(sentence: Sentence) -> Sentence:
    """Broad Twitter parts "@" and the name after it, each an entity: in a tweet it is one word."""
    words, tags = [], []
    for word, tag in zip(sentence.words, sentence.tags, strict=True):
        if words and words[-1] == "@" and word[0].isalnum():
            words[-1] += word
        else:
            words.append(word)
            tags.append(tag)
    return resplit(replace(sentence, words=tuple(words), tags=tuple(tags)))


def _without_names(sentence: Sentence) -> Sentence:
    """WNUT17 leaves @names untagged, Broad Twitter tags them: here nothing is known of them."""
    pairs = zip(sentence.words, sentence.tags, strict=True)
    return replace(sentence, tags=tuple("" if w[0] == "@" and len(w) > 1 and t == "O" else t for w, t in pairs))
