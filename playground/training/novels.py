"""Novels to learn writing from, from a folder with the layout of the project's shared data: `text/novels/*.txt`. No torch.

Whole novels are held out, by the SHA-256 of their file's name: none of their sentences is trained on.
"""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from playground.core.errors import BadFile

TEST, DEV = 3, 1  # novels held out to report on, and to choose settings by
PART = 8_000  # characters of a novel that keep one form, about
DOCUMENT = 3_000  # characters of a flowing document, about


@dataclass(frozen=True)
class Novels:
    """`train`: documents, see `documents`. test, dev: whole novels by name, with the lines as the file breaks them."""

    train: tuple[str, ...]
    test: dict[str, str]
    dev: dict[str, str]


def read(data: Path | None) -> Novels:
    """Raises BadFile without a folder, or with too few novels to hold any out."""
    if data is None:
        raise BadFile("The novels have no home on the hub that is known: give --data the folder that holds text/.")
    texts = {
        path.stem: clean(path.read_text(encoding="utf-8-sig")) for path in (data / "text" / "novels").glob("*.txt")
    }
    names = sorted(texts, key=lambda name: sha256(name.encode()).hexdigest())
    if len(names) <= TEST + DEV:
        raise BadFile(f"The folder text/novels has {len(names)} novels, and {TEST + DEV} are held out: check --data.")
    test, dev = sorted(names[:TEST]), names[TEST : TEST + DEV]
    train = tuple(document for name in sorted(names[TEST + DEV :]) for document in documents(texts[name]))
    return Novels(train, {name: texts[name] for name in test}, {name: texts[name] for name in dev})


def clean(text: str) -> str:
    """Line breaks of one kind, no more than two blank lines, no blanks at a line's end.

    >>> clean("I\\r\\n\\r\\n\\r\\n\\r\\n\\r\\nIt was ")
    'I\\n\\n\\nIt was\\n'
    """
    lines, blank = [], 0
    for line in text.splitlines():
        line = line.rstrip()
        blank = 0 if line else blank + 1
        if blank <= 2:
            lines.append(line)
    return "\n".join(lines).strip("\n") + "\n"


def documents(text: str) -> list[str]:
    """A novel's parts, by turns as the file breaks its lines (one document a part), and flowing: a paragraph a line, several
    documents a part. So that a model knows both, and a document that flows from its first line on goes on so.
    """
    found: list[str] = []
    for place, part in enumerate(_gathered(text.split("\n\n"), PART)):
        if place % 2:
            found += ["\n".join(lines) + "\n" for lines in _gathered([_flowing(one) for one in part], DOCUMENT)]
        else:
            found.append("\n\n".join(part) + "\n\n")
    return found


def _flowing(paragraph: str) -> str:
    return " ".join(paragraph.split())


def _gathered(pieces: list[str], least: int) -> list[list[str]]:
    """Pieces in their order, in groups of at least so many characters; the last group may have fewer. Empty pieces drop out."""
    groups: list[list[str]] = [[]]
    size = 0
    for piece in pieces:
        if not piece.strip():
            continue
        if size >= least:
            groups.append([])
            size = 0
        groups[-1].append(piece)
        size += len(piece)
    return [group for group in groups if group]
