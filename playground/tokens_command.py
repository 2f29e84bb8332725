"""The command `tokens`: a text as tokenizers read it, as JSON or as a table."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Annotated, Any

import numpy as np
import regex
import typer

from playground.core.errors import PlaygroundError
from playground.core.token_text import shown
from playground.core.token_types import Flag, Reading
from playground.given_text import given_text
from playground.service import Playground

FAILED = 1
_WORD = regex.compile(r"[\w\p{M}]+(?:['’][\w\p{M}]+)*")
_KINDS = {
    Flag.SPECIAL: "special",
    Flag.UNKNOWN: "unknown",
    Flag.CONTINUES: "continues",
    Flag.SPLIT: "splits a character",
}
_KINDS |= {Flag.SHARED: "shares its place"}


def register(app: typer.Typer, service: Callable[[], AbstractContextManager[Playground]]) -> None:
    """service: for one command, closed after it; what the user got wrong ends the program with status 2."""

    @app.command()
    def tokens(
        text: Annotated[str, typer.Argument(help="The text; “-” reads standard input.")],
        tokenizer: Annotated[
            list[str] | None,
            typer.Option(
                "--tokenizer",
                metavar="ID",
                help="May be given several times: a model's name, or a hub id that is here.",
            ),
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
    ) -> None:
        """A text as tokenizers read it, side by side: ids, bytes, counts."""
        text = given_text(text)
        with service() as playground:
            desk = playground.tokens
            names = [desk.get(name).id for name in tokenizer] if tokenizer else desk.defaults()
            readings = desk.read(text, names)
            text = desk.check(text)
        if as_json:
            print(json.dumps(record(text, names, readings), indent=2, ensure_ascii=False), flush=True)
        else:
            print_table(names, readings)
        if any(isinstance(reading, PlaygroundError) for reading in readings):
            raise typer.Exit(FAILED)


def record(text: str, names: Sequence[str], readings: Sequence[Reading | PlaygroundError]) -> dict[str, Any]:
    rows = []
    for name, reading in zip(names, readings, strict=True):
        if isinstance(reading, PlaygroundError):
            error = {"kind": reading.kind, "message": str(reading)}
            rows.append({"tokenizer": name, "tokens": [], "counts": None, "error": error})
        else:
            rows.append({"tokenizer": name, "tokens": _tokens(reading), "counts": counts(reading), "error": None})
    return {"text": text, "tokenizers": rows}


def counts(reading: Reading) -> dict[str, Any]:
    """special: among `tokens`; what was not counted is None. round_trip: decoding gives the text back."""
    special, unknown = (int(((reading.flags & flag) != 0).sum()) for flag in (Flag.SPECIAL, Flag.UNKNOWN))
    own, size, words = len(reading) - special, len(reading.bytes), len(_WORD.findall(reading.text))
    return {
        "tokens": len(reading),
        "special": special,
        "unknown": unknown,
        "characters": len(reading.text),
        "bytes": size,
        "words": words,
        "bytes_per_token": round(size / own, 4) if own else None,
        "tokens_per_word": round(own / words, 4) if words else None,
        "vocabulary": reading.vocabulary,
        "round_trip": None if reading.vocabulary is None else reading.decoded is None,
    }


def _tokens(reading: Reading) -> list[dict[str, Any]]:
    data = reading.bytes
    starts = np.flatnonzero((np.frombuffer(data, dtype=np.uint8) & 0xC0) != 0x80)  # of characters, in bytes
    begins, ends = reading.spans[:, 0], reading.spans[:, 1]
    last = np.searchsorted(starts, ends, "left")  # a character that is held in part counts
    first = np.where(ends > begins, np.searchsorted(starts, begins, "right") - 1, last)
    rows = []
    for place, (number, start, end) in enumerate(
        zip(reading.ids.tolist(), begins.tolist(), ends.tolist(), strict=True)
    ):
        special = bool(reading.flags[place] & Flag.SPECIAL)
        rows.append(
            {
                "id": number if number >= 0 else None,
                "surface": shown(data[start:end]) if end > start or not special else reading.forms.get(number, ""),
                "byte_start": start,
                "byte_end": end,
                "char_start": int(first[place]),
                "char_end": int(last[place]),
                "special": special,
            }
        )
    return rows


def print_table(names: Sequence[str], readings: Sequence[Reading | PlaygroundError]) -> None:
    """A block for each tokenizer: its counts, and a line for each token."""
    for number, (name, reading) in enumerate(zip(names, readings, strict=True)):
        print("" if number == 0 else "\n", end="")
        if isinstance(reading, PlaygroundError):
            print(f"{name}\n    {reading}")
            continue
        found = counts(reading)
        per = "" if found["bytes_per_token"] is None else f", {found['bytes_per_token']:.2f} bytes each"
        trip = {None: "", True: ", gives the text back", False: ", does not give the text back"}[found["round_trip"]]
        print(f"{name}  ({reading.family})\n    {found['tokens']:,} tokens{per}{trip}")
        for place, row in enumerate(_tokens(reading)):
            kinds = ", ".join(word for flag, word in _KINDS.items() if reading.flags[place] & flag)
            span = f"[{row['byte_start']}:{row['byte_end']}]"
            identity = "–" if row["id"] is None else row["id"]
            print(f"    {identity:>7}  {span:<13} {_written(row['surface']):<24} {kinds}".rstrip())


def _written(surface: str) -> str:
    """In one line, with its blanks to be seen; a byte that is no whole character stays “\\xE2”."""
    return "“" + "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in surface) + "”"
