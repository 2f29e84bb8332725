"""The recipes that teach the bundled encoder to fill masks: `fill-mask-general`, and from there on `fill-mask-medical`."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from playground.bundled import ENCODER_BASE
from playground.training import cards, lora, lora_masked, masked_cards, passages, saved_adapters
from playground.training.adapters import BUNDLED
from playground.training.evaluate_masked import figures, one_piece, scores
from playground.training.lora_masked import MaskedSettings
from playground.training.masking import Stream, frequencies, one_each, wordpiece
from playground.training.passages import Passages
from playground.training.recipes import Job

FORMAT = "lora-masked"
TESTED = 2000  # hidden words a part is measured by, at most
TEST_SEED = 7  # of which words: the same for whatever is compared


@dataclass(frozen=True)
class Plan:
    """What differs between the two. `start`: the bundled adapter to go on from, which is also the one to compare with."""

    split: Callable[[Path | None], Passages]
    card: cards.Words
    settings: MaskedSettings
    start: str | None = None


PLANS = {
    "fill-mask-general": Plan(passages.general, masked_cards.GENERAL, MaskedSettings()),
    "fill-mask-medical": Plan(
        passages.medical,
        masked_cards.MEDICAL,
        MaskedSettings(tokens=1_000_000, rate=1e-3, rank=8, alpha=8, kept_rank=6),
        start="fill-mask-general",
    ),
}


def run(job: Job) -> dict[str, Any]:
    """Train, save, reload what was saved, measure that, and write the card. See `recipes.run`.

    Of the job's options, `start` is a folder with an adapter to go on from, in place of the recipe's own.
    """
    if job.resume and (finished := cards.read(job.out)):
        return cards.summary(job, finished)
    plan = PLANS[job.recipe]
    settings = replace(plan.settings, **job.options.get("settings", {}))
    base = job.options.get("base")  # another encoder's folder, in tests; the bundled adapters do not fit it
    start = job.options.get("start") or (BUNDLED / plan.start if plan.start and base is None else None)
    split = plan.split(job.data)
    vocabulary = wordpiece(lora_masked.base_model(base)[1])
    room = max(settings.lengths) - 2
    streams = [Stream(vocabulary, split.train[name], room) for name in split.shares]
    shares = list(split.shares.values())

    model, _, trained = lora_masked.train_masked(
        streams,
        shares,
        settings,
        base=base,
        start=start,
        **job.session("adapting", "adapter.safetensors"),
    )
    if not trained.done:
        return cards.unfinished(job, trained)
    saved_adapters.save(model, job.out, settings.kept_rank)

    shipped = _saved(job.out, base)
    rival = _saved(start, base) if plan.start and start is not None else None
    often = frequencies(vocabulary, streams, shares)
    metrics: dict[str, Any] = {}
    for part, documents in {**split.held, "dev": split.dev}.items():
        stream = Stream(vocabulary, documents, settings.max_length - 2)
        batch = one_each(vocabulary, stream, settings.max_length, TESTED, TEST_SEED)
        metrics[part] = figures(lora_masked.log_probabilities(shipped, batch), batch, often)
        metrics[part]["one_piece"] = one_piece(stream, vocabulary)
        if rival is not None:
            found = scores(lora_masked.log_probabilities(rival, batch), batch.words)
            metrics[part] |= {f"general_{key}": value for key, value in found.items()}
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
    finished = cards.write(job, plan.card, record, files, metrics, settings.steps * settings.batch, trained)
    return cards.summary(job, finished)


def _saved(folder: Path, base: Path | None) -> Any:
    plain, _ = lora_masked.base_model(base)
    return lora.with_adapter(plain, folder)
