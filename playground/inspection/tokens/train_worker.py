"""A process that trains one tokenizer: `python -m playground.inspection.tokens.train_worker`, started by `trainer`.

The libraries cannot be stopped in the middle, and plain Python would take turns with the models' thread: a process of its own can
be ended at any time and takes nothing from the others. Standard input: a line of JSON with kind and size, then the text in UTF-8.
Standard output: lines of JSON, {"said", "fraction"} or the package tokenizers' own {"stage", "current", "total"}, and at the end
{"result"} or {"failed"}.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import sys
import time
from array import array
from typing import Any

from playground.core.token_training import TrainingKind
from playground.inspection.tokens import train_steps

EVERY = 0.05  # seconds between two lines about how far it is
MEMORY = 6 << 30  # bytes of address space


def main() -> None:
    _be_modest()
    head, _, body = sys.stdin.buffer.read().partition(b"\n")
    order, text = json.loads(head), body.decode("utf-8")
    kind, size = TrainingKind(order["kind"]), int(order["size"])
    started = time.monotonic()
    try:
        result = _scratch(text, size) if kind is TrainingKind.SCRATCH else _fast(text, kind, size)
    except Exception as error:  # the library's own, which have no common base
        _say({"failed": f"{type(error).__name__}: {error}"})
        return
    _say({"result": result | {"seconds": time.monotonic() - started}})


def _scratch(text: str, size: int) -> dict[str, Any]:
    tokenizer, steps = train_steps.learn(text, size, Teller())
    shown = {name: _packed(value) if isinstance(value, array) else value for name, value in steps.items()}
    return {
        "content": tokenizer.to_json(),
        "shared": train_steps.shared_format(tokenizer),
        "size": len(tokenizer),
        "steps": shown,
    }


def _fast(text: str, kind: TrainingKind, size: int) -> dict[str, Any]:
    from playground.inspection.tokens import train_fast

    tokenizer = train_fast.learn(text, kind, size, Teller())
    return {"content": tokenizer.to_str(pretty=True), "shared": "", "size": tokenizer.get_vocab_size()}


class Teller:
    """Says how far it is, not more often than somebody can read."""

    def __init__(self) -> None:
        self._said, self._at = "", 0.0

    def __call__(self, said: str, fraction: float | None) -> None:
        now = time.monotonic()
        if now - self._at >= EVERY or (fraction is None and said != self._said):
            self._said, self._at = said, now
            _say({"said": said, "fraction": fraction})


def _packed(values: array) -> str:
    return base64.b64encode(values.tobytes()).decode("ascii")


def _say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


def _be_modest() -> None:
    """The page's own work goes first; and a text that would need all memory ends this process alone."""
    with contextlib.suppress(AttributeError, OSError):
        os.nice(10)
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


if __name__ == "__main__":
    main()
