"""The recipe `generation-scratch`: our own GPT, from random weights, on the characters of Tiny Shakespeare alone.

Shape and training are those that nanoGPT publishes for a CPU (Karpathy, github.com/karpathy/nanoGPT, README.md, "i only have a
macbook", and config/train_shakespeare_char.py).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from playground.scratch import tokenizer as tokenizers
from playground.scratch.characters import CharacterTokenizer
from playground.scratch.gpt import GPT, GPTConfig
from playground.scratch.train import Trained
from playground.training import cards, character_counts, shakespeare, writing_cards
from playground.training.evaluate_writing import bits_per_byte, nats_per_token
from playground.training.recipes import Job
from playground.training.saved_gpt import FILES, saved
from playground.training.scratch_fit import fit_model

COUNTED = {"frequencies": 1, "pairs": 2, "triples": 3, "fives": 5}  # characters counted together: the yardsticks


@dataclass(frozen=True)
class GPTSettings:
    """nanoGPT's, but for three things: the learning rate is three times as high (by 1e-3 the loss of the whole test part is 1.93),
    it ends at zero and not at a tenth, and the weights' average is what ships.

    `batch` windows of the context in a step. `warmup` is a share of all steps.
    """

    dim: int = 128
    layers: int = 4
    heads: int = 4
    hidden: int = 512
    context: int = 64
    steps: int = 2000
    batch: int = 12
    rate: float = 3e-3
    warmup: float = 0.05
    betas: tuple[float, float] = (0.9, 0.99)
    decay: float = 0.1
    dropout: float = 0.0
    averaging: float = 0.99

    @property
    def tokens(self) -> int:
        """That are read in all."""
        return self.steps * self.batch * self.context


def run(job: Job) -> dict[str, Any]:
    """Train, save, reload what was saved, measure that, and write the card. See `recipes.run`."""
    if job.resume and (finished := cards.read(job.out)):
        return cards.summary(job, finished)
    settings = replace(GPTSettings(), **job.options.get("settings", {}))
    plays = shakespeare.read(job.data)
    tokenizer = CharacterTokenizer.train([plays.train])
    model, trained = train(tokenizer, plays.train, settings, **job.session("learning letters", "model.safetensors"))
    if not trained.done:
        return cards.unfinished(job, trained)
    shipped, record = saved(job, model, tokenizer, settings)
    reader = tokenizers.load(job.out)
    assert isinstance(reader, CharacterTokenizer)
    metrics = {"test": figures(shipped, reader, plays)}
    finished = cards.write(job, writing_cards.SCRATCH, record, FILES, metrics, settings.tokens, trained)
    return cards.summary(job, finished)


def train(
    tokenizer: CharacterTokenizer, text: str, settings: GPTSettings, *, seed: int, **session: Any
) -> tuple[GPT, Trained]:
    """The model returned holds the averaged weights. session: see `fit`."""
    torch.manual_seed(seed)
    config = GPTConfig(
        vocabulary=len(tokenizer),
        dim=settings.dim,
        layers=settings.layers,
        heads=settings.heads,
        hidden=settings.hidden,
        context=settings.context,
        bias=False,
        dropout=settings.dropout,
    )
    model = GPT(config)
    batch_at = windows(np.array(tokenizer.encode(text)), settings, seed)

    def loss_at(step: int) -> Tensor:
        ids, following = (torch.from_numpy(part) for part in batch_at(step))  # [B, T] each
        return F.cross_entropy(model(ids).flatten(0, 1), following.flatten())

    trained = fit_model(model, loss_at, settings.steps, settings, seed=seed, betas=settings.betas, **session)
    return model, trained


def windows(ids: np.ndarray, settings: GPTSettings, seed: int) -> Callable[[int], tuple[np.ndarray, np.ndarray]]:
    """A function from the step to its tokens and those that follow each, int64 [B, T] both: windows that begin anywhere."""
    starts = len(ids) - settings.context
    if starts < 1:
        raise ValueError(f"{len(ids)} tokens are fewer than one window reads.")

    def at(step: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = np.random.default_rng([seed, step]).integers(0, starts, settings.batch)
        places = chosen[:, None] + np.arange(settings.context)
        return ids[places], ids[places + 1]

    return at


def figures(model: GPT, tokenizer: CharacterTokenizer, plays: shakespeare.Plays) -> dict[str, Any]:
    """Of the whole test part, beside what counting characters foretells of it."""
    ids = [tokenizer.start, *tokenizer.encode(plays.test)]
    context = model.config.context
    bits: Mapping[str, float] = bits_per_byte(model, tokenizer.encode, tokenizer.start, {"test": plays.test}, context)
    counted = {
        f"{name}_nats_per_character": round(character_counts.nats_per_character(plays.train, plays.test, order), 3)
        for name, order in COUNTED.items()
    }
    return {
        "n": len(plays.test),
        "nats_per_character": round(nats_per_token(model, ids, context), 3),
        **counted,
        "bits_per_byte": round(bits["all"], 3),
    }
