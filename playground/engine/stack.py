"""The heavy libraries, imported once, on the first load, from a loader's thread; quiet, and never asking a network.

`torch`, `transformers` and `peft` take seconds to import. The page is up before that; the first load pays for it, and says so.
"""

from __future__ import annotations

import gc
import os
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

from playground.core.openmp import spin_briefly

_lock = threading.Lock()
_ready = False
seconds: dict[str, float] = {}  # what the imports took here, by library


def ready() -> bool:
    return _ready


def import_all(report: Callable[[str, float | None], None] = lambda what, fraction: None) -> None:
    """Imports what classifiers and encoders need. The first caller imports, later ones wait for him. `report` gets 0..1."""
    global _ready
    if _ready:
        return
    with _lock:
        if _ready:
            return
        spin_briefly()
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # else tokenizers warns on every fork
        started = time.perf_counter()

        def lap(name: str) -> None:
            nonlocal started
            now = time.perf_counter()
            seconds[name], started = now - started, now

        report("starting PyTorch", 0.0)
        import torch  # noqa: F401

        lap("torch")
        report("starting transformers", 0.35)
        import transformers
        from transformers import AutoConfig, AutoModel, AutoTokenizer, BertModel  # noqa: F401

        transformers.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        lap("transformers")
        report("starting peft", 0.95)
        import peft  # noqa: F401

        lap("peft")
        gc.freeze()  # a million objects of these libraries need not be searched again: a full collection took 200 ms
        _ready = True
        report("starting peft", 1.0)


def silence() -> None:
    """peft 0.21 reads a name that transformers 5.23 deprecates, and speaks of switches that we do not use."""
    warnings.filterwarnings("ignore", message=r".*is_gradient_checkpointing.*", category=FutureWarning)
    warnings.filterwarnings("ignore", message=r".*was active which is now deleted.*", category=UserWarning)


def report_share(report: Callable[[str, float | None], None], start: float, end: float) -> Callable[[str, Any], None]:
    """A report whose 0..1 fills the part from `start` to `end` of the whole."""

    def part(what: str, fraction: float | None) -> None:
        report(what, None if fraction is None else start + fraction * (end - start))

    return part
