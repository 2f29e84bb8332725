"""Which tokenizers there are: one of each kind that the catalog's checkpoints read with, the hosted models', and plain cuts."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from playground.catalog import Catalog, Checkpoint
from playground.core.token_types import Opener, TokenizerRef
from playground.service import hub_tokenizers

O200K, CL100K = "openai/o200k_base", "openai/cl100k_base"
# Which model reads with which encoding: openai/tiktoken, tiktoken/model.py. A date or a kind may follow the name, and a
# provider's name may stand before it.
_ENCODINGS = (
    (re.compile(r"(?:ft:)?(?:o[134]|gpt-5|gpt-4\.[15]|(?:chat)?gpt-4o)(?:[-.:].*)?", re.IGNORECASE), O200K),
    (re.compile(r"(?:ft:)?(?:gpt-4|gpt-3\.5|gpt-35)(?:[-:].*)?", re.IGNORECASE), CL100K),
    (re.compile(r"text-embedding-(?:ada-002|3-small|3-large)", re.IGNORECASE), CL100K),
)
_CHARACTERS = "four-tiers-characters"  # the format of our own tokenizers of single characters
TIERS = ("hosted", "pretrained", "finetuned", "scratch")


def tokenizers(catalog: Catalog, hosted_models: Iterable[str] = ()) -> list[TokenizerRef]:
    """In the order of the tiers."""
    rows = [*_hosted(hosted_models), *_of_catalog(catalog)]
    digests = {_digest_of(row) for row in rows} - {""}
    rows += [row for row in hub_tokenizers.cached() if _digest_of(row) not in digests]
    rows.sort(key=lambda row: TIERS.index(row.tier))  # keeps the order within a tier
    unigram = catalog.root / "tokenizers" / "unigram"
    if (unigram / "tokenizer.json").is_file():
        rows.append(TokenizerRef("bundled/unigram", "Unigram · Wikipedia and novels", Opener.HUB, folder=str(unigram)))
    return [
        *rows,
        TokenizerRef("split/characters", "characters", Opener.SPLIT, name="characters"),
        TokenizerRef("split/words", "words", Opener.SPLIT, name="words"),
        TokenizerRef("split/sentences", "sentences", Opener.SPLIT, name="sentences"),
    ]


def defaults(choices: Sequence[TokenizerRef]) -> list[str]:
    """The first of each tier, but of the pretrained ones the first that comes with the playground; and words."""
    first: dict[str, str] = {}
    for ref in sorted(choices, key=lambda ref: ref.id in hub_tokenizers.cached_ids()):
        first.setdefault(ref.tier, ref.id)
    return [first[tier] for tier in TIERS if tier in first] + ["split/words"]


def encoding_of(model: str) -> str | None:
    """The id of the tokenizer that a hosted model reads with, by its name; None where that is not known.

    >>> encoding_of("gpt-5-mini"), encoding_of("openai/gpt-4-0613"), encoding_of("llama3")
    ('openai/o200k_base', 'openai/cl100k_base', None)
    """
    name = model.rpartition("/")[2]
    return next((encoding for pattern, encoding in _ENCODINGS if pattern.fullmatch(name)), None)


def of_checkpoint(catalog: Catalog, model: str) -> str | None:
    """The id of the row that this checkpoint of the catalog reads with; None where its tokenizer is not on this machine."""
    mine = _key(catalog, catalog.get(model))
    return None if mine is None else next((rows[0].id for key, rows in _groups(catalog).items() if key == mine), None)


def _hosted(models: Iterable[str]) -> list[TokenizerRef]:
    names = tuple(dict.fromkeys(models))

    def row(encoding: str, title: str, known: tuple[str, ...]) -> TokenizerRef:
        used_by = tuple(dict.fromkeys((*(name for name in names if encoding_of(name) == encoding), *known)))
        return TokenizerRef(encoding, title, Opener.OPENAI, "hosted", encoding.partition("/")[2], used_by=used_by)

    return [
        row(O200K, "o200k · GPT-5, GPT-4.1, GPT-4o", ("gpt-5", "gpt-4.1", "gpt-4o", "o3")),
        row(CL100K, "cl100k · GPT-4, GPT-3.5", ("gpt-4", "gpt-3.5-turbo", "text-embedding-3-small")),
    ]


def _of_catalog(catalog: Catalog) -> list[TokenizerRef]:
    rows = [_row(catalog, tier, group) for (tier, _), group in _groups(catalog).items()]
    return sorted(rows, key=lambda row: _format(Path(row.folder)) == _CHARACTERS)


def _row(catalog: Catalog, tier: str, group: Sequence[Checkpoint]) -> TokenizerRef:
    first = group[0]
    owner, folder = _owner(catalog, first)
    lengths = {checkpoint.max_length for checkpoint in group}
    return TokenizerRef(
        first.id,
        first.title if owner is first else f"{owner.title} · adapted (its base's)",
        Opener.SCRATCH if _format(folder).startswith("four-tiers-") else Opener.HUB,
        tier,
        folder=str(folder),
        model=owner.id,
        used_by=tuple(checkpoint.title for checkpoint in group),
        context=lengths.pop() if len(lengths) == 1 else None,
    )


def _groups(catalog: Catalog) -> dict[tuple[str, str], list[Checkpoint]]:
    """The catalog's checkpoints by tier and tokenizer, in its order; those whose tokenizer is not here are left out."""
    groups: dict[tuple[str, str], list[Checkpoint]] = {}
    for checkpoint in list(catalog.checkpoints.values()):
        key = _key(catalog, checkpoint)
        if key is not None:
            groups.setdefault(key, []).append(checkpoint)
    return groups


def _key(catalog: Catalog, checkpoint: Checkpoint) -> tuple[str, str] | None:
    """Tier and the tokenizer's content."""
    folder = _owner(catalog, checkpoint)[1]
    if not (folder / "tokenizer.json").is_file():
        return None
    scratch = _format(folder).startswith("four-tiers-")
    own = "scratch" if scratch else "pretrained" if checkpoint.base is None else "finetuned"
    return checkpoint.serves[0].tier if checkpoint.serves else own, _digest(folder)


def _owner(catalog: Catalog, checkpoint: Checkpoint) -> tuple[Checkpoint, Path]:
    """An adapter reads with its base's tokenizer. The folder may not be there."""
    folder = catalog.folder(checkpoint)
    if checkpoint.base is not None and (folder is None or not (folder / "tokenizer.json").is_file()):
        return _owner(catalog, catalog.get(checkpoint.base))
    return checkpoint, folder or Path("not here")


def _digest_of(row: TokenizerRef) -> str:
    return _digest(Path(row.folder)) if row.folder else ""


def _digest(folder: Path) -> str:
    return _said(*_stamp(folder))[0]


def _format(folder: Path) -> str:
    return _said(*_stamp(folder))[1]


def _stamp(folder: Path) -> tuple[str, int, int]:
    path = folder / "tokenizer.json"
    try:
        state = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), state.st_mtime_ns, state.st_size


@lru_cache(maxsize=512)
def _said(path: str, changed: int, size: int) -> tuple[str, str]:
    """A tokenizer.json's digest, without where it cuts and what it fills up with, and the format that it names."""
    if not size:
        return "", ""
    try:
        said = json.loads(Path(path).read_text(encoding="utf-8"))
        kept = {name: value for name, value in said.items() if name not in ("truncation", "padding")}
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest(), str(said.get("format", ""))
    except (OSError, ValueError, AttributeError):  # it is said when it is opened
        return f"{path} {changed} {size}", ""
