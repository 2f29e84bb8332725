"""A playground whose four tiers answer from a word list: for driving the page without models or network.

The text steers it: "slow" makes every tier take its time, "hang" never ends until stopped, "break" makes the pretrained tier
fail. `python -m tests.fakes.service PORT` serves the page over it; with `--spans` its tasks are those of `tests.fakes.spans` too.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import json
import math
import re
import threading
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from starlette.responses import JSONResponse
from starlette.routing import Route

from playground.catalog import Catalog
from playground.core.cancel import Cancel
from playground.core.cards import Measured, ModelCard
from playground.core.errors import LoadFailed, NotHere
from playground.core.events import Cancelled, Emit, Emitter, Event, Failed, Finished, Loading, Progress, Queued
from playground.core.registry import Registry
from playground.core.span_task import SpanTask
from playground.core.task import Example, Label, LabelTask, Task
from playground.core.types import Answer, Choice, Labels, LabelScore, Request, Source, Stats, Support
from playground.service import Playground
from playground.service.cards import pick
from playground.settings import Settings
from tests.fakes.runtime import FakeRuntime
from tests.fakes.spans import classes_task, fake_spans, names_task

GOOD = {"good", "great", "loved", "love", "tender", "funny", "praise", "nice", "fine", "wrong"}
BAD = {"bad", "brutal", "dull", "gone", "nobody", "deletes", "awful", "never", "slapped", "waiting"}


class NoRuntime:
    """A runtime that is never asked."""

    def submit(self, call, emit, cancel):
        raise AssertionError("the fake tiers need no runtime")

    def status(self):
        return []

    def report(self):
        return FakeRuntime().report()

    def expected_wait(self, user=""):
        return None

    def pin(self, key, pinned):
        return False

    def unload(self, key=None):
        return 0

    def warm(self, refs, *, pin=False):
        pass

    def close(self):
        pass


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
    pool: Executor | None = None  # whose threads do the work; None: a thread for each request

    def close(self) -> None:
        pass

    def supports(self, task: Task) -> Support:
        return Support(True)

    def choices(self, task: Task, session: str) -> Sequence[Choice]:
        return self.rows

    def start(self, task: Task, request: Request, emit: Emit, cancel: Cancel):
        emitter = Emitter(emit)
        self.seen.append(request)
        self.running += 1
        gone = threading.Event()
        known = request.model is None or request.model in [row.id for row in self.rows]

        def last(event: Event) -> None:
            if emitter(event):
                self.running -= 1
            gone.set()

        cancel.on_set(lambda: last(Cancelled()))
        work = (self._work, task, request, emitter, last, gone, known)
        if self.pool is None:
            threading.Thread(target=work[0], args=work[1:], daemon=True).start()
        else:
            self.pool.submit(*work)
        return cancel

    def _work(self, task, request, emitter, last, gone, known):
        slow = 0.5 if "slow" in request.text else 0.0
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
        last(Finished(output=self._answer(task, request.text), stats=self._measured(request, cold)))

    def _answer(self, task: Task, text: str) -> Answer:
        if isinstance(task, SpanTask):
            return fake_spans(task, text, self.name, scored=not self.stats.request_json)
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


class FakePlayground(Playground):
    """The real service, with fake tiers and a card and a snippet of their own."""

    def __init__(self, tiers: Sequence[WordTier] | None = None, urls: Sequence[str] = (), **settings) -> None:
        super().__init__(
            Settings(space_id=None, **settings), Catalog.read(Settings().catalog), NoRuntime(), gateway=None
        )
        self.tasks = Registry("task")
        self.tasks.add("sentiment", feeling())  # its own, so that a better example there breaks no test here
        self.tiers = Registry("tier")
        for tier in tiers if tiers is not None else four_tiers():
            self.tiers.add(tier.name, tier)
        self._urls = list(urls)

    def server_urls(self) -> list[str]:
        return self._urls

    def snippet(self, task, tier, text, model=None, session=""):
        checked = self.tasks.get(task).check(text, self.settings.max_input_chars)
        return f'"""{self.tier_titles[tier]}."""\n\ntext = {checked!r}\nprint(text)\n'

    def model_card(self, task, tier, model=None, session=""):
        choice = pick(self.choices(task, tier, session), model)
        trained = {
            "pretrained": "sentences of film and shop reviews",
            "finetuned": "informal comments",
            "scratch": "informal comments",
        }
        return ModelCard(
            title=choice.title,
            model=choice.id,
            source=choice.source,
            licence="Apache-2.0",
            parameters=22_860_000,
            size_bytes=600_000,
            provenance="this project's recipe",
            trained_on=trained.get(tier),
            train_seconds=450.0,
            metrics=(Measured("accuracy", "SST-2 test", 0.894, 1821, (("majority", 0.501), ("naive Bayes", 0.82))),),
            markdown=f"# {choice.title}\n\nRecipe, seed, data and licence.",
        )


def feeling() -> LabelTask:
    return LabelTask(
        name="sentiment",
        title="Sentiment",
        question="Is the text positive or negative?",
        placeholder="Type a sentence, or paste several lines to run each by itself.",
        labels=(Label("negative", "Something is bad."), Label("positive", "Something is good.")),
        examples=(
            Example(
                "film review",
                "A tender, funny film with a cast that never puts a foot wrong.",
                "positive",
                "Edited prose.",
            ),
            Example(
                "informal praise",
                "ngl the queue was brutal but that show slapped, would stand in the rain again",
                "positive",
                "Slang turns negative words around: brutal, slapped.",
            ),
        ),
        instruction="Judge the sentiment.",
    )


def toy_task() -> LabelTask:
    """A second task, as one that is added at run time."""
    return LabelTask(
        name="weather",
        title="Weather",
        question="What weather does the text speak of?",
        placeholder="Type a forecast.",
        labels=(Label("rain", "Water falls."), Label("snow", "Flakes fall."), Label("sun", "Nothing falls.")),
        examples=(Example("a fine day", "great blue sky", "sun"),),
        instruction="Name the weather.",
    )


def status_route(service: FakePlayground) -> Route:
    """What a test asks of the fake behind the page: `/fake` tells what its tiers have seen and still run."""

    async def told(request):
        tiers = {
            tier.name: {"running": tier.running, "seen": [[seen.text, seen.model] for seen in tier.seen]}
            for tier in service.tiers
        }
        return JSONResponse({"tiers": tiers, "keys": len(service._credentials._by_session)})

    return Route("/fake", told)


def main() -> None:
    import gradio as gr
    import uvicorn
    from fastapi import FastAPI

    from playground.ui import build, launch_options

    options = argparse.ArgumentParser()
    options.add_argument("port", type=int)
    options.add_argument("--lines", type=int, default=200)
    options.add_argument("--url", action="append", default=[])
    options.add_argument("--toy", action="store_true")
    options.add_argument("--spans", action="store_true")
    options.add_argument("--under", default=None, help="a path such as /space: the page is mounted there")
    options.add_argument("--delay", type=float, default=None, help="seconds that every tier takes, and none loads")
    chosen = options.parse_args()
    tiers = four_tiers()
    if chosen.delay is not None:
        for tier in tiers:
            tier.delay, tier.loads, tier.pool = chosen.delay, False, ThreadPoolExecutor(8)
    service = FakePlayground(tiers, urls=chosen.url, port=chosen.port, max_lines=chosen.lines, host="127.0.0.1")
    if chosen.toy:
        service.tasks.add("weather", toy_task())
    for task in (names_task(), classes_task()) if chosen.spans else ():
        service.tasks.add(task.name, task)
    wanted = launch_options(service)
    wanted["app_kwargs"]["routes"].append(status_route(service))
    if chosen.under is None:
        build(service).launch(**wanted)
        return
    known = inspect.signature(gr.mount_gradio_app).parameters
    mounted = {
        name: value for name, value in wanted.items() if name in known and name not in ("server_name", "server_port")
    }
    app = gr.mount_gradio_app(FastAPI(), build(service), path=chosen.under, **mounted)
    uvicorn.run(app, host="127.0.0.1", port=chosen.port, log_level="warning", timeout_graceful_shutdown=1)


if __name__ == "__main__":
    main()
