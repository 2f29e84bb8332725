"""A tier that answers from a script: no model, no network, any fault on demand."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from playground.core.cancel import Cancel
from playground.core.errors import PlaygroundError
from playground.core.events import Cancelled, Emit, Emitter, Failed, Finished, Queued
from playground.core.segment import words
from playground.core.span_task import SpanTask
from playground.core.task import Task
from playground.core.types import Choice, Labels, LabelScore, Request, Source, Span, Spans, Stats, Support


class FakeTier:
    """Answers with the task's first label after `delay` seconds, or fails with `error`, or hangs until it is cancelled.

    A task of spans is answered with that label on the text's first word, or on each where every word has one.
    """

    def __init__(
        self,
        name: str,
        *,
        delay: float = 0.0,
        error: PlaygroundError | None = None,
        hangs: bool = False,
        source: Source = Source.BUNDLED,
        support: Support | None = None,
        raises: Exception | None = None,
    ) -> None:
        self.name = name
        self.seen: list[Request] = []
        self.running = 0
        self.closed = False
        self._lock = threading.Lock()
        self._delay, self._error, self._hangs, self._source, self._raises = delay, error, hangs, source, raises
        self._support = Support(True) if support is None else support

    def close(self) -> None:
        self.closed = True

    def supports(self, task: Task, session: str = "") -> Support:
        return self._support

    def choices(self, task: Task, session: str) -> Sequence[Choice]:
        return [Choice(f"fake/{self.name}", f"Fake {self.name}", self._source)]

    def start(self, task: Task, request: Request, emit: Emit, cancel: Cancel):
        if self._raises is not None:
            raise self._raises
        self.seen.append(request)
        emitter = Emitter(emit)
        emitter(Queued())
        with self._lock:
            self.running += 1

        ended = False

        def last(event):
            nonlocal ended
            with self._lock:  # before it is heard: who hears it finds this one gone
                self.running -= not ended
                ended = True
            emitter(event)

        cancel.on_set(lambda: last(Cancelled()))
        if not self._hangs:
            timer = threading.Timer(self._delay, lambda: last(self._answer(task, request)))
            timer.daemon = True
            timer.start()
        return cancel_handle(cancel)

    def _answer(self, task: Task, request: Request):
        stats = Stats(model=f"fake/{self.name}", source=self._source, latency_seconds=self._delay)
        if self._error is not None:
            return Failed(error=self._error, stats=stats)
        label = task.labels[0].name
        if isinstance(task, SpanTask):
            return Finished(output=self._spans(task, request.text), stats=stats)
        return Finished(output=Labels(label, (LabelScore(label, 0.75), LabelScore("other", 0.25))), stats=stats)

    def _spans(self, task: SpanTask, text: str) -> Spans:
        places = words(text) if task.every_word else words(text)[:1]
        label = task.labels[0].name
        spans = tuple(Span(start, end, label, text[start:end], 0.75) for start, end in places)
        return Spans(spans, tuple(label.name for label in task.labels))


class cancel_handle:  # noqa: N801 - a function with one method
    def __init__(self, cancel: Cancel) -> None:
        self.cancel = cancel.set
