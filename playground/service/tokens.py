"""Tokenizers behind the service: which there are, and a text read by some of them. No model is loaded for it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from playground.catalog import Catalog
from playground.core.errors import EmptyInput, InputError, InputTooLong, NotSupported, PlaygroundError, UnknownName
from playground.core.protocols import TokenInspector
from playground.core.token_types import Conversation, Derivation, Message, Reading, TokenizerRef
from playground.service import tokenizer_list

MOST_CHARS = 200_000  # of a text that is read at once: 100 kB of English and twice as much of others
MOST_ROWS = 8
_SURROGATE = re.compile("[\ud800-\udfff]")


class TokenDesk:
    """Thread-safe. `session`: tokenizers that a visitor trained are that visitor's alone."""

    def __init__(self, catalog: Catalog, inspector: TokenInspector | None) -> None:
        self._catalog, self._inspector = catalog, inspector

    def choices(self, session: str = "") -> list[TokenizerRef]:
        """Every tokenizer that can be read with here, in the order of the tiers."""
        return tokenizer_list.tokenizers(self._catalog)

    def defaults(self, session: str = "") -> list[str]:
        """Ids: one of each tier, and words."""
        return tokenizer_list.defaults(self.choices(session))

    def get(self, name: str, session: str = "") -> TokenizerRef:
        """Raises UnknownName, NotHere for a hub id that is not on this machine."""
        for ref in self.choices(session):
            if ref.id == name:
                return ref
        raise UnknownName("tokenizer", name)

    def known(self, name: str, session: str = "") -> TokenizerRef | None:
        """None where `get` raises."""
        try:
            return self.get(name, session)
        except PlaygroundError:
            return None

    def of_model(self, tier: str, model: str, session: str = "") -> TokenizerRef | None:
        """What this tier's model reads with; None where that is not known here."""
        return next((ref for ref in self.choices(session) if ref.tier == tier and ref.model == model), None)

    def read(
        self, text: str, names: Sequence[str], session: str = "", *, control: bool = False, special: bool = True
    ) -> list[Reading | PlaygroundError]:
        """In the order of `names`; a tokenizer that cannot read is its error, and the others read. Raises EmptyInput,
        InputTooLong, and InputError where there are too many.
        """
        if not names or len(names) > MOST_ROWS:
            raise InputError(f"One to {MOST_ROWS} tokenizers are read side by side: remove some.")
        text = self.check(text)
        return [self._read(text, name, session, control, special) for name in names]

    def _read(self, text: str, name: str, session: str, control: bool, special: bool) -> Reading | PlaygroundError:
        try:
            return self.inspector.read(self.get(name, session), text, control=control, special=special)
        except PlaygroundError as error:
            return error.bare()

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
