"""A runtime that embeds by hashing words: deterministic, and texts that share words are near one another."""

from __future__ import annotations

import re
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from playground.core.calls import Call, Embed
from playground.core.cancel import Cancel
from playground.core.errors import PlaygroundError
from playground.core.events import Cancelled, Emit, Emitter, Failed, Finished, Queued
from playground.core.types import Embeddings, ModelRef

ENCODER = ModelRef(id="test/word-hash", loader="encoder", folder="", digests=(("model.safetensors", "ab" * 32),))


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def vector(text: str) -> np.ndarray:
    """Unit vector, float32 [64]."""
    row = np.full(64, 1e-3, dtype=np.float32)
    for word in words(text):
        row[zlib.crc32(word.encode()) % 64] += 1
    return row / np.linalg.norm(row)


@dataclass(frozen=True)
class _Run:
    cancel: Callable[[], None]


class WordRuntime:
    """`fault`: what every call fails with. `hold`: calls wait for it to be set, or for their cancel."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.calls: list[Embed] = []
        self.fault: PlaygroundError | None = None
        self.crash: Exception | None = None
        self.hold: threading.Event | None = None
        self.started = threading.Event()
        self.cancelled = threading.Event()

    def submit(self, call: Call, emit: Emit, cancel: Cancel) -> _Run:
        assert isinstance(call, Embed)
        if self.crash is not None:
            raise self.crash
        self.calls.append(call)
        emitter = Emitter(emit)
        emitter(Queued())

        def stop() -> None:
            if emitter(Cancelled()):
                self.cancelled.set()

        cancel.on_set(stop)
        threading.Thread(target=self._work, args=(call, emitter, cancel), daemon=True).start()
        return _Run(stop)

    def _work(self, call: Embed, emitter: Emitter, cancel: Cancel) -> None:
        self.started.set()
        while self.hold is not None and not cancel.is_set and not self.hold.wait(0.01):
            pass
        if self.fault is not None:
            emitter(Failed(error=self.fault))
            return
        vectors = np.stack([vector(text) for text in call.texts])
        emitter(Finished(output=Embeddings(vectors, tuple(len(words(text)) for text in call.texts))))

    def status(self) -> list[object]:
        return []

    def warm(self, refs: object) -> None:
        pass

    def close(self) -> None:
        pass
