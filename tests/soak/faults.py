"""What goes wrong, on demand: loads and steps that fail, a device thread that is killed, slow loads. Drawn from one seed.

A fault is armed with `arm` and strikes the next load or step. What the engine does about it is not known here.
"""

from __future__ import annotations

import ctypes
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable
from contextlib import contextmanager
from typing import Any

from playground.core.errors import LoadFailed, OutOfMemory
from playground.engine.leases import key_of

LOAD_FAULTS = ("load failed", "load out of memory", "load out of memory twice", "load exit", "load bug", "load slow")
STEP_FAULTS = ("step out of memory", "step bug", "step exit", "step slow", "device killed")
KILLING = (
    "load exit",
    "load bug",
    "step bug",
    "step exit",
    "device killed",
)  # of these a visitor may get an InternalError


class Faults:
    """`struck` counts the faults that happened, by kind. Thread-safe."""

    def __init__(self, seed: int, violation: Callable[[str], None]) -> None:
        self.random = random.Random(seed)
        self.struck: Counter[str] = Counter()
        self._violation = violation
        self._armed: list[str] = []
        self._lock = threading.Lock()
        self._loading: Counter[Hashable] = Counter()
        self.loads = 0

    def arm(self, kind: str) -> None:
        with self._lock:
            if len(self._armed) < 8:
                self._armed.append(kind)

    def disarm(self) -> None:
        with self._lock:
            self._armed.clear()

    def take(self, kinds: tuple[str, ...]) -> str | None:
        with self._lock:
            kind = next((kind for kind in self._armed if kind in kinds), None)
            if kind is not None:
                self._armed.remove(kind)
                self.struck[kind] += 1
            return kind

    @contextmanager
    def loading(self, ref: Any):
        """At most one load of one key at a time."""
        key = key_of(ref)
        with self._lock:
            self._loading[key] += 1
            self.loads += 1
            if self._loading[key] > 1:
                self._violation(f"{ref.id} is being loaded {self._loading[key]} times at once")
        try:
            yield
        finally:
            with self._lock:
                self._loading[key] -= 1


class FaultyLoader:
    """A loader of the engine, with faults before or after its work."""

    def __init__(self, loader: Any, faults: Faults) -> None:
        self._loader, self._faults, self.name = loader, faults, loader.name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def load(self, ref: Any, base: Any, context: Any) -> Any:
        with self._faults.loading(ref):
            match self._faults.take(LOAD_FAULTS):
                case "load failed":
                    raise LoadFailed(f"The model {ref.id} failed to load, as the soak wants it: run again.")
                case "load out of memory":
                    raise OutOfMemory("There is no memory left, as the soak wants it: run again.")
                case "load out of memory twice":
                    self._faults.arm("load out of memory")
                    raise OutOfMemory("There is no memory left, as the soak wants it: run again.")
                case "load exit":
                    raise SystemExit("as the soak wants it")
                case "load bug":
                    self._loader.load(ref, base, context)  # what it made has to go again
                    raise RuntimeError("as the soak wants it")
                case "load slow":
                    for step in range(20):
                        time.sleep(0.03)
                        context.report("reading slowly", step / 20)
            return self._loader.load(ref, base, context)


class FaultyOp:
    """An operation of the engine whose steps fail on demand."""

    def __init__(self, op: Any, faults: Faults) -> None:
        self._op, self._faults = op, faults

    def __getattr__(self, name: str) -> Any:
        return getattr(self._op, name)

    def step(self, works: Any) -> Any:
        match self._faults.take(STEP_FAULTS):
            case "step out of memory":
                raise RuntimeError("CUDA out of memory, as the soak wants it")
            case "step bug":
                raise ZeroDivisionError("as the soak wants it")
            case "step exit":
                raise SystemExit("as the soak wants it")
            case "step slow":
                time.sleep(0.3)
            case "device killed":
                strike_this_thread()
        return self._op.step(works)


class Struck(BaseException):
    """Thrown into a thread from outside."""


def strike_this_thread() -> None:
    """From another thread, while this one works: it arrives between two instructions of its own, wherever it is."""
    target = threading.get_ident()
    threading.Thread(target=throw_into, args=(target,), name="striker", daemon=True).start()
    until = time.monotonic() + 2
    while time.monotonic() < until:
        time.sleep(0.001)


def throw_into(thread: int) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(Struck))
