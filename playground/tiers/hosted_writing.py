"""A plain text as it is written over the wire: thoughts left out, tokens with their probabilities where the endpoint tells them."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from playground.core.errors import BadReply
from playground.core.events import Partial
from playground.core.task import Task
from playground.core.writing_types import Ended, Text, TokenChoice, WrittenToken
from playground.tiers.hosted_logprobs import Token, tokens_from
from playground.tiers.hosted_reply import Reply, Said, answered

_ENDED: dict[str | None, Ended] = {"length": "length", "stop": "stop"}
_TAGS = ("<think>", "<thinking>", "</think>", "</thinking>")
_TAG = re.compile("|".join(_TAGS))
_CLOSING = re.compile(r"</think(?:ing)?>")


class Aloud:
    """Which stretches of a reply are no thoughts (`<think>…</think>`), as far as that is clear yet.

    raw: the reply. clear: so many characters of it are decided. Some servers begin the thought themselves: then all before a first
    closing tag was one.
    """

    def __init__(self) -> None:
        self.raw = ""
        self.clear = 0
        self.thought = False
        self._inside = False
        self._spans: list[tuple[int, int]] = []  # of `raw`, to be shown

    def add(self, content: str, *, last: bool = False) -> None:
        self.raw += content
        while (tag := (_CLOSING if self._inside else _TAG).search(self.raw, self.clear)) is not None:
            opens = not tag[0].startswith("</")
            if not opens and not self._inside:
                self._spans.clear()
            elif opens and (self._spans or self.raw[self.clear : tag.start()].strip()):
                self._show(tag.start())
            self.clear = tag.end()
            self._inside, self.thought = opens, True
        end = len(self.raw) - (0 if last else _begun(self.raw[self.clear :]))
        if self._inside:
            self.clear = end
        elif last or self._spans or self.raw[self.clear : end].strip():  # spaces may go before a thought
            self._show(end)

    def between(self, start: int, end: int) -> str:
        """What is to be shown of raw[start:end]."""
        return "".join(self.raw[max(a, start) : min(b, end)] for a, b in self._spans if a < end and b > start)

    def shows(self, place: int) -> bool:
        """Whether a token that adds nothing yet belongs to what is shown."""
        return any(start <= place <= end for start, end in self._spans)

    def _show(self, end: int) -> None:
        """Up to there. Between a thought and a text stand line breaks that belong to neither."""
        start = self.clear
        if self.thought and not self._spans:
            start = end - len(self.raw[start:end].lstrip())
        self.clear = end
        if start == end:
            return
        if self._spans and self._spans[-1][1] == start:
            start = self._spans.pop()[0]
        self._spans.append((start, end))


def _begun(text: str) -> int:
    """How many characters at its end may be the beginning of a tag."""
    at = text.rfind("<")
    return len(text) - at if at >= 0 and any(tag.startswith(text[at:]) for tag in _TAGS) else 0


@dataclass(frozen=True)
class _Placed:
    """A token, and where in the reply its text stands."""

    start: int
    end: int
    token: Token


class Written:
    """Says each piece of a text as it comes. details: whether tokens are wanted; they are given up where they do not spell the
    text. scrub: takes a key out of a text.
    """

    def __init__(self, emit: Callable[[Partial], object], scrub: Callable[[str], str], *, details: bool) -> None:
        self._emit = emit
        self._scrub = scrub
        self._aloud = Aloud()
        self._telling = details
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._spelled = ""  # by the tokens
        self._checked = 0
        self._tokens: list[_Placed] = []
        self._said = 0  # of the reply's characters
        self._told = 0  # of its tokens
        self.begun = False  # whether anything was said

    @property
    def thought(self) -> bool:
        return self._aloud.thought

    def take(self, said: Said) -> bool:
        """True where there was something to say."""
        self._aloud.add(said.content)
        self._hear(said)
        return self._say()

    def end(self) -> None:
        """Nothing more will come: says what was held back."""
        self._aloud.add("", last=True)
        self._telling = self._telling and any(placed.end == len(self._aloud.raw) for placed in self._tokens)
        self._say()

    def text(self) -> tuple[str, tuple[WrittenToken, ...]]:
        """All of it, and its tokens where they are told."""
        whole = self._aloud.between(0, len(self._aloud.raw))
        text = self._scrub(whole)
        tokens = self._given(self._tokens) if self._telling else ()
        return text, tokens if "".join(token.text for token in tokens) == text else ()

    def _hear(self, said: Said) -> None:
        if not self._telling:
            return
        raw = self._aloud.raw
        for token in tokens_from(list(said.logprobs)):
            start = len(self._spelled)
            self._spelled += self._decoder.decode(token.text)
            self._tokens.append(_Placed(start, len(self._spelled), token))
        both = min(len(raw), len(self._spelled))
        same = raw[self._checked : both] == self._spelled[self._checked : both]
        self._telling = same and len(self._spelled) >= len(raw)
        self._checked = both

    def _say(self) -> bool:
        """With tokens, up to where one ends: a piece is spelled by its tokens."""
        end, told = self._aloud.clear, self._told
        if self._telling:
            whole = [
                index
                for index in range(told, len(self._tokens))
                if self._tokens[index].start < self._tokens[index].end <= end
            ]
            told = whole[-1] + 1 if whole else told
            end = self._tokens[told - 1].end if told else 0
        delta = self._scrub(self._aloud.between(self._said, end))
        tokens = self._given(self._tokens[self._told : told]) if self._telling else ()
        self._said, self._told = max(self._said, end), told
        if not delta:
            return False
        self.begun = True
        self._emit(Partial(delta=delta, tokens=tokens if "".join(token.text for token in tokens) == delta else ()))
        return True

    def _given(self, placed: list[_Placed]) -> tuple[WrittenToken, ...]:
        """Those of the text, without a thought's and without what stands after its end, as some servers' end-of-text does."""
        return tuple(
            WrittenToken(said, one.token.probability, _alternatives(one.token))
            for one in placed
            if (said := self._aloud.between(one.start, one.end))
            or (one.start == one.end and self._aloud.shows(one.start))
        )


def text_of(task: Task, reply: Reply, written: Written, text: str) -> Text:
    """The task's answer to this text. Raises Refused or BadReply."""
    answered(reply)
    said, tokens = written.text()
    if reply.finish_reason == "length" and not said.strip():
        raise BadReply(
            "The model had used up its limit before it wrote anything: choose a greater length or another model."
        )
    output = task.parse({"text": said}, text)
    assert isinstance(output, Text)
    return replace(output, tokens=tokens, ended=_ENDED.get(reply.finish_reason, ""))


def _alternatives(token: Token) -> tuple[TokenChoice, ...]:
    best_first = sorted(token.top, key=lambda choice: -choice[1])
    return tuple(TokenChoice(text.decode("utf-8", "replace"), probability) for text, probability in best_first)
