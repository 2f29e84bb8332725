"""The command line: the same service without a page.

JSON goes to standard output alone, logs and progress to standard error. Exit status: 0, 1 where a tier failed (or cannot serve
the task, and was asked for by name), 2 for bad usage.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from playground import attention_command, tokens_command
from playground.catalog import Catalog
from playground.compose import compose, compose_or_exit, quiet_network, set_up_logging
from playground.core.errors import InputError, NotSupported, PlaygroundError
from playground.core.run import TierResult
from playground.core.words import TIER_TITLES
from playground.given_text import given_text
from playground.service import Playground
from playground.settings import Settings
from playground.terminal import print_record

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)

Task = Annotated[str, typer.Argument(help="The task, e.g. sentiment.")]
Tiers = Annotated[list[str] | None, typer.Option("--tier", help="Only this tier; may be given several times.")]
Model = Annotated[str | None, typer.Option(help="A model that one of the tiers offers.")]
Value = Annotated[
    list[str] | None,
    typer.Option(
        "--value", metavar="FIELD=TEXT", help="For tasks with fields, e.g. labels=a,b; the same again adds a line."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]

FAILED, BAD_USAGE = 1, 2


@contextmanager
def _service(**changes: Any) -> Iterator[Playground]:
    """A service for one command, closed after it; what the user got wrong ends the program with status 2."""
    settings = _settings(**changes)
    try:
        service = compose(settings)
        try:
            yield service
        finally:
            service.close()
    except PlaygroundError as error:
        _fail(error)


def _settings(**changes: Any) -> Settings:
    try:
        settings = Settings(**{name: value for name, value in changes.items() if value is not None})
    except ValueError as error:
        _say(f"A setting is wrong: {error}")
        raise typer.Exit(BAD_USAGE) from error
    set_up_logging(settings.log_level)
    quiet_network(settings)
    return settings


def _figure(value: float) -> str:
    """Shares and bits with three digits, BLEU's 0..100 with one."""
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _fail(error: PlaygroundError, status: int = BAD_USAGE) -> NoReturn:
    _say(str(error))
    raise typer.Exit(status)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False), flush=True)


@app.command()
def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; anything but loopback makes a public server.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask the network for nothing.")] = False,
) -> None:
    """Open the page: the same as `python app.py`."""
    settings = _settings(host=host, port=port, offline=offline or None)
    from playground.serve import serve as serve_page
    from playground.ui import build

    service = compose_or_exit(settings)
    serve_page(build(service), service)


@app.command()
def run(
    task: Task,
    text: Annotated[str, typer.Argument(help="The input; “-” reads standard input.")],
    tier: Tiers = None,
    model: Model = None,
    context: Annotated[
        str | None, typer.Option(help="For tasks that read a text beside the input: the same as --value context=TEXT.")
    ] = None,
    value: Value = None,
    as_json: Json = False,
) -> None:
    """One input through the tiers, side by side."""
    text = given_text(text)
    with _service() as service:
        names = tier or service.tiers.names()
        models = service.models_by_tier(task, names, model)
        values = _values(value) | ({} if context is None else {"context": context})
        handle = service.start(
            task, text, session="command-line", emit=lambda event: None, models=models, tiers=names, values=values
        )
        while not handle.wait(0.1):  # in slices, so that Ctrl+C is heard
            pass
        record = handle.record()
        noun = getattr(service.tasks.get(task), "noun", ("label", "labels"))
    if as_json:
        _print_json(record.json())
    else:
        print_record(record, noun)
    if _failed(record.results, tier):
        raise typer.Exit(FAILED)


def _values(given: list[str] | None) -> dict[str, str]:
    """Raises InputError."""
    values: dict[str, str] = {}
    for one in given or ():
        name, sign, text = one.partition("=")
        if not sign:
            raise InputError(f"--value {one:.40} has no “=”: write --value FIELD=TEXT.")
        values[name] = f"{values[name]}\n{text}" if name in values else text
    return values


def _failed(results: Sequence[TierResult], asked_for: list[str] | None) -> bool:
    """A tier that cannot serve the task has said why, and is no failure: but where it was asked for, or no other answered."""
    errors = [result.error for result in results if result.error is not None]
    real = [error for error in errors if not isinstance(error, NotSupported)]
    return bool(real) or (bool(errors) and (asked_for is not None or len(errors) == len(results)))


