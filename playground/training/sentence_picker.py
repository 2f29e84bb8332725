"""Pickers of sentences as LoRA adapters over the bundled encoder: which sentence of a text sums it up.

The encoder reads the whole text at once, as in BERTSum (Liu and Lapata 2019, arXiv 1908.08345, section 3.1), so that each is
seen among the others and in its place. A sentence's score is the mean of its tokens' scores. It is learned against the likeness
of each sentence to a person's summary, all sentences of a text side by side: a softmax of the scores is to be one of the
likeness, which says more than the one best sentence alone (listwise ranking: Cao et al. 2007, "Learning to Rank").
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from playground.core.sentences import LONGEST, split
from playground.engine.windows import windows
from playground.evaluation.text_metrics import ROUGE, rouge
from playground.scratch.train import Trained
from playground.training import lora, quick_attention
from playground.training.lora_masked import keep_memory
from playground.training.precision import halve_what_stays, mixed
from playground.training.scitldr import Abstract
from playground.training.tagging import budget_schedule

HEAD = ("kept",)  # one score


@dataclass(frozen=True)
class PickerSettings(lora.LoraSettings):
    """`batch` counts tokens, padding included; a longer text than `max_length` tokens is left out of training.

    sharpness: the softmax of the likeness, 0..1, is of so many times it.
    bfloat16: products in it, where the processor has it.
    kept_rank: what is trained with `rank` is saved with this one. One is enough: of rank 8 the answers are as good (ROUGE-L 0.339
        on dev, either way), and all adapters of the encoder stay within 1.3 times its bytes.
    """

    epochs: float = 4
    batch: int = 3072
    rate: float = 8e-4
    rank: int = 16
    alpha: int = 16
    encoder_dropout: float = 0.1
    averaging: float = 0.98
    max_length: int = 512
    sharpness: float = 10.0
    bfloat16: bool = True
    kept_rank: int = 1


class Lines:
    """Some sentences each as token ids: `ids[i]` with its special tokens, `places[i]` the [start, end) of its sentences' tokens.

    __call__(indices) -> the model's keyword arguments, int64 [B, T] each, and of each token its sentence, int64 [B, T]: the number
    of its place in [B, S], B S for what is of none.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._first, self._last, self._padding = (
            tokenizer.cls_token_id,
            tokenizer.sep_token_id,
            tokenizer.pad_token_id,
        )
        self.ids: list[list[int]] = []
        self.places: list[list[tuple[int, int]]] = []
        self.lengths: list[int] = []

    def add(self, pieces: Sequence[Sequence[int]]) -> None:
        ids, places = [self._first], []
        for piece in pieces:
            places.append((len(ids), len(ids) + len(piece)))
            ids += piece
        self.ids.append([*ids, self._last])
        self.places.append(places)
        self.lengths.append(len(ids) + 1)

    def __call__(self, indices: Sequence[int]) -> tuple[dict[str, Tensor], Tensor]:
        longest, most = max(self.lengths[i] for i in indices), max(len(self.places[i]) for i in indices)
        ids = torch.full((len(indices), longest), self._padding)
        mask = torch.zeros((len(indices), longest), dtype=torch.long)
        owner = torch.full((len(indices), longest), len(indices) * most)
        for row, i in enumerate(indices):
            ids[row, : self.lengths[i]] = torch.tensor(self.ids[i])
            mask[row, : self.lengths[i]] = 1
            for number, (start, end) in enumerate(self.places[i]):
                owner[row, start:end] = row * most + number
        return {"input_ids": ids, "attention_mask": mask}, owner


def pieces_of(tokenizer: PreTrainedTokenizerBase, parts: Sequence[str]) -> list[list[int]]:
    """The tokens of each sentence; of a long one the first `LONGEST`. One of signs that the tokenizer drops still has its place."""
    with lora.quiet():  # a long one is meant
        found = tokenizer(list(parts), add_special_tokens=False)["input_ids"] if parts else []
    return [ids[:LONGEST] or [tokenizer.unk_token_id] for ids in found]


