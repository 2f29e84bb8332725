"""The command `attention`: where the tokens of a text look in one model, as JSON, as a file of all weights, or as a summary."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, aclosing
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from playground.core.attention_types import PartMap, PartName
from playground.core.errors import InputError, NotHere, PlaygroundError, UnknownName
from playground.core.head_measures import MEASURES, label_of
from playground.given_text import given_text
from playground.service import Playground
from playground.service.attention import Looked, Order
from playground.service.attention_weights import npz

FAILED = 1
SESSION = "command-line"
_MISTAKES = (
    InputError,
    UnknownName,
    NotHere,
)  # the user's: status 2, as `service` ends them; all others are the model's
_TITLES = {PartName.ENCODER: "encoder", PartName.DECODER: "decoder", PartName.CROSS: "decoder to encoder"}


def register(app: typer.Typer, service: Callable[[], AbstractContextManager[Playground]]) -> None:
    """service: for one command, closed after it; what the user got wrong ends the program with status 2."""

    @app.command()
    def attention(
        text: Annotated[str, typer.Argument(help="The text; “-” reads standard input.")],
        model: Annotated[
            str, typer.Option(metavar="ID", help="A model of the catalog; `doctor` names those that are here.")
        ],
        target: Annotated[
            str, typer.Option(help="What an encoder-decoder wrote of it; without it, it writes that itself.")
        ] = "",
        out: Annotated[
            Path | None, typer.Option(metavar="FILE.npz", help="All weights: float32, by layer, head, query and key.")
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
    ) -> None:
        """Where each token of a text looks, in every layer and head of a model, and what kind of head each is."""
        text = given_text(text)
        with service() as playground:
            try:
                looked = asyncio.run(_look(playground, Order(model, text, target), out))
            except PlaygroundError as error:
                if isinstance(error, _MISTAKES):
                    raise
                print(error, file=sys.stderr, flush=True)
                raise typer.Exit(FAILED) from error
        if as_json:
            print(json.dumps(record(looked), indent=2, ensure_ascii=False, allow_nan=False), flush=True)
        else:
            print_summary(looked)


async def _look(playground: Playground, order: Order, out: Path | None) -> Looked:
    """Raises PlaygroundError."""
    if out is not None and (not out.name or (out.exists() and not out.is_file())):
        raise InputError(f"{out} is no file: name one to write the weights to.")
    desk = playground.attention
    looked = await desk.look(order, SESSION)
    if out is not None:
        unfinished = out.with_name(f"{out.name}.part")  # a file that is not whole never has the name that was asked for
        try:
            with unfinished.open("wb") as file:
                async with aclosing(npz(desk, looked, SESSION)) as pieces:
                    async for piece in pieces:
                        file.write(piece)
            os.replace(unfinished, out)
        except OSError as error:
            raise InputError(f"{out} cannot be written ({error.strerror}): name another file.") from error
        finally:
            unfinished.unlink(missing_ok=True)
    return looked


def record(looked: Looked) -> dict[str, Any]:
    """Layers and heads are counted from 0; a score that says nothing of this text is null."""
    tokens = [list(side.tokens) for side in looked.map.sides]
    return {
        "model": looked.order.model,
        "fingerprint": looked.stats.fingerprint,
        "tokens": tokens[0],
        **({"target": looked.order.target, "target_tokens": tokens[1]} if len(tokens) > 1 else {}),
        "note": looked.stats.note,
        "parts": [_part(one, looked) for one in looked.map.parts],
    }


def _part(one: PartMap, looked: Looked) -> dict[str, Any]:
    """scores: of each measure [layers][heads]."""
    part = one.part
    return {
        "name": str(part.name),
        "layers": part.layers,
        "heads": part.heads,
        "queries": len(looked.map.sides[part.queries]),
        "keys": len(looked.map.sides[part.keys]),
        "causal": part.causal,
        "scores": {
            measure.name: [[_number(score) for score in layer] for layer in one.scores[:, :, place]]
            for place, measure in enumerate(MEASURES)
        },
        "labels": _labels(one),
    }


def _labels(one: PartMap) -> list[list[str]]:
    return [[label_of(head) for head in layer] for layer in one.scores.tolist()]


def _number(score: np.floating) -> float | None:
    return None if np.isnan(score) else round(float(score), 6)


def print_summary(looked: Looked) -> None:
    """The tokens, and of each layer which heads are of which kind. Layers and heads are counted from 1, as on the page."""
    print(f"{looked.title}  ({looked.order.model})")
    for name, side in zip(("reads", "wrote"), looked.map.sides, strict=False):
        print(f"    {name} {len(side)} tokens: " + " ".join(map(_written, side.tokens)))
    if looked.stats.note:
        print(f"    {looked.stats.note}")
    for one in looked.map.parts:
        print(f"{_TITLES[one.part.name]}: {one.part.layers} layers of {one.part.heads} heads")
        for number, labels in enumerate(_labels(one), 1):
            kinds: dict[str, list[int]] = {}
            for head, label in enumerate(labels, 1):
                kinds.setdefault(label, []).append(head)
            named = [f"{label}: {' '.join(map(str, heads))}" for label, heads in kinds.items() if label]
            print(f"    layer {number:>2}  {', '.join(named) or '–'}")


def _written(token: str) -> str:
    """In one line, with its blanks to be seen."""
    return "“" + "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in token) + "”"
