"""Texts from a list of words, one word at a time: what the fake tiers write. Tiers differ in where they begin.

The text steers it: "slow" writes with a pause of a tenth of a second behind each word, "long" until the length is reached.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from playground.core.writing_task import SENTENCES, WritingTask
from playground.core.writing_types import Text, TokenChoice, WrittenToken

WORDS = (
    "and then the rain stopped , said <b>bold</b> she 🙂 <script>x()</script> \n\n Nobody knew why מים the lamp “was” still\n"
    "burning in the hall & nobody asked".split(" ")
)
STARTS = {"hosted": 3, "pretrained": 0, "finetuned": 0, "scratch": 9}
PAUSE = 0.1


def tokens_of(task: WritingTask, text: str, tier: str) -> Iterator[WrittenToken]:
    """Each a blank and a word, with alternatives where they are wanted; the stand-in tells none."""
    writing = task.writing
    start = STARTS[tier] + writing.seed
    count = writing.length if "long" in text else min(writing.length, 14 if tier == "finetuned" else 12)
    for place in range(count):
        word = WORDS[(start + place) % len(WORDS)]
        said = word if word.startswith("\n") else f" {word}"
        p = round((0.97, 0.62, 0.31, 0.11, 0.012)[(start + place) % 5], 3)
        others = tuple(
            TokenChoice(other, round((1 - p) / (rank + 2), 4))
            for rank, other in enumerate((" never", "\n", "<i>x</i>", " مرحبا"))
        )
        told = writing.details and tier != "hosted"
        yield WrittenToken(said, p, (TokenChoice(said, p), *others)) if told else WrittenToken(said)


def write(
    task: WritingTask, text: str, tier: str, say: Callable[[WrittenToken], None], wait: Callable[[float], bool]
) -> Text | None:
    """`say` hears each token; `wait` sleeps so long, True where it was stopped meanwhile. None where it was."""
    if tier == "pretrained" and any(field.name == SENTENCES for field in task.fields):
        return picked(text, int(dict(task.bound(dict(task.values)).values)[SENTENCES]))
    found: list[WrittenToken] = []
    for token in tokens_of(task, text, tier):
        if wait(PAUSE if "slow" in text else 0.002):
            return None
        say(token)
        found.append(token)
    told = tuple(found) if found and found[0].probability is not None else ()
    ended = "length" if len(found) == task.writing.length else "stop"
    return Text("".join(token.text for token in found), told, ended)


def picked(text: str, most: int) -> Text:
    """Every other sentence."""
    places = [match.span() for match in re.finditer(r"[^.!?\s][^.!?]*[.!?]*", text)][::2][:most]
    return Text(" ".join(text[start:end] for start, end in places), ended="stop", picked=tuple(places))
