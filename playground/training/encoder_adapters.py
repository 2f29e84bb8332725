"""The recipe that adapts the bundled encoder to labels that nobody trained on: `zero-shot`."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from playground.bundled import ENCODER_BASE
from playground.scratch.train import Trained
from playground.training import cards, lora, saved_adapters, text_cards, whole_texts
from playground.training.episodes import UNSEEN_SENTENCE
from playground.training.evaluate_matching import measure
from playground.training.lora_encoder import EncoderSettings, base_encoder, train_encoder, vectors
from playground.training.recipes import Job
from playground.training.whole_texts import ZeroShot

FORMAT = "lora-encoder"
SETTINGS = EncoderSettings()

Embed = Callable[[Sequence[str]], np.ndarray]  # texts -> unit vectors [N, H]


def run(job: Job) -> dict[str, Any]:
    """Train, save, reload what was saved, measure that beside the plain encoder, and write the card. See `recipes.run`."""
    if job.resume and (finished := cards.read(job.out)):
        return cards.summary(job, finished)
    settings = replace(SETTINGS, **job.options.get("settings", {}))
    base = job.options.get("base")  # another encoder's folder, in tests
    split = whole_texts.zero_shot(job.data)

    model, _, trained = train_encoder(
        split.train,
        settings,
        base=base,
        **job.session("adapting", "adapter.safetensors"),
    )
    if not trained.done:
        return cards.unfinished(job, trained)
    saved_adapters.save(model, job.out)

    parameters = sum(p.numel() for p in lora.trainable(model).values())
    return publish(job, split, settings, parameters, trained)


def publish(job: Job, split: ZeroShot, settings: EncoderSettings, parameters: int, trained: Trained) -> dict[str, Any]:
    """Measure the adapter that lies in `job.out`, beside the plain encoder, and write its card."""
    base = job.options.get("base")
    embed = [_embed(base, adapter, settings.max_length) for adapter in (job.out, None)]
    metrics = measure(*embed, split, settings, UNSEEN_SENTENCE)
    record = {
        "format": FORMAT,
        "name": job.recipe,
        "labels": [],
        "max_length": settings.max_length,
        "base": ENCODER_BASE,
        "parameters": parameters,
        "settings": asdict(settings),
        "ece": metrics["CLINC150, new classes"]["ece"],
        "new_classes": {name.split(",")[0]: list(part.classes) for name, part in split.held.items()},
    }
    files = ("adapter_config.json", "adapter_model.safetensors")
    examples = sum(map(len, split.train.values()))
    finished = cards.write(job, text_cards.ZERO_SHOT, record, files, metrics, examples, trained)
    return cards.summary(job, finished)


def _embed(base: Path | None, adapter: Path | None, max_length: int) -> Embed:
    """The encoder with the adapter in a folder, or without one."""
    model, tokenizer = base_encoder(base)
    model = model.eval() if adapter is None else lora.with_adapter(model, adapter)
    return lambda texts: vectors(model, tokenizer, texts, max_length)
