"""Which tokenizers there are: one of each kind that the catalog's checkpoints read with, the hosted models', and plain cuts."""

from __future__ import annotations

from collections.abc import Sequence

from playground.catalog import Catalog
from playground.core.token_types import Opener, TokenizerRef


def tokenizers(catalog: Catalog) -> list[TokenizerRef]:
    """In the order of the tiers."""
    return [
        TokenizerRef("openai/o200k_base", "o200k · GPT-4o, GPT-4.1, GPT-5", Opener.OPENAI, "hosted", name="o200k_base"),
        TokenizerRef("openai/cl100k_base", "cl100k · GPT-4, GPT-3.5", Opener.OPENAI, "hosted", name="cl100k_base"),
        *_of_catalog(catalog),
        TokenizerRef("split/characters", "characters", Opener.SPLIT, name="characters"),
        TokenizerRef("split/words", "words", Opener.SPLIT, name="words"),
        TokenizerRef("split/sentences", "sentences", Opener.SPLIT, name="sentences"),
    ]


def _of_catalog(catalog: Catalog) -> list[TokenizerRef]:
    found = []
    for checkpoint in catalog.checkpoints.values():
        folder = catalog.folder(checkpoint)
        if folder is None or not (folder / "tokenizer.json").is_file():
            continue
        scratch = checkpoint.loader.startswith("scratch")
        found.append(
            TokenizerRef(
                checkpoint.id,
                checkpoint.title,
                Opener.SCRATCH if scratch else Opener.HUB,
                "scratch" if scratch else "pretrained",
                folder=str(folder),
                model=checkpoint.id,
                context=checkpoint.max_length,
            )
        )
    return found


def defaults(choices: Sequence[TokenizerRef]) -> list[str]:
    """The first of each tier, and words."""
    first: dict[str, str] = {}
    for ref in choices:
        first.setdefault(ref.tier, ref.id)
    return [first[tier] for tier in ("hosted", "pretrained", "finetuned", "scratch") if tier in first] + ["split/words"]
