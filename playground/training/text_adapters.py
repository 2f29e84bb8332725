"""The recipes that adapt the bundled encoder to whole texts: `topics`, `intent`, `spam`."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from playground.bundled import ENCODER_BASE
from playground.scratch.train import Trained
from playground.training import calibration, cards, lora, saved_adapters, text_cards, whole_texts
from playground.training.adapters import BUNDLED
from playground.training.evaluate_texts import measure_all
from playground.training.recipes import Job
from playground.training.whole_texts import LabelledTexts, WholeTexts

FORMAT = "lora-classifier"


@dataclass(frozen=True)
class Plan:
    """What differs between the three. `many`: several labels may hold at once. `start`: the bundled adapter to go on from."""

    split: Callable[[Path | None], WholeTexts]
    card: cards.Words
    settings: lora.LoraSettings
    many: bool = False
    start: str | None = None


PLANS = {
    "topics": Plan(
        whole_texts.topics,
        text_cards.TOPICS,
        lora.LoraSettings(
            epochs=1.3, rate=1.5e-3, rank=8, alpha=16, encoder_dropout=0.0, averaging=0.99, max_length=64
        ),
        many=True,
        start="sentiment-informal",
    ),
    "intent": Plan(
        whole_texts.intent,
        text_cards.INTENT,
        lora.LoraSettings(
            epochs=7, rate=1.2e-3, rank=16, alpha=32, encoder_dropout=0.0, averaging=0.995, max_length=128
        ),
    ),
    "spam": Plan(
        whole_texts.spam,
        text_cards.SPAM,
        lora.LoraSettings(epochs=5, rate=1e-3, rank=4, alpha=8, encoder_dropout=0.0, averaging=0.99, smoothing=0.02),
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
    base = job.options.get("base")  # another encoder's folder, in tests; the bundled adapters do not fit it
    split = plan.split(job.data)
    train, labels = split.train.first(job.options.get("limit")), split.train.names

    model, tokenizer, trained = lora.train_adapter(
        train,
        settings,
        labels=labels,
        many=plan.many,
        base=base,
        start=BUNDLED / plan.start if plan.start and base is None else None,
        **job.session("adapting", "adapter.safetensors"),
    )
    if not trained.done:
        return cards.unfinished(job, trained)
    truth = split.dev.matrix() if plan.many else np.array(split.dev.single)
    temperature = calibration.temperature(lora.logits(model, tokenizer, split.dev.texts, settings.max_length), truth)
    lora.fold_temperature(model, temperature)
    saved_adapters.save(model, job.out)

    parameters = sum(p.numel() for p in lora.trainable(model).values())
    return publish(job, split, train, settings, temperature, parameters, trained)


def publish(
    job: Job,
    split: WholeTexts,
    train: LabelledTexts,
    settings: lora.LoraSettings,
    temperature: float,
    parameters: int,
    trained: Trained,
) -> dict[str, Any]:
    """Measure the adapter that lies in `job.out`, whose head the temperature is folded into, and write its card."""
    plan, labels = PLANS[job.recipe], split.train.names
    answer = _saved(job.out, labels, job.options.get("base"), settings.max_length)
    thresholds = None
    if plan.many:
        thresholds = calibration.thresholds(calibration.sigmoid(answer(split.dev.texts)), split.dev.matrix())
    metrics = measure_all(job.recipe, answer, split, train, thresholds)
    record = {
        "format": FORMAT,
        "name": job.recipe,
        "labels": list(labels),
        "max_length": settings.max_length,
        "base": ENCODER_BASE,
        "parameters": parameters,
        "settings": asdict(settings),
        "temperature": round(temperature, 4),
        "ece": metrics["test"]["ece"],
    }
    if thresholds is not None:
        record["thresholds"] = list(thresholds)
    files = ("adapter_config.json", "adapter_model.safetensors")
    finished = cards.write(job, plan.card, record, files, metrics, len(train), trained)
    return cards.summary(job, finished)


def _saved(
    folder: Path, labels: Sequence[str], base: Path | None, max_length: int
) -> Callable[[tuple[str, ...]], np.ndarray]:
    """The logits [N, L] that the adapter in `folder` gives texts."""
    plain, tokenizer = lora.base_model(base, labels)
    model = lora.with_adapter(plain, folder)
    return lambda texts: lora.logits(model, tokenizer, texts, max_length)
