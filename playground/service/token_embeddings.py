"""Where a model puts tokens: the embeddings of the model that owns a tokenizer, looked at through the injected peek."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from playground.catalog import Catalog
from playground.core.errors import NotSupported, PlaygroundError
from playground.core.protocols import EmbeddingPeek
from playground.core.token_panels import Near, Offer, Spread
from playground.core.token_types import Flag, Opener, Reading, TokenizerRef
from playground.core.types import ModelRef
from playground.service.tokens import TokenDesk

MOST_ON_MAP = 200  # distinct tokens: more labels than that nobody reads


class EmbeddingDesk:
    """Thread-safe."""

    def __init__(self, catalog: Catalog, desk: TokenDesk, peek: EmbeddingPeek | None) -> None:
        self._catalog, self._desk, self._peek = catalog, desk, peek

    def places(self, names: Sequence[str], session: str = "") -> list[Offer]:
        """In the order of `names`; one that nobody knows is left out."""
        refs = [ref for name in names if (ref := self._desk.known(name, session))]
        return [Offer(ref, self._why_not(ref)) for ref in refs]

    def spread(self, text: str, name: str, session: str = "", *, control: bool = False, special: bool = True) -> Spread:
        """Raises what reading the text raises, and what the peek does."""
        ref = self._desk.get(name, session)
        model = self._model(ref)
        reading = self._desk.read(text, [name], session, control=control, special=special)[0]
        if not isinstance(reading, Reading):
            raise reading
        ids, firsts, times = np.unique(reading.ids, return_index=True, return_counts=True)
        order = np.argsort(firsts)[:MOST_ON_MAP]  # as they come in the text
        shown = [int(token) for token in ids[order]]
        if not shown:
            raise NotSupported("There is no token of this text to look at: write something else.")
        forms = dict(self._desk.inspector.forms(ref, shown))
        controls = frozenset(int(token) for token in reading.ids[(reading.flags & Flag.SPECIAL) != 0])
        often = tuple(int(times[place]) for place in order)
        return Spread(ref, self.peek.map(model, shown), forms, often, controls, len(ids) - len(shown))

    def near(self, name: str, token: int, session: str = "", most: int = 10) -> Near:
        ref = self._desk.get(name, session)
        found = self.peek.neighbours(self._model(ref), token, most)
        ids = [int(one) for one in found.ids]
        forms = self._desk.inspector.forms(ref, [token, *ids])
        rows = zip(ids, found.cosines, strict=True)
        near = tuple((forms.get(one, ""), one, float(cosine)) for one, cosine in rows)
        return Near(found.matrix, token, forms.get(token, ""), found.norm, near)

    def _why_not(self, ref: TokenizerRef) -> str:
        try:
            self._model(ref)
        except PlaygroundError as error:
            return str(error)
        return ""

    def _model(self, ref: TokenizerRef) -> ModelRef:
        """Raises NotHere; NotSupported where nobody can look."""
        if ref.opener is Opener.SPLIT:
            raise NotSupported(f"No model reads {ref.title} without a vocabulary: they have no ids, and no vectors.")
        if ref.tier == "hosted":
            raise NotSupported("Not observable: the hosted model does not show its embeddings.")
        for name in (ref.id, ref.model):  # an adapter itself, though it reads with its base's tokenizer
            if name in self._catalog.checkpoints:
                return self._catalog.ref(self._catalog.get(name))
        if ref.folder and any(Path(ref.folder).glob("*.safetensors")):
            return ModelRef(ref.model or ref.id, loader="", folder=ref.folder)  # of the hub, and not in the catalog
        raise NotSupported("No model on this machine was trained with this tokenizer: it has no embeddings yet.")

    @property
    def peek(self) -> EmbeddingPeek:
        if self._peek is None:
            raise NotSupported("Embeddings cannot be looked into on this server: start it with `python app.py`.")
        return self._peek
