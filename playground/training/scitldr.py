"""SciTLDR (Cachola et al. 2020, arXiv 2004.15011): abstracts of papers, and one-line summaries of them by authors and readers. No
torch.

A folder has the layout of the project's shared data: `summarization/scitldr_*.jsonl`; with no folder the set comes through
`datasets`, which may download it.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOME, REVISION = "allenai/scitldr", "main"


@dataclass(frozen=True)
class Abstract:
    """`summaries`: of the paper, one line each, at least one."""

    text: str
    summaries: tuple[str, ...]


def abstracts(data: Path | None) -> tuple[list[Abstract], list[Abstract]]:
    """Those to learn from, and the dev part's, which no training sees. Texts that are in both count for dev."""
    train, dev = (_part(_rows(data, name)) for name in ("train", "dev"))
    held = {key_of(one.text) for one in dev}
    return [one for one in train if key_of(one.text) not in held], dev


def key_of(text: str) -> str:
    return " ".join(text.lower().split())


def _part(rows: Iterable[Mapping[str, Any]]) -> list[Abstract]:
    """The sentences of `source` are joined to a text: whoever reads it must find them."""
    found: dict[str, Abstract] = {}
    for row in rows:
        text = " ".join(" ".join(row["source"]).split())
        summaries = tuple(line for line in (" ".join(said.split()) for said in row["target"]) if line)
        if text and summaries:
            found.setdefault(key_of(text), Abstract(text, summaries))
    return list(found.values())


def _rows(data: Path | None, name: str) -> Iterable[Mapping[str, Any]]:
    if data is not None:
        path = data / "summarization" / f"scitldr_{name}.jsonl"
        with path.open(encoding="utf-8") as file:
            return [json.loads(line) for line in file]
    from datasets import load_dataset

    part = {"train": "train", "dev": "validation"}[name]
    return load_dataset(HOME, "Abstract", split=part, revision=REVISION)
