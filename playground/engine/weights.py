"""A checkpoint's files on disk: read once, checked, and only then interpreted. safetensors only, never pickle."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from playground.core.errors import DigestMismatch, LoadFailed, NotHere
from playground.core.types import ModelRef

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
_WIDTH = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2}


def read(ref: ModelRef, name: str) -> bytes:
    """A file's bytes, of the digest that the reference names for it (any, where it names none).

    What is returned is what was checked: nobody can change it in between. Raises NotHere, DigestMismatch.
    """
    path = Path(ref.folder) / name
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise _missing(ref, name) from None
    except OSError as error:
        raise LoadFailed(f"The file {name} of {ref.id} cannot be read ({error.strerror}): check the disk.") from None
    wanted = dict(ref.digests).get(name)
    if wanted is not None and hashlib.sha256(data).hexdigest() != wanted.lower():
        raise DigestMismatch(
            f"The file {name} of {ref.id} is not the one the catalog names: get this checkpoint again."
        )
    return data


def verify(ref: ModelRef, *, but: Iterable[str] = ()) -> None:
    """Checks all files that the reference has a digest for, except those that `read` will check."""
    for name, _ in ref.digests:
        if name not in but:
            read(ref, name)


def read_json(ref: ModelRef, name: str) -> dict[str, Any]:
    try:
        found = json.loads(read(ref, name))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise LoadFailed(f"The file {name} of {ref.id} is damaged: get this checkpoint again.")
    return found


def tensors(ref: ModelRef, names: Iterable[str] = (WEIGHTS,)) -> dict[str, Any]:
    """Name to torch tensor, on the CPU, of one or more safetensors files. Raises ModelError."""
    import safetensors.torch

    found: dict[str, Any] = {}
    for name in names:
        data = read(ref, name)
        try:
            found.update(safetensors.torch.load(data))
        except (
            Exception
        ) as error:  # SafetensorError is an Exception of its own; its text names offsets, no reader wants them
            raise LoadFailed(
                f"The file {name} of {ref.id} is damaged or cut short: get this checkpoint again."
            ) from error
    return found


def weight_files(ref: ModelRef) -> tuple[str, ...]:
    """The safetensors files of a folder: one, or the shards of an index. Raises NotHere, LoadFailed."""
    folder = Path(ref.folder)
    if not folder.is_dir():
        raise NotHere(f"The model {ref.id} is not on this machine: download it first, or choose another.")
    if (folder / WEIGHTS).is_file():
        return (WEIGHTS,)
    if (folder / INDEX).is_file():
        shards = sorted(set(read_json(ref, INDEX).get("weight_map", {}).values()))
        if shards and all(Path(shard).name == shard for shard in shards):
            return tuple(shards)
    if any(folder.glob("*.bin")):
        raise LoadFailed(f"The model {ref.id} is offered as a pickle only, which can run code: choose another model.")
    raise _missing(ref, WEIGHTS)


def estimate(ref: ModelRef, names: Iterable[str], width: int = 4) -> int:
    """Bytes the files' floating-point tensors take at `width` bytes a number. From the headers alone; a header that
    cannot be read counts by its file's size, since judging it is `tensors`' work. Raises NotHere.
    """
    return sum(_estimate(ref, Path(ref.folder) / name, width) for name in names)


def _estimate(ref: ModelRef, path: Path, width: int) -> int:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > 16 * 2**20:
                return size
            header: Mapping[str, Any] = json.loads(file.read(length))
        return sum(_tensor_bytes(entry, width) for name, entry in header.items() if name != "__metadata__")
    except FileNotFoundError:
        raise _missing(ref, path.name) from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return size


def _tensor_bytes(entry: Mapping[str, Any], width: int) -> int:
    kind = str(entry["dtype"])
    return math.prod(entry["shape"]) * (width if kind.startswith(("F", "BF")) else _WIDTH.get(kind, 1))


def fingerprint(*parts: Any) -> str:
    """First 16 hexadecimal digits of a SHA-256 over parts: module state (name to tensor) or earlier fingerprints.

    SHA-256, since processors compute it: half of BLAKE2b's time for 268 MB, which was the longest part of a load.
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            digest.update(part.encode())
            continue
        for name, tensor in sorted(part.items()):
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
            digest.update(_bytes_of(tensor))
    return digest.hexdigest()[:16]


def _bytes_of(tensor: Any) -> Any:
    import torch

    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().data if flat.numel() else b""


def _missing(ref: ModelRef, name: str) -> NotHere:
    return NotHere(f"The file {name} of {ref.id} is not on this machine: download the model again, or choose another.")
