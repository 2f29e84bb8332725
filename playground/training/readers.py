"""The recipes of readers over the bundled encoder: `qa-general`, `qa-knowledge-base`."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from playground.bundled import ENCODER_BASE
from playground.training import cards, lora, lora_reader, questions, reader_cards, saved_adapters
from playground.training.adapters import BUNDLED
from playground.training.evaluate_answers import Reader, Said, figures, measured
from playground.training.lora_reader import ReaderSettings
from playground.training.questions import Question, ReadingSplit
from playground.training.recipes import Job

FORMAT = "lora-reader"


@dataclass(frozen=True)
class Plan:
    """What differs between the two. `start`: the bundled adapter to go on from, and to compare with."""

    split: Callable[[Path | None], ReadingSplit]
    card: cards.Words
    settings: ReaderSettings
    start: str | None = None


PLANS = {
    "qa-general": Plan(questions.squad, reader_cards.QA_GENERAL, ReaderSettings(epochs=0.725)),
    "qa-knowledge-base": Plan(
        questions.knowledge_base,
        reader_cards.QA_KNOWLEDGE_BASE,
        ReaderSettings(
            epochs=6,
            batch=2048,
            rate=5e-4,
            averaging=0.98,
            max_length=384,
            trained_length=384,
            kept_rank=8,
            unanswerable=0.3,
        ),
        start="qa-general",
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
    others = questions.unanswerable(train, settings.unanswerable, job.seed)

    model, _, trained, lines = lora_reader.train_reader(
        [*train, *others],
        settings,
        base=base,
        start=start,
        **job.session("adapting", "adapter.safetensors"),
    )
    if not trained.done:
        return cards.unfinished(job, trained)
    saved_adapters.save(model, job.out, settings.kept_rank)

    read = saved(job.out, base, settings)
    limit, metrics = measured(read, split, job.seed)
    if start is not None:
        rival = saved(start, base, settings)
        before = cards.read(start) or {}
        for part, held in split.held.items():
            of_rival = figures(held, rival(held), before.get("no_answer", limit))
            key = plan.start.replace("-", "_") if plan.start else ""
            metrics[part] |= {f"{key}_{name}": of_rival[name] for name in ("answer_f1", "exact_match")}
    record = {
        "format": FORMAT,
        "name": job.recipe,
        "labels": [],
        "max_length": settings.max_length,
        "no_answer": limit,
        "base": ENCODER_BASE,
        "parameters": saved_adapters.parameters(job.out),
        "settings": asdict(settings),
    }
    files = ("adapter_config.json", "adapter_model.safetensors")
    finished = cards.write(job, plan.card, record, files, metrics, lines, trained)
    return cards.summary(job, finished)


def saved(folder: Path, base: Path | None, settings: ReaderSettings) -> Reader:
    """What the adapter in `folder` says of questions."""
    plain, tokenizer = lora_reader.base_reader(base)
    model = lora.with_adapter(plain, folder)

    def read(asked: Sequence[Question]) -> list[Said]:
        found = []
        for q, (ranking, offsets) in zip(asked, lora_reader.rankings(model, tokenizer, asked, settings), strict=True):
            best = ranking.candidates[0] if ranking.candidates else None
            answer = q.context[offsets[best.first][0] : offsets[best.last][1]] if best else ""
            found.append(Said(answer, ranking.none))
        return found

    return read
