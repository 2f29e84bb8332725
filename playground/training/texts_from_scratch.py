"""The recipes `topics-scratch`, `intent-scratch` and `spam-scratch`: our own tokenizer and transformer, from random weights, on one
small set alone.

Which words stand in a text decides most here, and linear models of words are hard to beat. A shallow encoder with a small
vocabulary gets there when it cannot learn the texts by heart: they are cut into tokens a little differently every time
(BPE-dropout; Provilkov et al. 2020, arXiv 1910.13267), some tokens are hidden, and the weights are averaged over the last steps.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from playground.scratch.model import EncoderClassifier, EncoderConfig
from playground.scratch.tokenizer import Tokenizer
from playground.scratch.train import Trained, forever
from playground.training import calibration, cards, given_tokenizer, scratch_cards, whole_texts
from playground.training.evaluate_texts import measure_all
from playground.training.recipes import Job
from playground.training.scratch_fit import fit_model
from playground.training.scratch_settings import FromScratchSettings
from playground.training.scratch_texts import Texts, hide, outputs
from playground.training.whole_texts import LabelledTexts, WholeTexts

FORMAT = "scratch-encoder-classifier"


@dataclass(frozen=True)
class TextsFromScratchSettings(FromScratchSettings):
    """Of classifiers for topics, intent and spam."""

    vocabulary: int = 3000
    pooling: str = "mean+max"
    epochs: float = 16
    dropout: float = 0.2
    smoothing: float = 0.1  # of labels that exclude one another


@dataclass(frozen=True)
class Plan:
    """What differs between the three. `many`: several labels may hold at once."""

    split: Callable[[Path | None], WholeTexts]
    card: cards.Words
    settings: TextsFromScratchSettings
    many: bool = False


PLANS = {
    "topics-scratch": Plan(
        whole_texts.topics,
        scratch_cards.TOPICS,
        TextsFromScratchSettings(vocabulary=6000, epochs=6, averaging=0.998),
        many=True,
    ),
    "intent-scratch": Plan(whole_texts.intent, scratch_cards.INTENT, TextsFromScratchSettings()),
    "spam-scratch": Plan(
        whole_texts.spam,
        scratch_cards.SPAM,
        TextsFromScratchSettings(dim=96, epochs=12, batch=32, rate=1e-3, smoothing=0.02, max_length=96),
    ),
}


def run(job: Job) -> dict[str, Any]:
    """Train, fit the temperature (and thresholds) on dev, save, reload what was saved, measure that, and write the card.

    See `recipes.run`.
    """
    if job.resume and (finished := cards.read(job.out)):
        return cards.summary(job, finished)
    plan = PLANS[job.recipe]
    settings = replace(plan.settings, **job.options.get("settings", {}))
    split = plan.split(job.data)
    train = split.train.first(job.options.get("limit"))

    model, tokenizer, trained = train_classifier(
        train,
        settings,
        many=plan.many,
        tokenizer=given_tokenizer.of(job),
        **job.session("learning", "model.safetensors"),
    )
    if not trained.done:
        return cards.unfinished(job, trained)
    truth = split.dev.matrix() if plan.many else np.array(split.dev.single)
    temperature = calibration.temperature(outputs(model, tokenizer, split.dev.texts).numpy(), truth)
    fold_temperature(model, temperature)
    tokenizer.save(job.out / "tokenizer.json")
    model.save(job.out, torch.float16)
    shipped, reader = EncoderClassifier.load(job.out), Tokenizer.load(job.out / "tokenizer.json")

    def answer(texts: tuple[str, ...]) -> np.ndarray:
        return outputs(shipped, reader, texts).numpy()

    thresholds = None
    if plan.many:
        thresholds = calibration.thresholds(calibration.sigmoid(answer(split.dev.texts)), truth)
    metrics = measure_all(plan.card.task, answer, split, train, thresholds)
    record = {
        "format": FORMAT,
        "name": job.recipe,
        "labels": list(train.names),
        "max_length": settings.max_length,
        "config": asdict(shipped.config),
        "parameters": sum(p.numel() for p in shipped.parameters()),
        "settings": asdict(settings),
        "temperature": round(temperature, 4),
        "ece": metrics["test"]["ece"],
    }
    if thresholds is not None:
        record["thresholds"] = list(thresholds)
    files = ("config.json", "model.safetensors", "tokenizer.json")
    finished = cards.write(job, plan.card, record, files, metrics, len(train), trained)
    return cards.summary(job, finished)


def train_classifier(
    train: LabelledTexts,
    settings: TextsFromScratchSettings,
    *,
    many: bool,
    tokenizer: Tokenizer | None = None,
    seed: int,
    **session: Any,
) -> tuple[EncoderClassifier, Tokenizer, Trained]:
    """Learn a tokenizer where none is given, then a classifier. The model returned holds the averaged weights, dropout off.
    session: see `fit`.

    many: each label is judged by itself: binary cross-entropy, summed over labels, from the log odds of how often each holds on.
    """
    if tokenizer is None:
        tokenizer = Tokenizer.train(train.texts, settings.vocabulary, lowercase=True)  # seconds, and always the same
    torch.manual_seed(seed)
    config = EncoderConfig(
        vocabulary=len(tokenizer),
        labels=len(train.names),
        **settings.shape(),
        pooling=settings.pooling,
    )
    model = EncoderClassifier(config)
    targets = torch.from_numpy(train.matrix().astype(np.float32)) if many else torch.tensor(train.single)
    if many:
        often = (targets.sum(0) + 1) / (len(targets) + 2)  # [L]
        with torch.no_grad():
            model.classifier.bias.copy_(often.logit())
    texts = Texts(tokenizer, train.texts, settings.max_length)
    batch_at = forever(texts.lengths, settings.batch, seed)
    steps = max(1, round(settings.epochs * len(train) / settings.batch))

    def loss_at(step: int) -> Tensor:
        batch = batch_at(step)
        ids, mask = texts(batch, settings.bpe_dropout, Random(f"{seed}/{step}"))  # noqa: S311  [B, T]
        logits = model(hide(ids, mask, settings.hidden_tokens, tokenizer), mask)  # [B, L]
        if many:
            return F.binary_cross_entropy_with_logits(logits, targets[batch], reduction="sum") / len(batch)
        return F.cross_entropy(logits, targets[batch], label_smoothing=settings.smoothing)

    trained = fit_model(model, loss_at, steps, settings, seed=seed, **session)
    return model, tokenizer, trained


@torch.no_grad()
def fold_temperature(model: EncoderClassifier, temperature: float) -> None:
    """Divide the head by the temperature: from here on its logits are z/T, and nobody after it needs to know of T."""
    model.classifier.weight.div_(temperature)
    model.classifier.bias.div_(temperature)
