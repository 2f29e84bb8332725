"""Tokenizers in the hub's cache on this machine. Reads folders; never asks the network."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from playground.core.errors import NotHere
from playground.core.token_types import Opener, TokenizerRef

MOST = 60  # that are listed; any other one can be named
# The first one found says where a repository's files lie; transformers makes a tokenizer of the others.
FILES = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "spiece.model", "tokenizer.model")
_ID = re.compile(r"[\w][\w.-]{0,95}(?:/[\w][\w.-]{0,95})?")
_TITLES = {"gpt2": "GPT-2", "openai-community/gpt2": "GPT-2"}


def cached() -> list[TokenizerRef]:
    """Those with a tokenizer.json, by name."""
    return [_row(name, folder) for name in cached_ids() if (folder := _folder(name, FILES[:1])) is not None]


def cached_ids() -> list[str]:
    """Of the models in the cache that have a tokenizer.json."""
    root = _cache()
    if not root.is_dir():
        return []
    found = sorted({path.parents[2].name for path in root.glob("models--*/snapshots/*/tokenizer.json")})
    return [name.removeprefix("models--").replace("--", "/") for name in found][:MOST]


def named(name: str) -> TokenizerRef | None:
    """The tokenizer of a hub id, written “hub:ID” or plainly “owner/name”; None where the name is no such id. Raises NotHere."""
    plain = name.removeprefix("hub:").strip()
    if not _ID.fullmatch(plain) or ".." in plain or (plain == name and "/" not in plain):
        return None
    folder = _folder(plain, FILES)
    if folder is None:
        raise NotHere(
            f"The tokenizer {plain} is not on this machine: fetch it with `hf download {plain} tokenizer.json "
            "tokenizer_config.json`, or choose another one."
        )
    return _row(plain, folder)


def _row(name: str, folder: Path) -> TokenizerRef:
    return TokenizerRef(name, _TITLES.get(name, name), Opener.HUB, "pretrained", folder=str(folder), used_by=(name,))


def _folder(name: str, files: tuple[str, ...]) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    for file in files:
        try:
            found = try_to_load_from_cache(name, file)
        except HFValidationError:
            return None
        if isinstance(found, str):
            return Path(found).parent
    return None


@lru_cache(maxsize=1)
def _cache() -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)
