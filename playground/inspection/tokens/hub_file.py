"""A `tokenizer.json` of the package tokenizers: found or made, and read in the two ways that specials can be read."""

from __future__ import annotations

import json
import secrets
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from playground.core.errors import LoadFailed, NotSupported

Json = dict[str, Any]


class HubFile:
    """One tokenizer.json: what it says of itself, and the tokenizers that read with it.

    control: reads control tokens that a text spells out as such. plain: reads them as text. Most libraries leave no choice, and
    `encode_special_tokens` is obeyed by some models alone (Unigram still finds “</s>” among its pieces); so here the special tokens
    get names that nobody types, and keep their ids.
    """

    def __init__(self, folder: Path, title: str) -> None:
        self._said = _for_texts(_contents(folder, title))
        model = self._said["model"]
        self.kind: str = model.get("type") or ("WordPiece" if "max_input_chars_per_word" in model else "BPE")
        self.specials: dict[int, str] = {
            token["id"]: token["content"] for token in self._said.get("added_tokens", ()) if token.get("special")
        }
        self.byte_level = bool(_find(self._said.get("pre_tokenizer"), "ByteLevel")) or self.normalizes("ByteLevel")
        self.composes = any(map(self.normalizes, ("NFC", "NFKC", "Precompiled")))
        self.prefix: str = model.get("continuing_subword_prefix") or ("##" if self.kind == "WordPiece" else "")

    def normalizes(self, how: str) -> bool:
        return bool(_find(self._said.get("normalizer"), how))

    @cached_property
    def plain(self) -> Tokenizer:
        return Tokenizer.from_str(json.dumps(_renamed(self._said, self.specials)))

    @cached_property
    def control(self) -> Tokenizer:
        return Tokenizer.from_str(json.dumps(self._said))

    @cached_property
    def model(self) -> Json:
        """Of `control`: type, vocabulary, merges or scores."""
        model: Json = self._said["model"]
        return model

    @cached_property
    def unknown(self) -> int | None:
        model = self._said["model"]
        if self.kind == "Unigram":
            return model.get("unk_id")
        name = model.get("unk_token")
        return None if name is None else self.control.token_to_id(name)


def _contents(folder: Path, title: str) -> Json:
    """Raises LoadFailed, NotSupported."""
    failed = f"The tokenizer {title} cannot be opened: choose another one."
    path = folder / "tokenizer.json"
    try:
        said: Json = json.loads(path.read_text(encoding="utf-8") if path.is_file() else _made(folder, title))
        Tokenizer.from_str(json.dumps(said))  # raises a bare Exception where it is not one
    except NotSupported:
        raise
    except Exception as error:
        raise LoadFailed(failed) from error
    return said


def _made(folder: Path, title: str) -> str:
    """What transformers makes of a vocabulary's files."""
    from transformers import AutoTokenizer

    slow = (
        f"{title} has no fast tokenizer, and its own code is never run here: choose a tokenizer with a tokenizer.json."
    )
    try:
        found = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False, local_files_only=True)
        backend = getattr(found, "backend_tokenizer", None)
    except Exception as error:
        raise NotSupported(slow) from error
    if backend is None:
        raise NotSupported(slow)
    return backend.to_str()


def _for_texts(said: Json) -> Json:
    """Neither cut nor filled up; and with offsets that keep a word's blank, which is in the token."""
    said = {**said, "truncation": None, "padding": None}
    for step in _find(said.get("post_processor"), "ByteLevel") + _find(said.get("post_processor"), "RobertaProcessing"):
        step["trim_offsets"] = False
    return said


def _find(part: Any, kind: str) -> list[Json]:
    """The steps of this type in a normalizer, pre-tokenizer or post-processor."""
    if isinstance(part, dict):
        here = [part] if part.get("type") == kind else []
        return here + [found for value in part.values() if isinstance(value, list) for found in _find(value, kind)]
    return [found for one in part for found in _find(one, kind)] if isinstance(part, list) else []


def _renamed(said: Json, specials: dict[int, str]) -> Json:
    mark = secrets.token_hex(16)
    names = {name: f"{mark}{i}" for i, name in specials.items()}

    def renamed(value: Any) -> Any:
        if isinstance(value, str):
            return names.get(value, value)
        if isinstance(value, list):
            return [renamed(one) for one in value]
        if isinstance(value, dict):
            return {names.get(key, key): renamed(one) for key, one in value.items()}
        return value

    model = dict(said["model"])
    vocabulary = model.get("vocab")
    if isinstance(vocabulary, dict):
        model["vocab"] = {names.get(token, token): i for token, i in vocabulary.items()}
    elif isinstance(vocabulary, list):
        model["vocab"] = [[names.get(piece, piece), score] for piece, score in vocabulary]
    if model.get("unk_token") is not None:
        model["unk_token"] = names.get(model["unk_token"], model["unk_token"])
    added = [
        {**token, "content": names.get(token["content"], token["content"])} for token in said.get("added_tokens", ())
    ]
    return {**said, "model": model, "added_tokens": added, "post_processor": renamed(said.get("post_processor"))}
