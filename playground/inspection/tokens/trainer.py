"""Trains tokenizers in processes of their own, each of which can be ended at any time: see `train_worker`."""

from __future__ import annotations

import base64
import json
import logging
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from playground.core.cancel import Cancel
from playground.core.errors import DeadlineExceeded, InputError, InternalError
from playground.core.token_training import (
    KIND_TITLES,
    RIVALS,
    MergeSteps,
    TrainedTokenizer,
    TrainingKind,
    TrainingProgress,
)

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[3]
WORKER = (sys.executable, "-m", "playground.inspection.tokens.train_worker")
# No key of the owner's goes along.
KEPT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV")
SAID = {
    "Tokenize words": "cutting words into characters",
    "Count pairs": "counting pairs",
    "Compute merges": "learning merges",
}  # the library's stages, in our words


class ChildTrainer:
    """`TokenTrainer` over child processes."""

    def train(
        self, text: bytes, kind: TrainingKind, size: int, tell: Callable[[TrainingProgress], None], cancel: Cancel
    ) -> TrainedTokenizer | None:
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        environment |= {"TOKENIZERS_PARALLELISM": "false", "PYTHONIOENCODING": "utf-8"}
        process = subprocess.Popen(  # noqa: S603  our own module, and nothing of the visitor in its arguments
            WORKER, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        taken_back = cancel.on_set(process.kill)
        late = (
            threading.Timer(max(0.0, remaining), process.kill)
            if (remaining := cancel.remaining()) is not None
            else None
        )
        if late is not None:
            late.daemon = True
            late.start()
        try:
            return self._answer(process, text, kind, size, tell, cancel)
        finally:
            taken_back()
            if late is not None:
                late.cancel()
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def _answer(
        self,
        process: subprocess.Popen[bytes],
        text: bytes,
        kind: TrainingKind,
        size: int,
        tell: Callable[[TrainingProgress], None],
        cancel: Cancel,
    ) -> TrainedTokenizer | None:
        assert process.stdin is not None
        assert process.stdout is not None
        tell(TrainingProgress("starting"))
        try:
            process.stdin.write(json.dumps({"kind": kind, "size": size}).encode() + b"\n" + text)
            process.stdin.close()
        except OSError:  # it was ended meanwhile; the lines below say why
            pass
        rest: deque[str] = deque(maxlen=20)
        for line in _records(process.stdout, rest):
            if "result" in line:
                return _trained(kind, line["result"])
            if "failed" in line:
                rest.append(line["failed"])
            elif not cancel.is_set:
                tell(_progress(line))
        if cancel.is_set:
            return None
        if cancel.expired:
            raise DeadlineExceeded("The training took too long and was ended: take less text, or a smaller vocabulary.")
        log.warning("a %s tokenizer could not be trained: %s", kind, "\n".join(rest))
        if any(line.startswith(("MemoryError", "memory allocation")) for line in rest):
            raise InputError("The training needs more memory than a page may have: take less text.")
        if rest:
            raise InputError(
                f"No {KIND_TITLES[kind]} tokenizer could be learned from this text: take more text, or a smaller vocabulary."
            )
        raise InternalError


def _records(lines: IO[bytes], rest: deque[str]) -> Iterator[dict[str, Any]]:
    """What is JSON; anything else goes to `rest`, for the log."""
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if isinstance(record, dict):
            yield record
        else:
            rest.append(line.decode("utf-8", "replace").rstrip()[:300])


def _progress(line: dict[str, Any]) -> TrainingProgress:
    if "stage" not in line:
        return TrainingProgress(line["said"], line["fraction"])
    done, total = line["current"], line["total"]
    said = SAID.get(line["stage"], line["stage"].lower())
    if line["stage"] == "Compute merges":
        said = f"{said}: {done:,} of {total:,} tokens"
    return TrainingProgress(said, min(1.0, done / total) if total else None)


def _trained(kind: TrainingKind, result: dict[str, Any]) -> TrainedTokenizer:
    steps = result.get("steps")
    return TrainedTokenizer(
        kind,
        result["content"],
        result["size"],
        result["seconds"],
        result["shared"],
        None
        if steps is None
        else MergeSteps(
            _array(steps["merges"]).reshape(-1, 5),
            _array(steps["rivals"]).reshape(-1, RIVALS, 3),
            steps["first"],
            bytes(steps["order"]),
            tuple(steps["pieces"]),
            steps["whole"],
            steps["tokens"],
        ),
    )


def _array(packed: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed), dtype=np.int32)
