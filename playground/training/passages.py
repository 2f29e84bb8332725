"""Running text to learn masked words from: Wikipedia, novels and medical abstracts, from a folder or the hub. No torch.

A folder has the layout of the project's shared data: `text/wiki_paragraphs.txt`, `text/novels/*.txt`, `text/wikitext2_valid.txt`
and `ner/*.tsv`. What is held out is fixed by the data alone, and none of it is trained on.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from playground.core.errors import BadFile
from playground.training.columns import read_columns
from playground.training.tagged_hub import read_home

DEV_SHARE = 0.1  # of Wikipedia's articles: settings are chosen by them
NOVEL_PART = 60_000  # characters of each novel, from its middle: so that no single one weighs much
ABSTRACT = 10  # sentences: about the length of an abstract; the sets do not say where one ends
_TITLE = re.compile(r"(?m)^ ?= ([^=\n]+) =\s*$")
_SIGN = re.compile(r"([.,;:!?()\"])")
_HEADING = re.compile(r"^\s*=.*=\s*$")


@dataclass(frozen=True)
class Passages:
    """`train`: documents to learn from, by source. `shares`: how much of what is read comes from each source; they sum to 1.

    dev: documents to choose settings by. held: parts to report on, by name, the checkpoint's own ("test") first.
    """

    train: Mapping[str, tuple[str, ...]]
    shares: Mapping[str, float]
    dev: tuple[str, ...]
    held: Mapping[str, tuple[str, ...]]


def general(data: Path | None) -> Passages:
    """Wikipedia and novels. Dev: a tenth of Wikipedia's articles, by the SHA-256 of their titles. Held out: WikiText-2's valid
    part, whose articles are not among those trained on.
    """
    if data is None:
        raise BadFile("The novels have no home on the hub that is known: give --data the folder that holds text/.")
    articles = parted((data / "text" / "wiki_paragraphs.txt").read_text(encoding="utf-8"))
    others = parted((data / "text" / "wikitext2_valid.txt").read_text(encoding="utf-8"))
    taken = {_key(title) for title in others}
    dev = {title for title in articles if share(title) < DEV_SHARE}
    train = tuple(text for title, text in articles.items() if title not in dev and _key(title) not in taken)
    held = {"test": tuple(others.values())}
    return Passages(
        {"Wikipedia": train, "novels": novels(data)},
        {"Wikipedia": 0.8, "novels": 0.2},
        tuple(articles[title] for title in articles if title in dev),
        held,
    )


def encyclopedic(data: Path | None) -> Passages:
    """`general` without the novels; a third of what is read has its signs set apart, as corpora of words have them: a tokenizer
    that is trained on this alone knows no other way of writing.
    """
    whole = general(data)
    articles = whole.train["Wikipedia"]
    train = {"Wikipedia": articles, "signs apart": tuple(map(apart, articles))}
    return replace(whole, train=train, shares={"Wikipedia": 2 / 3, "signs apart": 1 / 3})


def medical(data: Path | None) -> Passages:
    """Abstracts of BC5CDR and NCBI Disease. Held out: BC5CDR's last 900 sentences and, apart, NCBI's last 300. Dev: the 600
    sentences of BC5CDR before them.
    """
    bc5cdr, ncbi = (
        [" ".join(s.words) for name in names for s in _columns(data, name)]
        for names in (("bc5cdr_train.tsv", "bc5cdr_dev.tsv"), ("ncbi_disease_train.tsv", "ncbi_disease_dev.tsv"))
    )
    many, fewer = min(900, len(bc5cdr) // 5), min(300, len(ncbi) // 5)
    test, dev, other = bc5cdr[-many:], bc5cdr[-many * 5 // 3 : -many], ncbi[-fewer:]
    seen = {_key(text) for text in (*test, *dev, *other)}
    learned = [text for text in (*bc5cdr[: -many * 5 // 3], *ncbi[:-fewer]) if _key(text) not in seen]
    return Passages(
        {"abstracts": joined(learned)},
        {"abstracts": 1.0},
        joined(dev),
        {"test": joined(test), "NCBI Disease": joined(other)},
    )


def parted(text: str) -> dict[str, str]:
    """Articles by title, as text that marks titles with "= Title =" has them; headings are left out."""
    pieces = _TITLE.split(text)[1:]
    articles: dict[str, str] = {}
    for title, body in zip(pieces[::2], pieces[1::2], strict=True):
        lines = [line.strip() for line in body.splitlines() if line.strip() and not _HEADING.match(line)]
        if lines:
            articles[title.strip()] = "\n".join(lines)
    return articles


def apart(text: str) -> str:
    """
    >>> apart('He said, "Yes."')
    'He said , " Yes . "'
    """
    return "\n".join(" ".join(_SIGN.sub(r" \1 ", line).split()) for line in text.split("\n"))


def novels(data: Path) -> tuple[str, ...]:
    """From the middle of each novel about `NOVEL_PART` characters, whole lines. Raises FileNotFoundError where there are none."""
    files = sorted((data / "text" / "novels").glob("*.txt"))
    if not files:
        raise FileNotFoundError(2, "No such file", str(data / "text" / "novels"))
    found = []
    for file in files:
        text = file.read_text(encoding="utf-8")
        middle = max(0, (len(text) - NOVEL_PART) // 2)
        found.append(text[middle : middle + NOVEL_PART].split("\n", 1)[-1].rsplit("\n", 1)[0])
    return tuple(found)


def joined(sentences: Iterable[str]) -> tuple[str, ...]:
    """Neighbouring sentences as documents of `ABSTRACT` each."""
    rows = list(sentences)
    return tuple(" ".join(rows[at : at + ABSTRACT]) for at in range(0, len(rows), ABSTRACT))


def share(text: str) -> float:
    """A number in [0, 1) by the text's SHA-256: the same on every machine and in every order."""
    return int.from_bytes(sha256(text.encode()).digest()[:4], "big") / 2**32


def _columns(data: Path | None, name: str) -> list:
    return read_home(name) if data is None else read_columns(data / "ner" / name)


def _key(text: str) -> str:
    return " ".join(text.lower().split())
