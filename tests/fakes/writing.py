"""Texts from a short list of words: what the fake runtime writes, picks and foresees. The same call gives the same text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from playground.core.calls import Foresee, Generate, Pick, Rewrite
from playground.core.events import Partial
from playground.core.writing_types import Foreseen, Text, TokenChoice, Writing, WrittenToken

WORDS = "the sea was <b>calm</b> and a café stood there 水 said he שלום to nobody in Concord it rained on 🙂".split()
SENTENCE = re.compile(r"[^.!?\n]*[.!?]?")


def fake_text(call: Generate | Rewrite) -> Text:
    """Of 12 to 43 words, or of the length that was asked for; with chance, each seed has its own."""
    writing = call.writing
    chance = writing.temperature > 0 and writing.beams == 1
    marks = _digest(f"{call.model.id} {call.text} {writing.seed if chance else ''}", 2 + 2 * 43)
    own = 12 + marks[0] % 32
    count = min(own, writing.length)
    ahead = isinstance(call, Generate)  # words go on behind a prompt
    tokens = tuple(_token(marks[2 + 2 * n : 4 + 2 * n], " " if n or ahead else "") for n in range(count))
    text = "".join(token.text for token in tokens)
    return Text(text, tokens if writing.details else (), "stop" if own <= writing.length else "length")


def partials(output: Text, writing: Writing) -> Iterator[Partial]:
    """A text word by word; none of beams, which are known in the end."""
    if writing.beams > 1:
        return
    if output.tokens:
        yield from (Partial(delta=token.text, tokens=(token,)) for token in output.tokens)
    else:
        yield from (Partial(delta=word) for word in re.findall(r"\s*\S+|\s+$", output.text))


def fake_picked(call: Pick) -> Text:
    """The longest sentences, in their order."""
    spans = [m.span() for m in SENTENCE.finditer(call.text) if m.group().strip()]
    spans = [(a + len(call.text[a:b]) - len(call.text[a:b].lstrip()), b) for a, b in spans]
    longest = sorted(sorted(spans, key=lambda span: span[0] - span[1])[: call.most])
    return Text(" ".join(call.text[a:b] for a, b in longest), ended="stop", picked=tuple(longest))


def fake_foreseen(call: Foresee) -> Foreseen:
    """One to three bits for each byte."""
    size = len(call.text.encode())
    return Foreseen(size * (1 + _digest(f"{call.model.id} {call.text}", 1)[0] / 128), size)


def _token(marks: bytes, blank: str) -> WrittenToken:
    first, second = (WORDS[mark % len(WORDS)] for mark in marks)
    probability = 0.4 + marks[1] / 512
    others = tuple(word for word in dict.fromkeys((second, *WORDS)) if word != first)[:2]
    rest = (TokenChoice(blank + word, (1 - probability) / 2**n) for n, word in enumerate(others, 1))
    return WrittenToken(blank + first, probability, (TokenChoice(blank + first, probability), *rest))


def _digest(text: str, count: int) -> bytes:
    return hashlib.shake_256(text.encode("utf-8", "replace")).digest(count)
