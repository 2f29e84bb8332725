"""The recipes of taggers over the bundled encoder: `ner-general`, `ner-medical`, `pos-general`, `pos-informal`."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from playground.bundled import ENCODER_BASE
from playground.core.bio import Scheme
from playground.training import cards, lora, lora_tagger, saved_adapters, tagged, tagger_cards
from playground.training.adapters import BUNDLED
from playground.training.columns import Sentence
from playground.training.evaluate_tags import Tags, figures, word_accuracy
from playground.training.lora_tagger import TaggerSettings
from playground.training.recipes import Job
from playground.training.tagged import TaggedSplit

FORMAT = "lora-tagger"


@dataclass(frozen=True)
class Plan:
    """What differs between the four. `start`: the bundled adapter to go on from; of the same labels, it is also the one to compare
    with, of others its head is left behind.
    """

    split: Callable[[Path | None], TaggedSplit]
    card: cards.Words
    settings: TaggerSettings
    start: str | None = None


PLANS = {
    "ner-general": Plan(
        tagged.general,
        tagger_cards.NER_GENERAL,
        TaggerSettings(epochs=1.5, rate=1.5e-3, unmarked="left out", encoder_dropout=0.1, capitals=True),
        start="pos-general",
    ),
    "ner-medical": Plan(tagged.medical, tagger_cards.NER_MEDICAL, TaggerSettings(epochs=3, kept_rank=8)),
    "pos-general": Plan(tagged.formal, tagger_cards.POS_GENERAL, TaggerSettings(epochs=2.5, kept_rank=8)),
    "pos-informal": Plan(
        tagged.informal,
        tagger_cards.POS_INFORMAL,
        TaggerSettings(epochs=2, rate=1e-3, kept_rank=8),
        start="pos-general",
    ),
}


def run(job: Job) -> dict[str, Any]:
    """Train, save, reload what was saved, measure that, and write the card. See `recipes.run`."""
    if job.resume and (finished := cards.read(job.out)):
        return cards.summary(job, finished)
    plan = PLANS[job.recipe]
    settings = replace(plan.settings, **job.options.get("settings", {}))
    base = job.options.get("base")  # another encoder's folder, in tests; the bundled adapters do not fit it
    start = BUNDLED / plan.start if plan.start and base is None else None
    split = plan.split(job.data)
    train = split.train[: job.options.get("limit")]

    model, _, trained = lora_tagger.train_tagger(
        (*train, *split.again * (split.times - 1)),
        split.labels,
        settings,
        base=base,
        start=start,
        **job.session("adapting", "adapter.safetensors"),
    )
    if not trained.done:
        return cards.unfinished(job, trained)
    saved_adapters.save(model, job.out, settings.kept_rank)

    tag = _saved(job.out, split.labels, base, settings)
    metrics = {part: figures(tag, train, held, split.labels) for part, held in split.held.items()}
    if start is not None and saved_adapters.fits(start, len(split.labels)):
        rival = _saved(start, split.labels, base, settings)
        for part, held in split.held.items():
            metrics[part][f"{plan.start}_accuracy".replace("-", "_")] = word_accuracy(held, rival(held))
    record = {
        "format": FORMAT,
        "name": job.recipe,
        "labels": list(split.labels),
        "max_length": settings.max_length,
        "base": ENCODER_BASE,
        "parameters": saved_adapters.parameters(job.out),
        "settings": asdict(settings),
    }
    files = ("adapter_config.json", "adapter_model.safetensors")
    finished = cards.write(job, plan.card, record, files, metrics, len(train), trained)
    return cards.summary(job, finished)


def _saved(
    folder: Path, labels: Sequence[str], base: Path | None, settings: TaggerSettings
) -> Callable[[Sequence[Sentence]], Tags]:
    """What the adapter in `folder` says of sentences."""
    plain, tokenizer = lora.base_model(base, labels, per_word=True)
    model = lora.with_adapter(plain, folder)

    scheme = Scheme.read(labels, consistent=True)

    def tag(sentences: Sequence[Sentence]) -> Tags:
        found = lora_tagger.probabilities(model, tokenizer, sentences, settings.max_length, settings.capitals)
        return [[labels[best] for best in scheme.best(rows)] for rows in found]

    return tag
