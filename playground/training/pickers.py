"""The recipe of the picker of sentences over the bundled encoder: `summarization-scitldr`."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from playground.bundled import ENCODER_BASE
from playground.core import picking
from playground.core.sentences import split
from playground.evaluation.intervals import bootstrap
from playground.evaluation.text_metrics import ROUGE, rouge
from playground.training import cards, lora, lora_encoder, saved_adapters, sentence_picker, summarization_cards
from playground.training.recipes import Job
from playground.training.scitldr import Abstract, abstracts
from playground.training.sentence_picker import PickerSettings

FORMAT = "lora-picker"
HELD = "SciTLDR, dev part"

Summarize = Callable[[Sequence[str]], list[str]]  # each text's one sentence


def run(job: Job) -> dict[str, Any]:
    """Train, save, reload what was saved, measure that, and write the card. See `recipes.run`."""
    if job.resume and (finished := cards.read(job.out)):
        return cards.summary(job, finished)
    settings = replace(PickerSettings(), **job.options.get("settings", {}))
    base = job.options.get("base")  # another encoder's folder, in tests
    train, held = abstracts(job.data)
    train = train[: job.options.get("limit")]
    held = held[: job.options.get("limit")]

    model, _, trained, learned = sentence_picker.train_picker(
        train, settings, base=base, **job.session("adapting", "adapter.safetensors")
    )
    if not trained.done:
        return cards.unfinished(job, trained)
    saved_adapters.save(model, job.out, settings.kept_rank)

    metrics = {HELD: figures(held, saved(job.out, base, settings), by_centrality(base))}
    record = {
        "format": FORMAT,
        "name": job.recipe,
        "labels": [],
        "max_length": settings.max_length,
        "base": ENCODER_BASE,
        "parameters": saved_adapters.parameters(job.out),
        "settings": asdict(settings),
    }
    files = ("adapter_config.json", "adapter_model.safetensors")
    finished = cards.write(job, summarization_cards.SCITLDR, record, files, metrics, learned, trained)
    return cards.summary(job, finished)


def saved(folder: Path, base: Path | None, settings: PickerSettings) -> Summarize:
    """By the adapter in `folder`."""
    plain, tokenizer = lora.base_model(base, sentence_picker.HEAD, per_word=True)
    model = lora.with_adapter(plain, folder)

    def summarize(texts: Sequence[str]) -> list[str]:
        found = sentence_picker.scores(model, tokenizer, texts, settings.max_length)
        parts = map(split, texts)
        return [said[picking.ranked(row, said, 1)[0]] for said, row in zip(parts, found, strict=True)]

    return summarize


def by_centrality(base: Path | None) -> Summarize:
    """By the plain encoder: the pretrained tier's answer."""
    model, tokenizer = lora_encoder.base_encoder(base)

    def summarize(texts: Sequence[str]) -> list[str]:
        parts = [split(text) for text in texts]
        vectors = lora_encoder.vectors(model.eval(), tokenizer, [one for said in parts for one in said], 256)
        each = np.split(vectors, np.cumsum([len(said) for said in parts])[:-1])
        return [said[picking.central(rows, said, 1)[0]] for said, rows in zip(parts, each, strict=True)]

    return summarize


def figures(held: Sequence[Abstract], picker: Summarize, encoder: Summarize) -> dict[str, Any]:
    """ROUGE of one sentence of each text, 0..1, beside the encoder's own choice, the first sentence, and the best of all."""
    texts = [one.text for one in held]
    own = _scores(held, picker(texts))
    others = {
        "encoder": _scores(held, encoder(texts)),
        "lead": _scores(held, [split(text)[0] for text in texts]),
    }
    found: dict[str, Any] = {"n": len(held)}
    found |= {name: _mean(own[name]) for name in ROUGE}
    for who, rows in others.items():
        found |= {f"{who}_{name}": _mean(rows[name]) for name in ROUGE}
    found |= {f"{name}_limit": _mean([_best(one, name) for one in held]) for name in ROUGE}
    found["intervals_95"] = {
        name: [round(bound, 4) for bound in bootstrap(np.array([own[name]]).T, lambda sums: sums[:, 0] / len(held))]
        for name in ROUGE
    }
    return found


def _scores(held: Sequence[Abstract], said: Sequence[str]) -> dict[str, list[float]]:
    each = [rouge(one.summaries, text) for one, text in zip(held, said, strict=True)]
    return {name: [row[name] for row in each] for name in ROUGE}


def _best(one: Abstract, name: str) -> float:
    return max(rouge(one.summaries, said)[name] for said in split(one.text))


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4)
