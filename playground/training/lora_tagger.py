"""Taggers as LoRA adapters over the bundled encoder: a label for each word, read at its first piece.

Words are cut into pieces one by one, as transformers' `is_split_into_words=True` does.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from playground.core import segment
from playground.scratch.train import Trained
from playground.training import lora, saved_adapters
from playground.training.columns import Sentence
from playground.training.tagging import allowed_tags, budget_schedule, compared_tags, lines_of, marginal_loss

LONGEST_WORD = 16  # pieces; the rest of a longer word is not read
UNMARKED = 8


@dataclass(frozen=True)
class TaggerSettings(lora.LoraSettings):
    """`batch` counts word pieces, padding included. A line holds `max_length` pieces, the two special ones among them.

    unmarked: what the loss does with an "O" of a set that does not mark all types: "either" counts no entity and an entity of those
        types as one answer; "left out" compares no entity with the other types alone. Where most of the data leave a type open,
        "either" lets it run wild: nothing there speaks against it.
    encoder_dropout: the encoder's own. It makes a step a quarter longer, and runs here are short.
    kept_rank: what is trained with `rank` is saved with this one: half the bytes, and hardly another answer.
    capitals: words with a capital are marked by token type 1, which an uncased encoder of single texts leaves unused. In every
        `UNMARKED`th line of training none is, so that names are looked for where nobody writes capitals, too.
    """

    epochs: float = 3
    batch: int = 1024
    rate: float = 2e-3
    rank: int = 32
    alpha: int = 32
    smoothing: float = 0.0
    averaging: float = 0.99
    unmarked: str = "either"
    encoder_dropout: float = 0.0
    capitals: bool = False
    kept_rank: int = 16


class Pieces:
    """Words to piece ids, each distinct word cut once."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, sentences: Sequence[Sentence]) -> None:
        self.tokenizer = tokenizer
        words = sorted({word for sentence in sentences for word in sentence.words})
        ids = tokenizer(words, add_special_tokens=False)["input_ids"] if words else []
        # A word of signs that the tokenizer drops still has its place.
        self.of = {w: found[:LONGEST_WORD] or [tokenizer.unk_token_id] for w, found in zip(words, ids, strict=True)}

    def count(self, sentence: Sentence) -> int:
        return sum(len(self.of[word]) for word in sentence.words)


class Lines:
    """Lines of words as token ids: `ids[i]` with its special tokens, `firsts[i]` the places of its words' first pieces, `types[i]`
    1 where a word has a capital. bare: the lines in which none is marked.

    __call__(indices) -> the model's keyword arguments, int64 [B, T] each, and the rows and columns of all words in them, [N].
    """

    def __init__(
        self, pieces: Pieces, lines: Sequence[Sequence[str]], capitals: bool, bare: Collection[int] = ()
    ) -> None:
        self.padding = pieces.tokenizer.pad_token_id
        first, last = pieces.tokenizer.cls_token_id, pieces.tokenizer.sep_token_id
        self.ids: list[list[int]] = []
        self.firsts: list[list[int]] = []
        self.types: list[list[int]] = []
        for place, line in enumerate(lines):
            ids, firsts, types = [first], [], [0]
            for word in line:
                firsts.append(len(ids))
                ids += pieces.of[word]
                types += [int(capitals and place not in bare and segment.capital(word))] * len(pieces.of[word])
            self.ids.append([*ids, last])
            self.types.append([*types, 0])
            self.firsts.append(firsts)
        self.lengths = [len(ids) for ids in self.ids]

    def __call__(self, indices: Sequence[int]) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        longest = max(self.lengths[i] for i in indices)
        ids = torch.full((len(indices), longest), self.padding)
        mask, types = (torch.zeros((len(indices), longest), dtype=torch.long) for _ in range(2))
        for row, i in enumerate(indices):
            ids[row, : self.lengths[i]] = torch.tensor(self.ids[i])
            types[row, : self.lengths[i]] = torch.tensor(self.types[i])
            mask[row, : self.lengths[i]] = 1
        rows = torch.tensor([row for row, i in enumerate(indices) for _ in self.firsts[i]])
        columns = torch.tensor([place for i in indices for place in self.firsts[i]])
        return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}, rows, columns


