"""The recipe `zero-shot-scratch`: our own tokenizer and bi-encoder, from random weights, on the same episodes as `zero-shot`.

What a label means it can only know from words that it met in training, in texts or in other labels. So that it leans on no single
one of them, texts and labels are cut into tokens a little differently every time (BPE-dropout), and some tokens of both are hidden.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from torch import Tensor

from playground.scratch.model import EmbedderConfig, EncoderEmbedder
from playground.scratch.tokenizer import Tokenizer
from playground.scratch.train import Schedule, StepReport, Trained, fit
from playground.training import cards, scratch_cards, whole_texts
from playground.training.episodes import SENTENCES, UNSEEN_SENTENCE, Episodes, episode_loss
from playground.training.evaluate_matching import measure
from playground.training.recipes import Job, TrainProgress
from playground.training.scratch_texts import Texts, hide, outputs, take_average
from playground.training.whole_texts import Labelled, words_of

FORMAT = "scratch-encoder"


@dataclass(frozen=True)
class MatcherFromScratchSettings:
    """Shape of the model, and how it learns. `warmup` is a share of all steps; others to dropped: see `EpisodeSettings`."""

    vocabulary: int = 4000
    dim: int = 128
    layers: int = 1
    heads: int = 4
    hidden: int = 256
    pooling: str = "mean+max"
    output: int = 128
    max_length: int = 64
    epochs: float = 10
    batch: int = 64
    rate: float = 2e-3
    warmup: float = 0.06
    dropout: float = 0.1
    hidden_tokens: float = 0.1  # share of tokens that become <mask>
    bpe_dropout: float = 0.1
    decay: float = 0.05
    averaging: float = 0.99
    others: int = 64
    scale: float = 18.0
    many_scale: float = 14.0
    many_offset: float = 6.0
    many_weight: float = 0.2
    plain: float = 0.8
    dropped: float = 0.1


def run(job: Job) -> dict[str, Any]:
    """Train, save, reload what was saved, measure that beside the bundled encoder, and write the card. See `recipes.run`."""
    if job.resume and (finished := cards.read(job.out)):
        return cards.summary(job, finished)
    settings = replace(MatcherFromScratchSettings(), **job.options.get("settings", {}))
    split = whole_texts.zero_shot(job.data)
    limit = job.options.get("limit")
    train = {name: Labelled(part.texts[:limit], part.names[:limit]) for name, part in split.train.items()}

    def report(step: StepReport) -> None:
        job.progress(TrainProgress(job.recipe, "learning", **asdict(step)))

    model, tokenizer, trained = train_matcher(
        train,
        settings,
        seed=job.seed,
        state=job.out / "training" / "model.safetensors",
        resume=job.resume,
        minutes=job.minutes,
        progress=report,
        cancelled=job.cancelled,
    )
    if not trained.done:
        return cards.unfinished(job, trained)
    tokenizer.save(job.out / "tokenizer.json")
    model.save(job.out, torch.float16)
    shipped, reader = EncoderEmbedder.load(job.out), Tokenizer.load(job.out / "tokenizer.json")

    def embed(texts: Sequence[str]) -> np.ndarray:
        return outputs(shipped, reader, texts).numpy()

    metrics = measure(embed, _bundled(job.options.get("base")), split, settings, UNSEEN_SENTENCE)
    record = {
        "format": FORMAT,
        "name": job.recipe,
        "labels": [],
        "max_length": settings.max_length,
        "config": asdict(shipped.config),
        "parameters": sum(p.numel() for p in shipped.parameters()),
        "settings": asdict(settings),
        "ece": metrics["CLINC150, new classes"]["ece"],
        "new_classes": {name.split(",")[0]: list(part.classes) for name, part in split.held.items()},
    }
    files = ("config.json", "model.safetensors", "tokenizer.json")
    finished = cards.write(job, scratch_cards.ZERO_SHOT, record, files, metrics, sum(map(len, train.values())), trained)
    return cards.summary(job, finished)


def _bundled(base: Path | None) -> Callable[[Sequence[str]], np.ndarray]:
    """The bundled encoder as it is, to compare with."""
    from playground.training.lora_encoder import base_encoder, vectors

    model, tokenizer = base_encoder(base)
    model.eval()
    return lambda texts: vectors(model, tokenizer, texts, 128)


def train_matcher(
    sets: dict[str, Labelled], settings: MatcherFromScratchSettings, *, seed: int, **session: Any
) -> tuple[EncoderEmbedder, Tokenizer, Trained]:
    """Learn a tokenizer, then a bi-encoder. The model returned holds the averaged weights, dropout off. session: see `fit`."""
    episodes = Episodes(sets, settings, seed)
    labels = [words_of(name) for _, name in episodes.classes]
    tokenizer = Tokenizer.train([*episodes.texts, *labels, *SENTENCES], settings.vocabulary, lowercase=True)
    torch.manual_seed(seed)
    config = EmbedderConfig(
        vocabulary=len(tokenizer),
        dim=settings.dim,
        layers=settings.layers,
        heads=settings.heads,
        hidden=settings.hidden,
        max_length=settings.max_length,
        dropout=settings.dropout,
        pooling=settings.pooling,
        output=settings.output,
    )
    model = EncoderEmbedder(config)
    texts = Texts(tokenizer, episodes.texts, settings.max_length)
    episodes.sorted_by(texts.lengths)
    model.train()

    def vectors_of(texts: Texts, batch: Sequence[int], random: Random) -> Tensor:
        ids, mask = texts(batch, settings.bpe_dropout, random)  # [B, T]
        return model(hide(ids, mask, settings.hidden_tokens, tokenizer), mask)  # [B, E]

    def loss_at(step: int) -> Tensor:
        random = Random(f"{seed}/{step}")  # noqa: S311
        episode = episodes.at(step)
        written = Texts(tokenizer, episode.written, settings.max_length)
        ours = vectors_of(texts, episode.batch, random)  # [B, E]
        theirs = vectors_of(written, range(len(episode.written)), random)  # [C, E]
        return episode_loss(ours @ theirs.T, episode.targets, episode.compared, settings)

    trained = fit(
        dict(model.named_parameters()),
        loss_at,
        Schedule(episodes.steps, settings.rate, max(1, round(settings.warmup * episodes.steps))),
        seed=seed,
        decay=settings.decay,
        averaging=settings.averaging,
        **session,
    )
    take_average(model, trained)
    return model.eval(), tokenizer, trained
