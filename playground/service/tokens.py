"""Tokenizers behind the service: which there are, and a text read by some of them. No model is loaded for it."""

from __future__ import annotations

import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from playground.catalog import Catalog
from playground.core.errors import (
    EmptyInput,
    InputError,
    InputTooLong,
    InternalError,
    NotSupported,
    PlaygroundError,
    UnknownName,
)
from playground.core.protocols import TokenInspector
from playground.core.token_types import Conversation, Derivation, Message, Reading, TokenizerRef
from playground.service import hub_tokenizers, tokenizer_list

MOST_CHARS = 200_000  # of a text that is read at once: 100 kB of English and twice as much of others
MOST_ROWS = 8
THREADS = 4  # that read a text's rows; the vocabularies' own code runs beside Python's
KEPT = 24  # readings in memory: some MB for the longest texts
# Such names are never asked of the hub's cache.
OURS = ("bundled/", "trained/", "split/", "openai/o200k", "openai/cl100k")
log = logging.getLogger(__name__)
_SURROGATE = re.compile("[\ud800-\udfff]")


class TokenDesk:
    """Thread-safe. `session`: tokenizers that a visitor trained are that visitor's alone."""

    def __init__(
        self,
        catalog: Catalog,
        inspector: TokenInspector | None,
        hosted_models: Sequence[str] = (),
        trained: Callable[[str], Sequence[TokenizerRef]] = lambda session: (),
    ) -> None:
        """trained: a visitor's own."""
        self._catalog, self._inspector, self._hosted_models = catalog, inspector, tuple(hosted_models)
        self._trained = trained
        self._lock = threading.Lock()
        self._last: OrderedDict[tuple[TokenizerRef, str, bool, bool], Reading] = OrderedDict()
        self._pool = ThreadPoolExecutor(THREADS, "tokens")  # its threads start when they are needed

    def choices(self, session: str = "") -> list[TokenizerRef]:
        """Every tokenizer that can be read with here, in the order of the tiers."""
        return [*tokenizer_list.tokenizers(self._catalog, self._hosted_models), *self._trained(session)]

    def defaults(self, session: str = "") -> list[str]:
        """Ids: one of each tier, and words."""
        return tokenizer_list.defaults(self.choices(session))

    def get(self, name: str, session: str = "") -> TokenizerRef:
        """By its id, by the name of a model that reads with it, or by a hub id that is on this machine (“owner/name”, “hub:NAME”).
        Raises UnknownName, NotHere for a hub id that is not.
        """
        return self._find(name, self.choices(session))

    def of_model(self, tier: str, model: str) -> str | None:
        """The id of the tokenizer that a card's model reads with; None where it is not known, or not on this machine."""
        if tier == "hosted":
            return tokenizer_list.encoding_of(model)
        if model in self._catalog.checkpoints:
            return tokenizer_list.of_checkpoint(self._catalog, model)
        return None

    def known(self, name: str, session: str = "") -> TokenizerRef | None:
        """None where `get` raises."""
        try:
            return self.get(name, session)
        except PlaygroundError:
            return None

    def read(
        self, text: str, names: Sequence[str], session: str = "", *, control: bool = False, special: bool = True
    ) -> list[Reading | PlaygroundError]:
        """In the order of `names`; a tokenizer that cannot read is its error, and the others read. Raises EmptyInput,
        InputTooLong, and InputError where there are too many.
        """
        if not names or len(names) > MOST_ROWS:
            raise InputError(f"One to {MOST_ROWS} tokenizers are read side by side: remove some.")
        text, choices = self.check(text), self.choices(session)
        return list(self._pool.map(lambda name: self._read(text, name, choices, control, special), names))

    def _read(
        self, text: str, name: str, choices: Sequence[TokenizerRef], control: bool, special: bool
    ) -> Reading | PlaygroundError:
        try:
            return self._kept(self._find(name, choices), text, control, special)
        except PlaygroundError as error:
            return error.bare()
        except Exception:
            log.exception("a tokenizer could not read")
            return InternalError()

    def _kept(self, ref: TokenizerRef, text: str, control: bool, special: bool) -> Reading:
        """Of the last readings: every panel of a page asks about the same ones."""
        key = (ref, text, control, special)
        with self._lock:
            found = self._last.pop(key, None)
        if found is None:
            found = self.inspector.read(ref, text, control=control, special=special)
        with self._lock:
            self._last[key] = found
            while len(self._last) > KEPT:
                self._last.popitem(last=False)
        return found

    def _find(self, name: str, choices: Sequence[TokenizerRef]) -> TokenizerRef:
        known = (name, self.of_model("hosted", name), self.of_model("", name))
        found = next((ref for ref in choices if ref.id in known), None)
        if found is None and not name.startswith(OURS):
            found = hub_tokenizers.named(name)
        if found is None:
            raise UnknownName("tokenizer", name)
        return found

    def forget(self, ref: TokenizerRef) -> None:
        """What was opened of it, and read with it, is no longer kept."""
        with self._lock:
            for key in [key for key in self._last if key[0] == ref]:
                del self._last[key]
        self.inspector.forget(ref)

    def warm(self) -> None:
        """Opens the defaults in the background, so that a first text need not wait for it. Fails silently: reading will say why."""
        self._pool.submit(lambda: self.read("a", self.defaults()))

    def explain(
        self, text: str, name: str, token: int, session: str = "", *, control: bool = False, special: bool = True
    ) -> Derivation:
        ref = self.get(name, session)
        return self.inspector.explain(ref, self.check(text), token, control=control, special=special)

    def converse(self, messages: Sequence[Message], name: str, session: str = "") -> Conversation:
        return self.inspector.converse(self.get(name, session), messages)

    @property
    def inspector(self) -> TokenInspector:
        if self._inspector is None:
            raise NotSupported("Tokenizers cannot be looked into on this server: start it with `python app.py`.")
        return self._inspector

    @staticmethod
    def check(text: str) -> str:
        """What a tokenizer can be given: no lone surrogate, which is no character (U+FFFD stands for it). Raises EmptyInput,
        InputTooLong.
        """
        if not text:
            raise EmptyInput()
        if len(text) > MOST_CHARS:
            raise InputTooLong(len(text), MOST_CHARS)
        return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
