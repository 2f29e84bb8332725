"""A LoRA adapter that says which sentence of a text sums it up, on an encoder that it shares.

On disk: peft's TOKEN_CLS layout with one label, trained over `BertForTokenClassification`. The head reads the mean of the last
layer over each sentence's tokens, which, since it is linear, is the mean of what it says of each (BERTSum reads whole texts
likewise: Liu and Lapata 2019, arXiv 1908.08345). The encoder's pooler takes no part: no adapter stands on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from playground.core.sentences import LONGEST, sentences
from playground.core.types import ModelRef
from playground.engine.inputs import Encoded, EncodedWords
from playground.engine.loaders import Identity, LoadContext
from playground.engine.models._agreement import difference
from playground.engine.models._forms import SENTENCES
from playground.engine.models._lora import Adapted, AdapterLoader
from playground.engine.models._shared import SharedEncoder
from playground.engine.models._windowed import Windowed
from playground.engine.models._words import HubReader, by_row
from playground.engine.models.encoder import Encoder

MOST_CHARACTERS = 2000  # of a sentence that are looked at


class SentenceReader(HubReader):
    """Reads sentences as taggers read words: each cut by itself, all of them side by side."""

    most_pieces, most_characters = LONGEST, MOST_CHARACTERS

    def line(self, text: str) -> tuple[list[tuple[int, int]], bool]:
        return sentences(text), False


class LoraPicker(Windowed, Adapted):
    form = SENTENCES

    def __init__(
        self, encoder: Encoder, adapter: str, head: tuple[Any, Any] | None, identity: Identity, reader: SentenceReader
    ) -> None:
        super().__init__(encoder, adapter, head, identity)
        self.reader = reader

    @property
    def sentence_runner(self) -> SharedEncoder:
        return SharedEncoder(self.encoder)

    def read(self, output: Any, mask: Any, rows: Sequence[Encoded], at: Sequence[int]) -> Any:
        import torch

        hidden = output.last_hidden_state  # [B, T, D]
        left = self.encoder.tokenizer.padding_side == "left"
        lines, columns, owners, count = _places([rows[place] for place in at], hidden.shape[1], left)
        lines = np.asarray(at, dtype=np.int64)[lines]
        lines_at, columns_at, owner = (torch.from_numpy(part).to(hidden.device) for part in (lines, columns, owners))
        tokens = hidden[lines_at, columns_at].float()  # [N, D]
        sums = torch.zeros(count, tokens.shape[1], device=tokens.device).index_add(0, owner, tokens)
        return sums / torch.bincount(owner, minlength=count).clamp(min=1).unsqueeze(-1)

    def divide(self, numbers: np.ndarray, rows: Sequence[Encoded]) -> list[np.ndarray]:
        return by_row(numbers, rows)

    def difference(self, plain: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> float:
        """Of scores as odds against zero: a single sentence's share of its text is always one."""
        return difference(*([np.hstack([row, np.zeros_like(row)]) for row in rows] for rows in (plain, other)))


def _places(rows: Sequence[Encoded], width: int, left: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Where the tokens of all sentences of all rows stand in a padded batch [B, width], and whose they are: rows, columns and
    the number of the sentence, int64 [N]; and how many sentences there are.

    left: whether the padding is in front.
    """
    lines: list[int] = []
    columns: list[int] = []
    owners: list[int] = []
    number = 0
    for line, row in enumerate(rows):
        assert isinstance(row, EncodedWords)
        shift = width - row.tokens if left else 0
        for start, end in row.words:
            lines += [line] * (end - start)
            columns += range(start + shift, end + shift)
            owners += [number] * (end - start)
            number += 1
    return np.array(lines, np.int64), np.array(columns, np.int64), np.array(owners, np.int64), number


class PickerLoader(AdapterLoader):
    name, task, purpose = "lora-picker", "TOKEN_CLS", "picking sentences"
    outside = ("pooler.dense",)

    def ready(self, ref: ModelRef, encoder: Encoder, context: LoadContext) -> Callable[..., LoraPicker]:
        reader = context.on_device(partial(SentenceReader, encoder.tokenizer, encoder.longest, ref))
        return partial(LoraPicker, reader=reader)

    def parts(self, rest: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """A tagger's head has more labels."""
        found = super().parts(rest)
        return found if found and len(found[-1]) == 1 else None


LOADER = PickerLoader()
