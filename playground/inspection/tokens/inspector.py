"""Opens tokenizers and keeps them. One file beside it for each way of opening one; `OPENERS` names them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Protocol

from playground.core.errors import NotSupported
from playground.core.token_types import Conversation, Derivation, Message, Opener, Reading, TokenizerRef
from playground.inspection.tokens import plain
from playground.inspection.tokens.openai import OpenAIEncoding
from playground.inspection.tokens.scratch import ScratchTokenizer


class OpenTokenizer(Protocol):
    """Thread-safe."""

    def read(self, text: str, *, control: bool, special: bool) -> Reading: ...

    def explain(self, text: str, token: int, *, control: bool, special: bool) -> Derivation: ...

    def converse(self, messages: Sequence[Message]) -> Conversation: ...

    def forms(self, ids: Sequence[int]) -> dict[int, str]: ...


def _hub(ref: TokenizerRef) -> OpenTokenizer:
    from playground.inspection.tokens.hub import HubTokenizer  # it imports tokenizers

    return HubTokenizer(ref)


OPENERS: dict[Opener, Callable[[TokenizerRef], OpenTokenizer]] = {
    Opener.OPENAI: OpenAIEncoding,
    Opener.HUB: _hub,
    Opener.SCRATCH: ScratchTokenizer,
    Opener.SPLIT: plain.Split,
}
MOST_OPEN = 24  # tokenizers that are kept; a large vocabulary takes some 50 MB


class LocalInspector:
    """`TokenInspector` over this machine's files. One tokenizer is opened once, and never keeps another one waiting."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: OrderedDict[TokenizerRef, Future[OpenTokenizer]] = OrderedDict()  # the last used at the end

    def read(self, ref: TokenizerRef, text: str, *, control: bool = False, special: bool = True) -> Reading:
        return self._opened(ref).read(text, control=control, special=special)

    def explain(
        self, ref: TokenizerRef, text: str, token: int, *, control: bool = False, special: bool = True
    ) -> Derivation:
        return self._opened(ref).explain(text, token, control=control, special=special)

    def converse(self, ref: TokenizerRef, messages: Sequence[Message]) -> Conversation:
        return self._opened(ref).converse(messages)

    def forget(self, ref: TokenizerRef) -> None:
        with self._lock:
            self._open.pop(ref, None)

    def forms(self, ref: TokenizerRef, ids: Sequence[int]) -> dict[int, str]:
        return self._opened(ref).forms(ids)

    def _opened(self, ref: TokenizerRef) -> OpenTokenizer:
        if ref.opener not in OPENERS:
            raise NotSupported(f"The tokenizer {ref.title} cannot be read here: choose another one.")
        with self._lock:
            found = self._open.get(ref)
            mine = found is None
            if found is None:
                found = self._open[ref] = Future()
                while len(self._open) > MOST_OPEN:
                    self._open.popitem(last=False)
            self._open.move_to_end(ref)
        if mine:
            try:
                found.set_result(OPENERS[ref.opener](ref))
            except BaseException as error:
                with self._lock:
                    self._open.pop(ref, None)  # the next one tries again
                found.set_exception(error)
        return found.result()