@app.command()
def bench(
    task: Task,
    data: Annotated[Path, typer.Option(help="JSON lines, one example a line.")],
    tier: Tiers = None,
    model: Model = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N examples.")] = None,
    value: Value = None,
    as_json: Json = False,
) -> None:
    """A file of examples through the tiers: metrics, latency, throughput."""
    with _service() as service:
        result = asyncio.run(
            service.bench(task, data, tiers=tier, model=model, limit=limit, values=_values(value), say=_say)
        )
    if as_json:
        _print_json(result)
    else:
        for name, row in result["tiers"].items():
            metrics = "  ".join(f"{metric} {_figure(value)}" for metric, value in row["metrics"].items())
            metrics += f"  perplexity {row['perplexity']['value']:.1f}" if "perplexity" in row else ""
            speed = f"p50 {row['latency_ms']['p50']} ms  {row['examples_per_second']}/s"
            said = f"{metrics}  {speed}  errors {row['errors']}" if metrics else row["error"]
            print(f"{TIER_TITLES[name]:<13} {said}")
    rows = [row for row in result["tiers"].values() if row["supported"] or tier is not None]
    if not rows or any(row["errors"] for row in rows):
        raise typer.Exit(FAILED)


tokens_command.register(app, _service)
attention_command.register(app, _service)


@app.command()
def train(
    recipe: Annotated[str | None, typer.Argument(help="A recipe's name.")] = None,
    show_list: Annotated[bool, typer.Option("--list", help="Name the recipes.")] = False,
    data: Annotated[
        Path | None, typer.Option(help="Folder with the data sets; without it they come from the hub.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where the checkpoint goes; default: trained/RECIPE.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Stop after so long; --resume goes on.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last saved state.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    tokenizer: Annotated[
        Path | None, typer.Option(help="From scratch: a tokenizer.json of our own BPE, in place of learning one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Train a bundled checkpoint again, by its recipe."""
    from playground import training

    settings = _settings()
    recipes = {info.name: info for info in training.recipes()}
    if show_list or recipe is None:
        rows = [
            {"name": info.name, "title": info.title, "data": info.data, "minutes": info.minutes}
            for info in recipes.values()
        ]
        _print_json(rows) if as_json else print("\n".join(f"{row['name']:<20} {row['title']}" for row in rows))
        raise typer.Exit(0 if show_list else BAD_USAGE)
    if recipe not in recipes:
        _say(f"There is no recipe called “{recipe}”: choose one of {', '.join(recipes)}.")
        raise typer.Exit(BAD_USAGE)
    said = 0.0

    def progress(step: Any) -> None:
        nonlocal said
        if time.monotonic() - said > 5:
            said = time.monotonic()
            _say(str(step))

    try:
        summary = training.run(
            recipe,
            data=data,
            out=out or settings.trained / recipe,
            minutes=minutes,
            resume=resume,
            seed=seed,
            **({} if tokenizer is None else {"tokenizer": tokenizer}),
            progress=progress,
            cancelled=lambda: False,
        )
    except PlaygroundError as error:
        _fail(error)
    else:
        _print_json(summary) if as_json else _say(json.dumps(summary, indent=2))


@app.command()
def prefetch(
    tasks: Annotated[list[str] | None, typer.Argument(help="Tasks; none: all.")] = None, as_json: Json = False
) -> None:
    """Fetch the hub checkpoints of tasks ahead of time, and check the digests of what is bundled."""
    from playground.service.prefetch import prefetch as fetch
    from playground.tasks import find_tasks

    settings = _settings()
    known = find_tasks()
    try:
        names = [known.get(name).name for name in tasks or known.names()]
        rows = fetch(Catalog.read(settings.catalog), names, _say)
    except PlaygroundError as error:
        _fail(error)
    if as_json:
        _print_json([{"id": row.id, "folder": row.folder, "problem": row.problem} for row in rows])
    else:
        for row in rows:
            print(f"{row.id}: {row.problem or 'here'}")
    if any(row.problem for row in rows):
        raise typer.Exit(FAILED)


@app.command()
def doctor(as_json: Json = False) -> None:
    """What a run will find on this machine."""
    from playground.service.doctor import report

    settings = _settings()
    try:
        found = report(settings, Catalog.read(settings.catalog))
    except PlaygroundError as error:
        _fail(error)
    if as_json:
        _print_json(found)
    else:
        print(f"Python {found['python']}, {found['cores']} cores; hosted tier: {found['hosted']}")
        for task in found["tasks"]:
            models = "; ".join(f"{tier} {', '.join(ids) or 'nothing here'}" for tier, ids in task["models"].items())
            print(f"  {task['name']}: {models}")
        for row in found["checkpoints"]:
            state = row["problem"] or (
                "here" if row["here"] else "not here: `python -m playground prefetch` fetches it"
            )
            print(f"  {row['id']}: {state}")
        print("\n".join(found["problems"]) or "No problems.")
    if found["problems"]:
        raise typer.Exit(FAILED)


if __name__ == "__main__":
    app()