def scores_of(logits: Tensor, owner: Tensor) -> Tensor:
    """The mean of each sentence's tokens, -inf where there is none: logits [B, T, 1], owner [B, T] as `Lines` has it -> [B, S]."""
    rows = len(logits)
    most = int(owner.max()) // rows  # the special tokens' number is B S
    sums = torch.zeros(rows * most + 1).index_add(0, owner.flatten(), logits.float().flatten())
    counts = torch.zeros(rows * most + 1).index_add(0, owner.flatten(), torch.ones(owner.numel()))
    means = sums / counts.clamp(min=1)
    return means.masked_fill(counts == 0, -torch.inf)[:-1].view(rows, most)


def likeness(sentence: str, summaries: Sequence[str]) -> float:
    """To the nearest of a text's summaries: the mean of ROUGE-1, -2 and -L, 0..1."""
    scores = rouge(summaries, sentence)
    return sum(scores[name] for name in ROUGE) / len(ROUGE)


def train_picker(
    train: Sequence[Abstract], settings: PickerSettings, *, seed: int, base: Path | None = None, **session: Any
) -> tuple[PeftModel, PreTrainedTokenizerBase, Trained, int]:
    """Train a new adapter. The model returned holds the averaged weights. The last of what is returned is how many texts it was
    trained on: those of two sentences at least, and not too long. session: see `fit`.
    """
    torch.manual_seed(seed)  # the head and the low-rank matrices start from this
    plain, tokenizer = lora.base_model(base, HEAD, per_word=True)
    for module in plain.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = settings.encoder_dropout
    if settings.bfloat16:
        halve_what_stays(plain)
    quick_attention.use(plain)
    model = lora.new_adapter(plain, settings, per_word=True)
    data, wanted = Lines(tokenizer), []
    for one in train:
        parts = split(one.text)
        pieces = pieces_of(tokenizer, parts)
        if len(parts) > 1 and sum(map(len, pieces)) + 2 <= settings.max_length:
            data.add(pieces)
            like = torch.tensor([likeness(part, one.summaries) for part in parts])
            wanted.append((settings.sharpness * like).softmax(-1))
    steps, batch_at = budget_schedule(data.lengths, settings.batch, seed, settings.epochs)

    def loss_at(step: int) -> Tensor:
        batch = batch_at(step)
        inputs, owner = data(batch)
        with mixed(settings.bfloat16):
            logits = model(**inputs).logits  # [B, T, 1]
        shares = scores_of(logits, owner).log_softmax(-1)
        losses = [-(wanted[i] * row[: len(wanted[i])]).sum() for row, i in zip(shares, batch, strict=True)]
        return torch.stack(losses).mean()

    keep_memory()
    trained = lora.adapt(model, loss_at, steps, settings, seed=seed, **session)
    return model, tokenizer, trained, len(wanted)


@torch.inference_mode()
def scores(
    model: torch.nn.Module, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_length: int
) -> list[np.ndarray]:
    """Of each text its sentences' scores, float32 [S]. A long text is read in windows that overlap."""
    data = Lines(tokenizer)
    parts: list[tuple[int, slice]] = []
    for number, text in enumerate(texts):
        pieces = pieces_of(tokenizer, split(text))
        for window in windows([len(piece) for piece in pieces], max_length - 2):
            data.add(pieces[window.start : window.end])
            parts.append((number, slice(window.first - window.start, window.last - window.start)))
    order = sorted(range(len(parts)), key=lambda part: data.lengths[part])
    found: dict[int, np.ndarray] = {}
    for at in range(0, len(order), 16):
        batch = order[at : at + 16]
        inputs, owner = data(batch)
        rows = scores_of(model(**inputs).logits, owner).numpy()
        for part, row in zip(batch, rows, strict=True):
            found[part] = row[: len(data.places[part])][parts[part][1]]
    joined: list[list[np.ndarray]] = [[] for _ in texts]
    for part, (number, _) in enumerate(parts):
        joined[number].append(found[part])
    return [np.concatenate(rows) if rows else np.zeros(0, dtype=np.float32) for rows in joined]
