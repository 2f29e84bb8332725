"""The recipe `sentiment-scratch`: our own tokenizer and transformer, from random weights, on the niche's comments alone.

The tokenizer is learned first, then the labels. Each text is cut into tokens a little differently every time (BPE-dropout;
Provilkov et al. 2020, arXiv 1910.13267) and some tokens are hidden, since a small model would soon know 23,000 comments by heart.
Meanwhile a second head names the comment's emotions; it is thrown away afterwards.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from playground.scratch.model import EncoderClassifier, EncoderConfig, mean_over_tokens
from playground.scratch.tokenizer import Tokenizer
from playground.scratch.train import Trained, fit, forever
from playground.training import cards, data, data_cards, given_tokenizer
from playground.training.data import LABELS, Examples
from playground.training.evaluate import measure
from playground.training.recipes import Job
from playground.training.scratch_fit import schedule, take_average
from playground.training.scratch_settings import FromScratchSettings
from playground.training.scratch_texts import Texts, hide, outputs

FORMAT = "scratch-encoder-classifier"


@dataclass(frozen=True)
class ScratchSettings(FromScratchSettings):
    """Of the classifier for sentiment."""

    vocabulary: int = 8192
    dim: int = 160
    layers: int = 3
    heads: int = 5
    hidden: int = 640
    max_length: int = 96
    epochs: float = 8
    batch: int = 32
    rate: float = 1e-3
    dropout: float = 0.2
    smoothing: float = 0.1
    emotions: float = 1.0  # weight of the second head's loss
    averaging: float = 0.999


CARD = cards.Words(
    title="Sentiment of informal comments: a transformer from scratch",
    task="sentiment",
    tier="scratch",
    trained_on=f"GoEmotions comments that are all positive or all negative, {data_cards.NOTHING_ELSE}",
    data=data_cards.GOEMOTIONS,
    license="Apache-2.0 for the weights; trained on GoEmotions (CC BY 4.0, Demszky et al. 2020)",
    held_out="a half of GoEmotions' dev comments, chosen by the texts' SHA-256; none of them in training",
    limits=(
        "It has read 23,000 comments in its life and nothing else: rare words, long texts and other kinds of English are "
        "strange to it.",
        "English only; no neutral: every text gets one of two labels. It repeats the judgements of GoEmotions' raters.",
        "It knows nothing of films or goods, as the last column of the figures says: on reviews use `sentiment-general`.",
    ),
)


def run(job: Job) -> dict[str, Any]:
    """Train, save, reload what was saved, measure that, and write the card. See `recipes.run`."""
    if job.resume and (finished := cards.read(job.out)):
        return cards.summary(job, finished)
    settings = replace(ScratchSettings(), **job.options.get("settings", {}))
    limit = job.options.get("limit")
    split = data.informal(job.data)
    train = data.first(split.train, limit)
    emotions = data.emotions_of(job.data, train.texts)
    tokenizer = given_tokenizer.of(job)
    if tokenizer is None:
        tokenizer = Tokenizer.train(train.texts, settings.vocabulary, lowercase=True)  # seconds, and always the same
    torch.manual_seed(job.seed)
    config = EncoderConfig(
        vocabulary=len(tokenizer),
        labels=len(LABELS),
        **settings.shape(),
    )
    model = EncoderClassifier(config)
    trained = learn(job, settings, model, tokenizer, train, emotions)
    if not trained.done:
        return cards.unfinished(job, trained)
    take_average(model, trained)

    tokenizer.save(job.out / "tokenizer.json")
    model.save(job.out, torch.float16)
    shipped, reader = EncoderClassifier.load(job.out), Tokenizer.load(job.out / "tokenizer.json")

    def answer(texts: tuple[str, ...]) -> list[int]:
        return probabilities(shipped, reader, texts).argmax(1).tolist()

    held = {"valid": split.valid, "test": split.test, "film reviews": data.reviews(job.data)}
    metrics = {part: measure(answer, train, examples) for part, examples in held.items()}
    record = {
        "format": FORMAT,
        "name": job.recipe,
        "labels": list(LABELS),
        "max_length": settings.max_length,
        "config": asdict(config),
        "parameters": sum(p.numel() for p in shipped.parameters()),
        "settings": asdict(settings),
    }
    files = ("config.json", "model.safetensors", "tokenizer.json")
    finished = cards.write(job, CARD, record, files, metrics, len(train), trained)
    return cards.summary(job, finished)


def learn(
    job: Job,
    settings: ScratchSettings,
    model: EncoderClassifier,
    tokenizer: Tokenizer,
    train: Examples,
    emotions: Sequence[Sequence[int]],
) -> Trained:
    """Train the model on the labels, and a second head on the emotions (indices into data.EMOTIONS, per text)."""
    second = nn.Linear(model.config.dim, len(data.EMOTIONS))
    texts = Texts(tokenizer, train.texts, settings.max_length)
    batch_at = forever(texts.lengths, settings.batch, job.seed)
    labels = torch.tensor(train.labels)
    targets = torch.zeros(len(train), len(data.EMOTIONS))  # 1 where the comment has the emotion
    for row, found in enumerate(emotions):
        targets[row, list(found)] = 1.0
    model.train()

    def loss_at(step: int) -> Tensor:
        batch = batch_at(step)
        ids, mask = texts(batch, settings.bpe_dropout, Random(f"{job.seed}/{step}"))  # noqa: S311  [B, T]
        states = model.encoder(hide(ids, mask, settings.hidden_tokens, tokenizer), mask)  # [B, T, D]
        pooled = model.dropout(mean_over_tokens(states, mask))  # [B, D]
        loss = F.cross_entropy(model.classifier(pooled), labels[batch], label_smoothing=settings.smoothing)
        return loss + settings.emotions * F.binary_cross_entropy_with_logits(second(pooled), targets[batch])

    steps = max(1, round(settings.epochs * len(train) / settings.batch))
    return fit(
        dict(model.named_parameters()) | {f"second.{name}": p for name, p in second.named_parameters()},
        loss_at,
        schedule(steps, settings),
        decay=settings.decay,
        averaging=settings.averaging,
        **job.session("learning", "model.safetensors"),
    )


def probabilities(model: EncoderClassifier, tokenizer: Tokenizer, texts: Sequence[str]) -> Tensor:
    """Label probabilities, [N, L], in the texts' order. Texts are cut at the model's length; <cls> stands first in each."""
    return outputs(model, tokenizer, texts).softmax(-1)
