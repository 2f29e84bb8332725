"""Fetching hub checkpoints ahead of a workshop, and checking what is bundled. The only door to the hub."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from playground.bundled import verify
from playground.catalog import Catalog, Checkpoint
from playground.core.errors import NotSupported

# Never pickled weights, never code.
PATIENCE = 5  # seconds for the hub's first word
_WANTED = ["*.safetensors", "*.json", "*.txt", "*.model"]


@dataclass(frozen=True)
class Fetched:
    """`problem` is None where the checkpoint is here and its digests hold."""

    id: str
    folder: str | None
    problem: str | None


def prefetch(catalog: Catalog, tasks: Iterable[str], say: Callable[[str], None]) -> list[Fetched]:
    """Every checkpoint that serves one of the tasks, with its base. One that fails does not stop the others."""
    wanted = set(tasks)
    rows = [row for row in catalog.checkpoints.values() if any(serves.task in wanted for serves in row.serves)]
    ids = {row.id for row in rows} | {row.base for row in rows if row.base is not None}
    return [_fetch(catalog, catalog.get(row_id), say) for row_id in catalog.checkpoints if row_id in ids]


def _fetch(catalog: Catalog, checkpoint: Checkpoint, say: Callable[[str], None]) -> Fetched:
    folder = catalog.folder(checkpoint)
    if folder is None and checkpoint.hub:
        say(f"fetching {checkpoint.id} ({checkpoint.size_mb:g} MB)")
        try:
            folder = _download(checkpoint)
        except NotSupported as error:
            return Fetched(checkpoint.id, None, str(error))
        except Exception as error:  # whatever the network did: it is said, and the next one is tried
            why = type(error).__name__
            return Fetched(checkpoint.id, None, f"The hub did not give it ({why}): check the network and try again.")
    if folder is None:
        return Fetched(checkpoint.id, None, "Its files are missing: install or train it again.")
    return Fetched(checkpoint.id, str(folder), check_digests(checkpoint, folder))


def _download(checkpoint: Checkpoint) -> Path:
    """Asks for a first word with a time-out: `snapshot_download` alone waits minutes for a hub that is silent.

    Raises NotSupported, before anything is fetched, where the weights are offered as pickles alone.
    """
    from huggingface_hub import HfApi, snapshot_download

    revision = checkpoint.revision or None  # by its name, so that the cache remembers which commit is "main"
    offered = [
        file.rfilename for file in HfApi().model_info(checkpoint.id, revision=revision, timeout=PATIENCE).siblings or ()
    ]
    if offered and not any(name.endswith(".safetensors") for name in offered):
        raise NotSupported(
            "The hub offers its weights as pickles alone, which can run code and are never opened: choose another model."
        )
    return Path(snapshot_download(checkpoint.id, revision=revision, allow_patterns=_WANTED, etag_timeout=PATIENCE))


def check_digests(checkpoint: Checkpoint, folder: Path) -> str | None:
    """The sentence that says what is wrong, or None."""
    for name, sha256 in checkpoint.digests.items():
        try:
            verify(folder / name, sha256)
        except (OSError, ValueError) as error:
            return str(error)
    return None
