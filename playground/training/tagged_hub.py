"""The taggers' sets from the hub, through `datasets`, where they have a home there that needs no script. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from playground.core.errors import BadFile
from playground.training.columns import Sentence

PARQUET = (
    "refs/convert/parquet"  # the hub's own conversion of sets that came as a script, which `datasets` no longer runs
)
WNUT_TYPES = ("corporation", "creative-work", "group", "location", "person", "product")


@dataclass(frozen=True)
class Home:
    """Where a file's sentences are on the hub. `names`: the tags by their numbers, where the set's features do not say them."""

    repository: str
    split: str
    tags: str
    names: tuple[str, ...]
    config: str | None = None
    revision: str | None = PARQUET


_BC5CDR = ("O", "B-Chemical", "B-Disease", "I-Disease", "I-Chemical")
_NCBI = ("O", "B-Disease", "I-Disease")
_WNUT = ("O", *(f"{prefix}-{kind}" for kind in WNUT_TYPES for prefix in "BI"))
HOMES = {
    "bc5cdr_train.tsv": Home("tner/bc5cdr", "train", "tags", _BC5CDR),
    "bc5cdr_dev.tsv": Home("tner/bc5cdr", "validation", "tags", _BC5CDR),
    "ncbi_disease_train.tsv": Home("ncbi/ncbi_disease", "train", "ner_tags", _NCBI),
    "ncbi_disease_dev.tsv": Home("ncbi/ncbi_disease", "validation", "ner_tags", _NCBI),
    "wnut17_train.conll": Home("leondz/wnut_17", "train", "ner_tags", _WNUT),
    "wnut17_dev.conll": Home("leondz/wnut_17", "validation", "ner_tags", _WNUT),
}
TREEBANK = ("universal-dependencies/universal_dependencies", "en_ewt")


def read_home(name: str) -> list[Sentence]:
    """The sentences of the file `name`, in the hub's order. Raises BadFile for a set without a known home."""
    from datasets import load_dataset

    if name not in HOMES:
        raise BadFile(
            f"The set {name} has no home on the hub that is known: give --data the folder that holds ner/ and pos/."
        )
    home = HOMES[name]
    rows = load_dataset(home.repository, home.config, split=home.split, revision=home.revision)
    document = f"{name.rsplit('.', 1)[0]}/0"
    return [
        Sentence(tuple(row["tokens"]), _named(row[home.tags], _names(rows, home.tags) or home.names), document)
        for row in rows
    ]


def read_treebank(part: str) -> list[Sentence]:
    """EWT's sentences with their universal word classes; part: "train" or "dev"."""
    from datasets import load_dataset

    rows = load_dataset(*TREEBANK, split=part)
    names = _names(rows, "upos")
    found = []
    for row in rows:
        tags = _named(row["upos"], names)
        kept = [
            (word, tag) for word, tag in zip(row["tokens"], tags, strict=True) if tag != "_"
        ]  # "_": don't, as a whole
        words, classes = zip(*kept, strict=True)
        document = row["sent_id"].rsplit("-", 1)[0]
        found.append(Sentence(words, classes, document, document.split("-")[0]))
    return found


def _names(rows: Any, column: str) -> tuple[str, ...]:
    """The tags by number as the set itself names them, or none."""
    inner = getattr(rows.features[column], "feature", None)
    return tuple(getattr(inner, "names", ()))


def _named(tags: Sequence[Any], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(tag if isinstance(tag, str) else names[tag] for tag in tags)
