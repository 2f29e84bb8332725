"""The recipes `induction-two-layers` and `induction-one-layer`: our own GPT, as small as it can be, on random characters that are
said again and again, so that there is nothing to learn but to look for where the same was said before.

That takes two layers: a head of the first tells each token what stands before it, and one of the second looks from a token for
the place whose previous token is the same, and copies what stands there (Elhage et al. 2021, "A Mathematical Framework for
Transformer Circuits", "Induction Heads"; Olsson et al. 2022, "In-context Learning and Induction Heads", transformer-circuits.pub).
One layer has no head that could tell the other, and stays with what it can count.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from playground.scratch.characters import CharacterTokenizer
from playground.scratch.gpt import GPT, GPTConfig
from playground.scratch.train import Trained
from playground.training import cards, induction_cards
from playground.training.recipes import Job
from playground.training.repeated_texts import CHARACTERS, Repeated, by_counting, by_last_time, repeated
from playground.training.saved_gpt import FILES, saved
from playground.training.scratch_fit import fit_model

TEST = 512  # texts
TEST_SEED = 1_000_003  # of no training: a training's texts hang on two numbers


@dataclass(frozen=True)
class InductionSettings:
    """`batch` texts in a step. `warmup` is a share of all steps.

    Positions are rotary: "the one before me" is then the same everywhere, and nothing need be learned for each place.
    """

    dim: int = 64
    layers: int = 2
    heads: int = 4
    hidden: int = 128
    context: int = 96
    positions: str = "rotary"
    steps: int = 2000
    batch: int = 32
    rate: float = 3e-3
    warmup: float = 0.05
    betas: tuple[float, float] = (0.9, 0.99)
    decay: float = 0.01
    averaging: float = 0.99


def run(job: Job) -> dict[str, Any]:
    """Train, save, reload what was saved, measure that, and write the card. Takes no data. See `recipes.run`."""
    if job.resume and (finished := cards.read(job.out)):
        return cards.summary(job, finished)
    settings = replace(InductionSettings(layers=job.options["layers"]), **job.options.get("settings", {}))
    tokenizer = CharacterTokenizer(CHARACTERS)
    model, trained = train(len(tokenizer), settings, **job.session("learning to repeat", "model.safetensors"))
    if not trained.done:
        return cards.unfinished(job, trained)
    shipped, record = saved(job, model, tokenizer, settings)
    words = induction_cards.TWO if settings.layers > 1 else induction_cards.ONE
    finished = cards.write(
        job, words, record, FILES, {"test": figures(shipped)}, settings.steps * settings.batch, trained
    )
    return cards.summary(job, finished)


def train(vocabulary: int, settings: InductionSettings, *, seed: int, **session: Any) -> tuple[GPT, Trained]:
    """The model returned holds the averaged weights. session: see `fit`."""
    torch.manual_seed(seed)
    config = GPTConfig(
        vocabulary=vocabulary,
        dim=settings.dim,
        layers=settings.layers,
        heads=settings.heads,
        hidden=settings.hidden,
        context=settings.context,
        positions=settings.positions,
        bias=False,
        tied=False,
    )
    model = GPT(config)

    def loss_at(step: int) -> Tensor:
        """Of every place, also where nothing can be known: so the model learns to be unsure there."""
        texts = repeated(np.random.default_rng([seed, step]), settings.batch, settings.context, vocabulary)
        ids = torch.from_numpy(texts.ids)  # [B, T + 1]
        return F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())

    trained = fit_model(model, loss_at, settings.steps, settings, seed=seed, betas=settings.betas, **session)
    return model, trained


def figures(model: GPT, texts: int = TEST) -> dict[str, Any]:
    """Of the places where the next character can be known: how often it is the likeliest, beside what knows less."""
    config = model.config
    test = repeated(np.random.default_rng(TEST_SEED), texts, config.context, config.vocabulary)
    found = {
        "accuracy": _right(test, guesses(model, test.ids)),
        "last_time_accuracy": _right(test, by_last_time(test.ids)),
        "counting_accuracy": _right(test, by_counting(test.ids)),
        "chance_accuracy": 1 / (config.vocabulary - 1),
    }
    return {"n": texts, "known": int(test.known.sum())} | {name: round(value, 3) for name, value in found.items()}


@torch.inference_mode()
def guesses(model: GPT, ids: np.ndarray, rows: int = 64) -> np.ndarray:
    """ids [B, T + 1] -> the likeliest token after each but the last, int64 [B, T]."""
    parts = torch.from_numpy(ids[:, :-1]).split(rows)
    return torch.cat([model(part).argmax(-1) for part in parts]).numpy()


def _right(test: Repeated, guessed: np.ndarray) -> float:
    return float((guessed == test.ids[:, 1:])[test.known].mean())
