"""What LoRA adapters share, on an encoder that they share (Hu et al. 2021, arXiv 2106.09685).

In memory: the low-rank matrices inside the one encoder (and, while it carries few, merged into a copy: `_merged.py`), and
the head here, where the kind has one. What a head reads of the encoder's output is each kind's own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from playground.engine.inputs import Encoded
from playground.engine.loaders import Identity, LoadContext
from playground.engine.models import _transformers as hf
from playground.engine.models._adapters import HostedLoader
from playground.engine.models._agreement import difference
from playground.engine.models._encoder_insides import EncoderInsides, HubBody
from playground.engine.models._forms import Form
from playground.engine.models._merged import mergeable
from playground.engine.models._shared import SharedEncoder
from playground.engine.models.encoder import Encoder


class Adapted(ABC):
    """It starts on the plain path, peft's; once `use` was called, it answers by a copy with its adapter merged. form: of its
    answers.
    """

    form: Form

    def __init__(self, encoder: Encoder, adapter: str, head: tuple[Any, ...] | None, identity: Identity) -> None:
        self.encoder, self.adapter, self.head, self._identity = encoder, adapter, head, identity
        self.labels: tuple[str, ...] = ()  # an adapter's config has no names; the catalog gives them
        self.outputs = 0 if head is None else len(head[-1])
        self._merged: Any = None
        self._copied = 0

    @abstractmethod
    def encode(self, text: str, max_length: int) -> Encoded: ...

    @abstractmethod
    def read(self, output: Any, mask: Any, rows: Sequence[Encoded], at: Sequence[int]) -> Any:
        """What the head reads of some rows of a padded batch: vectors [N, D], as many as the kind has per row. Without a
        head: the answer itself. mask [B, T]: of the whole batch.
        """

    @abstractmethod
    def divide(self, numbers: np.ndarray, rows: Sequence[Encoded]) -> list[np.ndarray]:
        """Logits [N, L] of the vectors of some rows -> those of each row."""

    def score(self, output: Any, mask: Any, rows: Sequence[Encoded], at: Sequence[int]) -> Any:
        import torch

        vectors = self.read(output, mask, rows, at).float()
        return vectors if self.head is None else torch.nn.functional.linear(vectors, *self.head)

    def difference(self, plain: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> float:
        """The largest, of a probability, between two ways of answering the same rows."""
        return difference(plain, other)

    @property
    def identity(self) -> Identity:
        """Of all that is in memory for it just now."""
        own, copied = self._identity, self._copied
        return replace(own, bytes=own.bytes + copied, own_bytes=own.own_bytes + copied) if copied else own

    @property
    def group(self) -> Hashable:
        return self.encoder.group if self._merged is None else ("merged", id(self))

    @property
    def path(self) -> str | None:
        return None if self._merged is None else "adapter merged"

    @property
    def insides(self) -> EncoderInsides:
        body = HubBody(self.encoder.part, self._trunk, self._run)
        return EncoderInsides(self, self.form, body, self.encoder.longest)

    def _trunk(self) -> Any:
        """What answers just now."""
        return self.encoder.module if self._merged is None else self._merged

    def _run(self, row: Encoded) -> None:
        import torch

        if self._merged is None:
            self.encoder.forward([row], [self.adapter])
        else:
            with torch.inference_mode():
                self._merged(**hf.collate(self.encoder.tokenizer, [row], self.encoder.device))

    # -- device thread only

    def use(self, merged: Any, copied: int = 0) -> None:
        """An encoder module with this adapter in its weights, to answer from now on; `copied`: bytes that it adds."""
        self._merged, self._copied = merged, copied

    def forget(self) -> None:
        self._merged, self._copied = None, 0

    def plain(self, rows: Sequence[Encoded]) -> list[np.ndarray]:
        """Answers of each row, by the shared encoder with the adapter beside its weights."""
        return SharedEncoder(self.encoder).plain([(self, row) for row in rows])

    def through(self, module: Any, rows: Sequence[Encoded]) -> list[np.ndarray]:
        """Answers of each row, by an encoder module that has the adapter in its weights."""
        import torch

        with torch.inference_mode():
            inputs = hf.collate(self.encoder.tokenizer, rows, self.encoder.device)
            scores = self.score(module(**inputs), inputs["attention_mask"], rows, range(len(rows)))
            return self.divide(scores.cpu().numpy(), rows)

    @property
    def merged(self) -> Any:
        return self._merged


class AdapterLoader(HostedLoader):
    """Of adapters over an encoder."""

    host, backbone = Encoder, "encoder"

    def joined(self, model: Adapted, base: Encoder, adapter: str, context: LoadContext) -> None:
        def layers() -> list[Any]:
            found = base.adapted(adapter)
            return found if mergeable(found, adapter) else []

        base.copies.join(model, context.on_device(layers), context)

    def unload(self, model: Adapted, context: LoadContext) -> None:
        model.encoder.copies.leave(model)
        context.on_device(lambda: model.encoder.detach(model.adapter))