def chunks(words: Sequence[str], pieces: Pieces, room: int) -> list[tuple[int, int]]:
    """[first word, word after the last) of stretches of at most `room` pieces, one after the other."""
    found, start, used = [], 0, 0
    for i, word in enumerate(words):
        size = len(pieces.of[word])
        if i > start and used + size > room:
            found.append((start, i))
            start, used = i, 0
        used += size
    return [*found, (start, len(words))]


def train_tagger(
    train: Sequence[Sentence],
    labels: Sequence[str],
    settings: TaggerSettings,
    *,
    seed: int,
    base: Path | None = None,
    start: Path | None = None,
    **session: Any,
) -> tuple[PeftModel, PreTrainedTokenizerBase, Trained]:
    """Train a new adapter, or go on from the one in folder `start`. The model returned holds the averaged weights.

    base: the encoder's folder, for tests; by default the bundled one. session: see `fit`.
    """
    torch.manual_seed(seed)  # the head and the low-rank matrices start from this
    plain, tokenizer = lora.base_model(base, labels, per_word=True)
    for module in plain.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = settings.encoder_dropout
    model = lora.new_adapter(plain, settings, per_word=True)
    if start is not None:
        saved_adapters.start_from(model, start)
    pieces, room = Pieces(tokenizer, train), settings.max_length - 2
    masks = allowed_tags(train, labels)
    wholes = compared_tags(train, labels) if settings.unmarked == "left out" else [np.ones_like(mask) for mask in masks]
    lines: list[list[str]] = []
    allowed: list[Tensor] = []
    compared: list[Tensor] = []
    for line in lines_of(train, [pieces.count(sentence) for sentence in train], room, seed):
        words = [word for i in line for word in train[i].words]
        mask, whole = (torch.from_numpy(np.concatenate([of[i] for i in line])) for of in (masks, wholes))
        for begin, end in chunks(words, pieces, room):
            lines.append(words[begin:end])
            allowed.append(mask[begin:end])
            compared.append(whole[begin:end])
    data = Lines(pieces, lines, settings.capitals, range(0, len(lines), UNMARKED))
    steps, batch_at = budget_schedule(data.lengths, settings.batch, seed, settings.epochs)

    def loss_at(step: int) -> Tensor:
        batch = batch_at(step)
        inputs, rows, columns = data(batch)
        logits = model(**inputs).logits  # [B, T, L]
        masks = (torch.cat([of[i] for i in batch]) for of in (allowed, compared))
        return marginal_loss(logits[rows, columns], *masks)

    trained = lora.adapt(model, loss_at, steps, settings, seed=seed, **session)
    return model, tokenizer, trained


@torch.inference_mode()
def probabilities(
    model: torch.nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    sentences: Sequence[Sentence],
    max_length: int,
    capitals: bool = False,
) -> list[np.ndarray]:
    """Label probabilities, float32 [words, L] for each sentence, each read by itself; one that is too long is read in parts."""
    pieces = Pieces(tokenizer, sentences)
    parts = [(i, *part) for i, s in enumerate(sentences) for part in chunks(s.words, pieces, max_length - 2)]
    data = Lines(pieces, [sentences[i].words[start:end] for i, start, end in parts], capitals)
    order = sorted(range(len(parts)), key=lambda part: data.lengths[part])
    found: dict[int, np.ndarray] = {}
    for at in range(0, len(order), 32):
        batch = order[at : at + 32]
        inputs, rows, columns = data(batch)
        scores = model(**inputs).logits[rows, columns].softmax(-1).numpy()  # [N, L]
        sizes = [len(data.firsts[part]) for part in batch]
        for part, rows_of in zip(batch, np.split(scores, np.cumsum(sizes)[:-1]), strict=True):
            found[part] = rows_of
    joined: list[list[np.ndarray]] = [[] for _ in sentences]
    for part, (i, _, _) in enumerate(parts):
        joined[i].append(found[part])
    return [np.concatenate(rows) for rows in joined]
