"""Devices and their memory: which one to use, what is free, what a module takes, and what to do when there is none left.

Imports torch only inside the functions that need it.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
from pathlib import Path
from typing import Any

import psutil

from playground.core.errors import LoadFailed, OutOfMemory

GB = 2**30
MOST_BY_DEFAULT = 16 * GB


def choose_device(wish: str) -> Any:
    """A torch.device. "auto": the first CUDA device, else Apple's, else the CPU; a named device is taken at its word.

    Raises LoadFailed where a named device is not on this machine.
    """
    import torch

    if wish == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", 0)
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(wish)
    except RuntimeError:
        device = torch.device("meta")  # which is never there
    there = {
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if not there.get(device.type, False):
        raise LoadFailed(f"The device {wish} is not on this machine: set PLAYGROUND_DEVICE to auto or cpu.")
    return device


def device_memory(device: Any) -> tuple[int, int]:
    """Free and total bytes of a torch.device."""
    if device.type == "cuda":
        import torch

        free, total = torch.cuda.mem_get_info(device)
        return int(free), int(total)
    return host_memory()  # mps shares the host's


def device_name(device: Any) -> str:
    """As the owner reads it: "cpu", "cuda:0 (NVIDIA H200)"."""
    if device.type == "cuda":
        import torch

        return f"{device} ({torch.cuda.get_device_name(device)})"
    return str(device)


def host_memory() -> tuple[int, int]:
    """Free and total bytes of this machine, or of the container we are in."""
    memory = psutil.virtual_memory()
    free, total = int(memory.available), int(memory.total)
    limit, used = _container_limit()
    if limit is not None and limit < total:
        free, total = min(free, max(0, limit - used)), limit
    return free, total


def _container_limit(root: Path = Path("/sys/fs/cgroup")) -> tuple[int | None, int]:
    """The control group's limit and use in bytes; (None, 0) where there is none."""
    with contextlib.suppress(OSError, ValueError):
        return int((root / "memory.max").read_text()), int((root / "memory.current").read_text())
    return None, 0


def budget(free: int, wish_mb: int) -> int:
    """Bytes for resident models: the setting, or half of what is free and at most 16 GB."""
    return wish_mb * 2**20 if wish_mb else min(free // 2, MOST_BY_DEFAULT)


def module_bytes(*modules: Any) -> int:
    """Bytes of parameters and buffers, shared ones once."""
    seen = {}
    for module in modules:
        for tensor in (*module.parameters(), *module.buffers()):
            seen[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
    return sum(seen.values())


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device, or this machine, has no memory left."""
    if isinstance(error, MemoryError | OutOfMemory):
        return True
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        return True
    words = ("out of memory", "can't allocate memory", "not enough memory", "CUBLAS_STATUS_ALLOC_FAILED")
    return isinstance(error, RuntimeError) and any(word in str(error) for word in words)


def out_of_memory(what: str) -> OutOfMemory:
    return OutOfMemory(
        f"There was not enough memory {what}: try a shorter text or a smaller model, or run again later."
    )


def reclaim() -> None:
    """Gives freed memory back: Python's garbage, CUDA's cache, and the C heap's free pages (glibc)."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
