"""The cache's backend: loaders by name, on one device, with the libraries imported when the first model is wanted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from playground.core.errors import LoadFailed
from playground.core.types import ModelRef
from playground.engine import memory, stack
from playground.engine.background import Background
from playground.engine.cache import Loaded, ModelCache
from playground.engine.loaders import LoadContext, Report, build_loaders
from playground.settings import Settings


class Models:
    """`cache` is given once it is built, and told of the device once that is known."""

    cache: ModelCache

    def __init__(self, settings: Settings, on_device: Callable[[Callable[[], Any]], Any]) -> None:
        self._settings = settings
        self._on_device = on_device
        self._loaders = build_loaders()
        self._lock = threading.Lock()
        self._context: LoadContext | None = None
        self._background = Background()

    @property
    def context(self) -> LoadContext | None:
        """What models are loaded with; None before the first."""
        return self._context

    def estimate(self, ref: ModelRef) -> int:
        return self._loaders.get(ref.loader).estimate(ref)

    def load(self, ref: ModelRef, base: Any | None, report: Report) -> Loaded:
        cold = not stack.ready()
        stack.import_all(stack.report_share(report, 0.0, 0.7))
        part = stack.report_share(report, 0.7 if cold else 0.0, 1.0)
        started = time.monotonic()
        context = replace(self._ready_context(), report=part, book=partial(self.cache.rebook, ref))
        model = self._loaders.get(ref.loader).load(ref, base, context)
        return Loaded(model, model.identity.own_bytes, time.monotonic() - started)

    def unload(self, ref: ModelRef, value: Any) -> None:
        self._loaders.get(ref.loader).unload(value, self._ready_context())

    def reclaim(self) -> None:
        memory.reclaim()

    def close(self) -> None:
        """Ends what models do beside loads and requests; before the device does."""
        self._background.close()

    def set_up_thread(self) -> None:
        """In a thread of the device's: torch's number of threads is each calling thread's own."""
        if self._context is not None and self._settings.threads:
            import torch

            torch.set_num_threads(self._settings.threads)

    def _ready_context(self) -> LoadContext:
        with self._lock:
            if self._context is None:
                device = memory.choose_device(self._settings.device)
                dtype = choose_dtype(self._settings.dtype, device)
                free, total = memory.device_memory(device)
                self.cache.device = str(device)
                if device.type == "cuda":
                    self.cache.resize(memory.budget(free, self._settings.cache_budget_mb), total)
                fast = self._settings.fast_cpu and device.type == "cpu"
                self._context = LoadContext(device, dtype, self._on_device, fast=fast, background=self._background)
                self._on_device(self.set_up_thread)
            return self._context


def choose_dtype(wish: str, device: Any) -> Any:
    """A torch.dtype. "auto": bfloat16 on a GPU that computes in it, else float32. Raises LoadFailed for a GPU that does not."""
    import torch

    able = device.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)
    if wish == "auto":
        return torch.bfloat16 if device.type == "cuda" and able else torch.float32
    if wish == "bfloat16" and not able:
        raise LoadFailed("This GPU does not compute in bfloat16: set PLAYGROUND_DTYPE to auto or float32.")
    return getattr(torch, wish)
