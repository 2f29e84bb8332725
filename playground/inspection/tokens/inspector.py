"""Opens tokenizers and keeps them. One file beside it for each way of opening one; `OPENERS` names them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from playground.core.errors import NotSupported
from playground.core.token_types import Conversation, Derivation, Message, Opener, Reading, TokenizerRef
from playground.inspection.tokens import plain


class OpenTokenizer(Protocol):
    """Thread-safe."""

    def read(self, text: str, *, control: bool, special: bool) -> Reading: ...

    def explain(self, text: str, token: int, *, control: bool, special: bool) -> Derivation: ...

    def converse(self, messages: Sequence[Message]) -> Conversation: ...


OPENERS: dict[Opener, Callable[[TokenizerRef], OpenTokenizer]] = {Opener.SPLIT: plain.Split}


class LocalInspector:
    """`TokenInspector` over this machine's files."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[TokenizerRef, OpenTokenizer] = {}

    def read(self, ref: TokenizerRef, text: str, *, control: bool = False, special: bool = True) -> Reading:
        return self._opened(ref).read(text, control=control, special=special)

    def explain(
        self, ref: TokenizerRef, text: str, token: int, *, control: bool = False, special: bool = True
    ) -> Derivation:
        return self._opened(ref).explain(text, token, control=control, special=special)

    def converse(self, ref: TokenizerRef, messages: Sequence[Message]) -> Conversation:
        return self._opened(ref).converse(messages)

    def _opened(self, ref: TokenizerRef) -> OpenTokenizer:
        with self._lock:
            found = self._open.get(ref)
            if found is None:
                if ref.opener not in OPENERS:
                    raise NotSupported(f"The tokenizer {ref.title} cannot be read here: choose another one.")
                found = self._open[ref] = OPENERS[ref.opener](ref)
            return found
