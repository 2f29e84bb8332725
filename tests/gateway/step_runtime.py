"""A runtime that writes one word whenever a test lets it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from playground.core.calls import Call, Generate
from playground.core.cancel import Cancel
from playground.core.errors import PlaygroundError
from playground.core.events import Cancelled, Emit, Emitter, Failed, Finished, Partial
from playground.core.types import ModelRef, Stats
from playground.core.writing_types import Text, TokenChoice, WrittenToken

DECODER = ModelRef(id="test/steps", loader="pipeline-decoder", folder="", digests=(("model.safetensors", "cd" * 32),))
WORDS = (" and", " so", " on", " 水", "🔥", " café")


@dataclass(frozen=True)
class _Run:
    token: Cancel

    def cancel(self) -> None:
        self.token.set()


class StepRuntime:
    """`steps.release()` lets one more word be written, of all calls together. written: words so far. fails: after so many words
    of a call, with `fault`.
    """

    def __init__(self) -> None:
        self.calls: list[Generate] = []
        self.steps = threading.Semaphore(0)
        self.written = 0
        self.cancelled = threading.Event()
        self.fault: PlaygroundError | None = None
        self.fails = 0

    def submit(self, call: Call, emit: Emit, cancel: Cancel) -> _Run:
        assert isinstance(call, Generate)
        self.calls.append(call)
        token, send = cancel.child(), Emitter(emit)
        threading.Thread(target=self._write, args=(call, send, token), daemon=True).start()
        return _Run(token)

    def _write(self, call: Generate, send: Emitter, cancel: Cancel) -> None:
        tokens: list[WrittenToken] = []
        for word in WORDS[: call.writing.length]:
            if self.fault is not None and len(tokens) == self.fails:
                send(Failed(error=self.fault))
                return
            while not self.steps.acquire(timeout=0.01):
                if cancel.is_set:
                    self.cancelled.set()
                    send(Cancelled())
                    return
            tokens.append(WrittenToken(word, 0.5, (TokenChoice(" the", 0.5), TokenChoice(word, 0.5))))
            self.written += 1
            send(Partial(delta=word, tokens=tuple(tokens[-1:]) if call.writing.details else ()))
        text = "".join(token.text for token in tokens)
        ended = "length" if len(WORDS) > call.writing.length else "stop"
        stats = Stats(tokens_in=len(call.text.split()), tokens_out=len(tokens))
        send(Finished(output=Text(text, tuple(tokens) if call.writing.details else (), ended), stats=stats))  # type: ignore[arg-type]

    def status(self) -> list[Any]:
        return []

    def close(self) -> None:
        pass
