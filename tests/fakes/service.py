"""A playground whose four tiers answer from a word list: for driving the page without models or network.

The text steers it: "slow" makes every tier take its time, "hang" never ends until stopped, "break" makes the pretrained tier
fail. `python -m tests.fakes.service PORT` serves the page over it; with `--spans` its tasks are those of `tests.fakes.spans` too.
"""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from starlette.responses import JSONResponse
from starlette.routing import Route

from playground.catalog import Catalog
from playground.core.calls import AblateEach, Look, Repeat, Rewrite
from playground.core.cards import Measured, ModelCard
from playground.core.label_task import LabelTask
from playground.core.registry import Registry
from playground.core.task import Example, Label
from playground.inspection.embeddings import LocalEmbeddings
from playground.inspection.tokens import ChildTrainer, LocalInspector
from playground.service import Playground
from playground.service.cards import pick
from playground.settings import Settings
from playground.tasks import find_tasks
from tests.fakes.ablation import fake_progress
from tests.fakes.answers import answers_task
from tests.fakes.gaps import gap_task
from tests.fakes.runtime import FakeRuntime
from tests.fakes.spans import classes_task, names_task
from tests.fakes.whole_texts import whole_text_tasks
from tests.fakes.word_tier import WordTier, four_tiers


class NoRuntime:
    """A runtime that is asked for nothing but looks inside, and what a look makes a model write."""

    def __init__(self):
        self.looks = FakeRuntime()
        self.hanging = FakeRuntime()  # grids of a text that says "hang": a first row, and then nothing until stopped

    def submit(self, call, emit, cancel):
        if not isinstance(call, Look | Repeat | Rewrite):
            raise AssertionError("the fake tiers need no runtime")
        if isinstance(call, AblateEach) and "hang" in call.text:
            self.hanging.script(events=(fake_progress(call)[0][0],), hold=True)
            return self.hanging.submit(call, emit, cancel)
        return self.looks.submit(call, emit, cancel)

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


class FakePlayground(Playground):
    """The real service, with fake tiers and a card and a snippet of their own."""

    def __init__(self, tiers: Sequence[WordTier] | None = None, urls: Sequence[str] = (), **settings) -> None:
        self.inside = NoRuntime()
        super().__init__(
            Settings(space_id=None, **settings),
            Catalog.read(Settings().catalog),
            self.inside,
            gateway=None,
            inspector=LocalInspector(),  # the real one: it reads with what is bundled, and loads no model
            trainer=ChildTrainer(),
            peek=LocalEmbeddings(),
        )
        self.tasks = Registry("task")
        self.tasks.add("sentiment", feeling())  # its own, so that a better example there breaks no test here
        self.tiers = Registry("tier")
        for tier in tiers if tiers is not None else four_tiers():
            self.tiers.add(tier.name, tier)
        self._urls = list(urls)

    def server_urls(self) -> list[str]:
        return self._urls

    def snippet(self, task, tier, text, model=None, session="", values=None):
        bound = self.task(task, values)
        checked = bound.check(text, self.settings.max_input_chars)
        fields = "".join(f"{name} = {value!r}\n" for name, value in bound.values)
        return f'"""{self.tier_titles[tier]}."""\n\ntext = {checked!r}\n{fields}print(text)\n'

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
        grids = service.inside.hanging.running
        return JSONResponse({"tiers": tiers, "keys": len(service._credentials._by_session), "grids": grids})

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
    options.add_argument("--whole", action="store_true", help="the tasks of tests.fakes.whole_texts too")
    options.add_argument("--answers", action="store_true", help="the task of tests.fakes.answers too")
    options.add_argument("--gaps", action="store_true", help="fill-mask too")
    options.add_argument("--writing", action="store_true", help="the tasks that write a text too")
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
    added = [names_task(), classes_task()] if chosen.spans else []
    added += [answers_task()] if chosen.answers else []
    added += [gap_task()] if chosen.gaps else []
    added += (
        [find_tasks().get(name) for name in ("generation", "summarization", "translation")] if chosen.writing else []
    )
    for task in added + (whole_text_tasks() if chosen.whole else []):
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
