"""A tier that answers from a word list, and four of them that differ: no model, no network.

The text steers it: "slow" makes it take its time, "hang" never ends until stopped, "break" makes the pretrained tier fail.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import threading
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace

from playground.core.cancel import Cancel
from playground.core.errors import LoadFailed, NotHere
from playground.core.events import Cancelled, Emit, Emitter, Event, Failed, Finished, Loading, Partial, Progress, Queued
from playground.core.extract_task import ExtractTask
from playground.core.fill_task import FillTask
from playground.core.span_task import SpanTask
from playground.core.task import Task
from playground.core.types import Answer, Choice, Labels, LabelScore, MultiLabels, Request, Source, Stats, Support
from tests.fakes.answers import fake_extracted
from tests.fakes.gaps import fake_choices
from tests.fakes.spans import fake_spans
from tests.fakes.whole_texts import fake_answer
from tests.fakes.written import write

GOOD = {"good", "great", "loved", "love", "tender", "funny", "praise", "nice", "fine", "wrong"}
BAD = {"bad", "brutal", "dull", "gone", "nobody", "deletes", "awful", "never", "slapped", "waiting"}


@dataclass
class WordTier:
    """`bias` shifts its opinion, `delay` is its latency in seconds, `loads` whether its first run shows a load."""

    name: str
    rows: tuple[Choice, ...]
    bias: float = 0.0
    delay: float = 0.01
    loads: bool = True
    stats: Stats = Stats()
    running: int = 0
    started: int = 0
    seen: list[Request] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    pool: Executor | None = None  # whose threads do the work; None: a thread for each request

    def close(self) -> None:
        pass

    def supports(self, task: Task, session: str = "") -> Support:
        return Support(True)

    def choices(self, task: Task, session: str) -> Sequence[Choice]:
        return self.rows

    def start(self, task: Task, request: Request, emit: Emit, cancel: Cancel):
        emitter = Emitter(emit)
        self.seen.append(request)
        with self.lock:
            self.running += 1
        gone = threading.Event()
        known = request.model is None or request.model in [row.id for row in self.rows]

        def last(event: Event) -> None:
            with self.lock:  # before it is heard: who hears it finds this one gone
                self.running -= not gone.is_set()
                gone.set()
            emitter(event)

        cancel.on_set(lambda: last(Cancelled()))
        work = (self._work, task, request, emitter, last, gone, known)
        if self.pool is None:
            threading.Thread(target=work[0], args=work[1:], daemon=True).start()
        else:
            self.pool.submit(*work)
        return cancel

    def _work(self, task, request, emitter, last, gone, known):
        slow = 0.5 if "slow" in request.text and task.writing is None else 0.0
        emitter(Queued(ahead=0))
        if not known:
            last(Failed(error=NotHere(f"{request.model} is not on this machine: choose another model."), stats=Stats()))
            return
        cold = self.loads and self.started == 0
        self.started += 1
        if cold or slow:
            for step in range(5):
                if gone.wait(0.02 + slow / 4):
                    return
                emitter(Loading(what="importing torch" if step == 0 else "reading weights", fraction=step / 4))
        emitter(Progress(what="classifying"))
        if "hang" in request.text and self.name != "pretrained":
            gone.wait(60)
            return
        if gone.wait(self.delay + slow):
            return
        if "break" in request.text and self.name == "pretrained":
            last(
                Failed(
                    error=LoadFailed("The file model.safetensors is cut off: run `prefetch` to fetch it again."),
                    stats=Stats(),
                )
            )
            return
        if task.writing is not None:
            self._write(task, request, emitter, last, gone, cold)
            return
        last(Finished(output=self._answer(task, request.text), stats=self._measured(request, cold)))

    def _write(self, task, request, emitter, last, gone, cold):
        told = task.writing.details and not self.stats.request_json

        def say(token):
            emitter(Partial(delta=token.text, tokens=(token,) if told else ()))

        output = write(task, request.text, self.name, say, gone.wait)
        if output is None:
            return
        counted = {"tokens_in": len(request.text) // 4, "tokens_out": len(output.text) // 4}
        fast = {} if output.picked else {"time_to_first_token_seconds": 0.021, "tokens_per_second": 41.2}
        last(Finished(output=output, stats=replace(self._measured(request, cold), **counted, **fast)))

    def _answer(self, task: Task, text: str) -> Answer:
        if isinstance(task, SpanTask):
            return fake_spans(task, text, self.name, scored=not self.stats.request_json)
        if isinstance(task, ExtractTask):
            return fake_extracted(text, task.context, self.name, scored=not self.stats.request_json)
        if isinstance(task, FillTask):
            return fake_choices(task, text, self.name, scored=not self.stats.request_json)
        if task.kind == MultiLabels.kind or task.name in ("intent", "zero-shot"):
            return fake_answer(task, text, self.name, scored=not self.stats.request_json)
        return self._labels(task, text)

    def _labels(self, task: Task, text: str) -> Labels:
        words = re.findall(r"[a-z']+", text.lower())
        logit = self.bias + sum(word in GOOD for word in words) - sum(word in BAD for word in words)
        p = 1 / (1 + math.exp(-logit))
        names = [label.name for label in task.labels]
        rest = [(1 - p) / (len(names) - 1)] * (len(names) - 1)
        scores = sorted(zip(names, [*rest, p], strict=True), key=lambda row: -row[1])
        source = "stated" if self.stats.request_json else "computed"
        return Labels(scores[0][0], tuple(LabelScore(name, score) for name, score in scores), source)

    def _measured(self, request: Request, cold: bool) -> Stats:
        model = request.model or self.rows[0].id
        stats = replace(
            self.stats,
            model=model,
            source=next(row.source for row in self.rows if row.id == model),
            latency_seconds=self.delay,
            queue_seconds=0.0004,
            cache_hit=not cold,
            load_seconds=1.24 if cold else None,
        )
        if stats.request_json:
            body = {"model": model, "messages": [{"role": "user", "content": request.text}]}
            return replace(stats, request_json=json.dumps(body), tokens_in=len(request.text) // 4 + 40, tokens_out=9)
        return replace(stats, fingerprint=hashlib.sha256(model.encode()).hexdigest()[:16])


def four_tiers() -> list[WordTier]:
    reply = json.dumps({"choices": [{"message": {"content": '{"label": "positive", "confidence": 0.6}'}}]})
    return [
        WordTier(
            "hosted",
            (Choice("stand-in", "bundled generalist over HTTP, no key needed", Source.STAND_IN),),
            bias=-0.2,
            delay=0.031,
            loads=False,
            stats=Stats(request_json="{}", response_json=reply),
        ),
        WordTier(
            "pretrained",
            (
                Choice("minilm-sst", "MiniLM-L6 + LoRA, films and shop reviews", Source.BUNDLED),
                Choice(
                    "distilbert",
                    "distilbert-base-uncased-finetuned-sst-2-english",
                    Source.HUB,
                    False,
                    "not on this machine",
                ),
            ),
            bias=-0.4,
            delay=0.009,
            stats=Stats(
                parameters=22_860_000,
                adapter_parameters=147_000,
                resident_bytes=91_400_000,
                adapter_bytes=600_000,
                cost_usd=0.0,
                device="cpu",
                dtype="float32",
                revision="1110a243",
            ),
        ),
        WordTier(
            "finetuned",
            (
                Choice("minilm-goemotions", "MiniLM-L6 + LoRA, informal comments", Source.BUNDLED),
                Choice("mine", "my-run-3", Source.TRAINED_HERE),
            ),
            bias=2.2,
            delay=0.0102,
            stats=Stats(
                parameters=23_100_000,
                adapter_parameters=390_000,
                resident_bytes=92_400_000,
                adapter_bytes=1_560_000,
                cost_usd=0.0,
                device="cpu",
                dtype="float32",
            ),
        ),
        WordTier(
            "scratch",
            (Choice("scratch-2l", "our encoder, 2 layers, own BPE", Source.BUNDLED),),
            bias=1.6,
            delay=0.002,
            stats=Stats(parameters=2_100_000, resident_bytes=8_400_000, cost_usd=0.0, device="cpu", dtype="float32"),
        ),
    ]
