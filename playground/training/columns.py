"""Files with a word and its tag on each line (CoNLL, TSV, CoNLL-U), cut into the words that a tagger meets when it serves.

Standard library and `core.segment` only. A sentence's tags are BIO ("O", "B-PER", "I-PER"; Ramshaw and Marcus 1995) or plain
word classes ("NOUN").
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from playground.core.segment import words as segment_words

DOCUMENT = "-DOCSTART-"


@dataclass(frozen=True)
class Sentence:
    """Words with a tag each. `document` says which sentences belong together; `genre` is the set's own word for its kind.

    unmarked: entity types that this set does not mark: there "O" may hide one of them. A tag "" is not known at all.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]
    document: str = ""
    genre: str = ""
    unmarked: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.words)

    @property
    def key(self) -> str:
        """Two sentences with the same key count as the same: case makes no difference."""
        return " ".join(self.words).lower()


def read_columns(path: Path) -> list[Sentence]:
    """A word first and its tag last on each line, blank lines between sentences. `-DOCSTART-` begins a document; a file without
    it is one document.
    """
    found: list[Sentence] = []
    rows: list[list[str]] = []
    document = 0
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in [*file, ""]:
            fields = line.split()
            if len(fields) >= 2 and fields[0] != DOCUMENT:
                rows.append(fields)
                continue
            if rows:
                words, tags = zip(*((row[0], row[-1]) for row in rows), strict=True)
                found.append(Sentence(words, tags, f"{path.stem}/{document}"))
                rows = []
            document += bool(fields and fields[0] == DOCUMENT)
    return found


def read_conllu(path: Path) -> list[Sentence]:
    """Universal word classes (UPOS), by sentence. The genre is what the `# sent_id` begins with, as EWT writes it.

    Of a multi-word token (1-2) the syntactic words count; empty nodes (8.1) are left out: they are not in the text.
    """
    found: list[Sentence] = []
    rows: list[list[str]] = []
    document = genre = ""
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in [*file, "\n"]:
            line = line.rstrip("\r\n")
            if line.startswith("# newdoc id = "):
                document = line.removeprefix("# newdoc id = ")
            elif line.startswith("# sent_id = "):
                genre = line.removeprefix("# sent_id = ").split("-")[0]
            elif line and not line.startswith("#"):
                rows.append(line.split("\t"))
            elif not line and rows:
                kept = [row for row in rows if row[0].isdigit()]
                found.append(Sentence(tuple(r[1] for r in kept), tuple(r[3] for r in kept), document, genre))
                rows = []
    return found


def bio(tags: Sequence[str]) -> tuple[str, ...]:
    """IO or BIO tags as BIO: an entity begins with B-. Neighbours of one type stay one entity where no B- parts them.

    >>> bio(["I-PER", "I-PER", "I-ORG", "O", "I-ORG", "B-ORG"])
    ('B-PER', 'I-PER', 'B-ORG', 'O', 'B-ORG', 'B-ORG')
    """
    out = []
    for before, tag in pairwise(["O", *tags]):
        begins = tag.startswith("I-") and before[2:] != tag[2:]
        out.append("B-" + tag[2:] if begins else tag)
    return tuple(out)


def resplit(sentence: Sentence) -> Sentence:
    """The same sentence in the words of `core.segment`, its own joined by single blanks. An entity goes on over all parts of a
    word that is split; a word class counts for each part.
    """
    text = " ".join(sentence.words)
    ends: list[int] = []
    at = -1
    for word in sentence.words:
        at += 1 + len(word)
        ends.append(at)
    words, tags = [], []
    i, last = 0, -1
    for start, end in segment_words(text):
        while start >= ends[i]:
            i += 1
        tag = sentence.tags[i]
        words.append(text[start:end])
        tags.append("I-" + tag[2:] if i == last and tag.startswith("B-") else tag)
        last = i
    return Sentence(tuple(words), tuple(tags), sentence.document, sentence.genre, sentence.unmarked)


def spans(tags: Sequence[str]) -> list[tuple[int, int, str]]:
    """Entities [first word, word after the last), type. conlleval's convention (Tjong Kim Sang and De Meulder 2003): one begins
    at B-X, and at an I-X that follows anything but B-X or I-X.

    >>> spans(["B-PER", "I-PER", "I-ORG", "O", "B-ORG", "B-ORG"])
    [(0, 2, 'PER'), (2, 3, 'ORG'), (4, 5, 'ORG'), (5, 6, 'ORG')]
    """
    found: list[tuple[int, int, str]] = []
    start, kind = 0, ""
    for place, tag in enumerate([*tags, "O"]):
        this = tag[2:] if tag[:2] in ("B-", "I-") else ""
        if kind and (tag[:2] != "I-" or this != kind):
            found.append((start, place, kind))
            kind = ""
        if this and not kind:
            start, kind = place, this
    return found


def unique(sentences: Iterable[Sentence], without: Iterable[Sentence] = ()) -> Iterator[Sentence]:
    """The first of equal sentences, less those in `without`; none without a word."""
    seen = {sentence.key for sentence in without}
    for sentence in sentences:
        if sentence.words and sentence.key not in seen:
            seen.add(sentence.key)
            yield sentence
