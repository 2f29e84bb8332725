"""The recipes by name, and the one door to run them. Knows no torch: a recipe's module is imported when it runs."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.core.errors import BadFile, UnknownName

if TYPE_CHECKING:
    from playground.scratch.train import StepReport


@dataclass(frozen=True)
class RecipeInfo:
    """A recipe for lists on screen. `minutes` is about what it takes on 2 CPU cores."""

    name: str
    title: str
    data: str
    minutes: int


@dataclass(frozen=True)
class TrainProgress:
    """A step of a run. `stage` says in words what is learned now; `seconds` counts all sessions of this stage."""

    recipe: str
    stage: str
    step: int
    steps: int
    loss: float
    rate: float
    seconds: float

    def __str__(self) -> str:
        minutes = self.seconds / 60
        return f"{self.stage}: step {self.step:,} of {self.steps:,}, loss {self.loss:.3f}, {minutes:.1f} minutes"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Job:
    """Everything a recipe's module needs to run."""

    recipe: str
    data: Path | None
    out: Path
    minutes: float | None
    resume: bool
    seed: int
    progress: Callable[[TrainProgress], None]
    cancelled: Callable[[], bool]
    options: dict[str, Any]

    def session(self, stage: str, state: str) -> dict[str, Any]:
        """What `scratch.train.fit` takes beside what is learned. stage: in words; state: the name of the file to resume from."""

        def report(step: "StepReport") -> None:
            self.progress(TrainProgress(self.recipe, stage, **asdict(step)))

        return {
            "seed": self.seed,
            "state": self.out / "training" / state,
            "resume": self.resume,
            "minutes": self.minutes,
            "progress": report,
            "cancelled": self.cancelled,
        }


@dataclass(frozen=True)
class _Recipe:
    info: RecipeInfo
    module: str  # has run(job: Job) -> dict
    options: dict[str, Any]


_RECIPES = {
    recipe.info.name: recipe
    for recipe in (
        _Recipe(
            RecipeInfo(
                "sentiment-general",
                "LoRA adapter for reviews over the bundled encoder",
                "SST-2 phrases and sentences, UCI sentences (films, restaurants, phones)",
                30,
            ),
            "playground.training.adapters",
            {"split": "general"},
        ),
        _Recipe(
            RecipeInfo(
                "sentiment-informal",
                "LoRA adapter for informal comments over the bundled encoder",
                "GoEmotions comments that are all positive or all negative",
                20,
            ),
            "playground.training.adapters",
            {"split": "informal"},
        ),
        _Recipe(
            RecipeInfo(
                "sentiment-scratch",
                "our own small transformer and tokenizer, from random weights",
                "GoEmotions comments that are all positive or all negative, alone",
                20,
            ),
            "playground.training.from_scratch",
            {},
        ),
        _Recipe(
            RecipeInfo(
                "ner-general",
                "LoRA adapter for people, places, organisations and other names over the bundled encoder",
                "Wikigold, Broad Twitter, WNUT17",
                8,
            ),
            "playground.training.taggers",
            {},
        ),
        _Recipe(
            RecipeInfo(
                "ner-medical",
                "LoRA adapter for chemicals and diseases over the bundled encoder",
                "BC5CDR, and a quarter of NCBI Disease",
                25,
            ),
            "playground.training.taggers",
            {},
        ),
        _Recipe(
            RecipeInfo(
                "ner-scratch",
                "our own small tagger and tokenizer for chemicals and diseases, from random weights",
                "BC5CDR alone",
                5,
            ),
            "playground.training.tagger_from_scratch",
            {},
        ),
        _Recipe(
            RecipeInfo(
                "pos-general",
                "LoRA adapter for word classes over the bundled encoder",
                "UD English EWT: e-mail, newsgroups, web logs",
                6,
            ),
            "playground.training.taggers",
            {},
        ),
        _Recipe(
            RecipeInfo(
                "pos-informal",
                "LoRA adapter for the word classes of informal English, from pos-general on",
                "UD English EWT: reviews, questions and answers",
                4,
            ),
            "playground.training.taggers",
            {},
        ),
        _Recipe(
            RecipeInfo(
                "pos-scratch",
                "our own small tagger and tokenizer for word classes, from random weights",
                "UD English EWT alone",
                5,
            ),
            "playground.training.tagger_from_scratch",
            {},
        ),
        _Recipe(
            RecipeInfo(
                "zero-shot",
                "LoRA adapter that compares texts with labels nobody trained on, over the bundled encoder",
                "Banking77 and CLINC150, three quarters of their classes",
                14,
            ),
            "playground.training.encoder_adapters",
            {},
        ),
        _Recipe(
            RecipeInfo(
                "zero-shot-scratch",
                "our own small bi-encoder and tokenizer, from random weights",
                "Banking77 and CLINC150, three quarters of their classes, alone",
                4,
            ),
            "playground.training.matcher_from_scratch",
            {},
        ),
        _Recipe(
            RecipeInfo(
                "topics",
                "LoRA adapter for 28 emotions, several at once, over the bundled encoder",
                "GoEmotions comments",
                25,
            ),
            "playground.training.text_adapters",
            {},
        ),
        _Recipe(
            RecipeInfo(
                "topics-scratch",
                "our own small transformer and tokenizer for 28 emotions, from random weights",
                "GoEmotions comments alone",
                8,
            ),
            "playground.training.texts_from_scratch",
            {},
        ),
        _Recipe(
            RecipeInfo(
                "intent",
                "LoRA adapter for a bank's 77 intents, and none of them, over the bundled encoder",
                "Banking77, CLINC150",
                20,
            ),
            "playground.training.text_adapters",
            {},
        ),
        _Recipe(
            RecipeInfo(
                "intent-scratch",
                "our own small transformer and tokenizer for a bank's intents, from random weights",
                "Banking77 and CLINC150 alone",
                5,
            ),
            "playground.training.texts_from_scratch",
            {},
        ),
        _Recipe(
            RecipeInfo(
                "spam",
                "LoRA adapter for spam among text messages over the bundled encoder",
                "SMS Spam Collection",
                9,
            ),
            "playground.training.text_adapters",
            {},
        ),
        _Recipe(
            RecipeInfo(
                "spam-scratch",
                "our own small transformer and tokenizer for spam, from random weights",
                "SMS Spam Collection alone",
                2,
            ),
            "playground.training.texts_from_scratch",
            {},
        ),
        _Recipe(
            RecipeInfo(
                "fill-mask-general",
                "LoRA adapter and head for missing words over the bundled encoder",
                "Wikipedia paragraphs, novels",
                45,
            ),
            "playground.training.masked_adapters",
            {},
        ),
        _Recipe(
            RecipeInfo(
                "fill-mask-medical",
                "LoRA adapter for missing words of medical abstracts, from fill-mask-general on",
                "BC5CDR, NCBI Disease",
                8,
            ),
            "playground.training.masked_adapters",
            {},
        ),
        _Recipe(
            RecipeInfo(
                "fill-mask-scratch",
                "our own small masked model and tokenizer, from random weights",
                "Wikipedia paragraphs alone",
                12,
            ),
            "playground.training.masked_from_scratch",
            {},
        ),
    )
}


def recipes() -> list[RecipeInfo]:
    """All recipes: by task, in the tiers' order."""
    return [recipe.info for recipe in _RECIPES.values()]


def run(
    name: str,
    *,
    data: Path | None = None,
    out: Path,
    minutes: float | None = None,
    resume: bool = False,
    seed: int = 0,
    progress: Callable[[TrainProgress], None] = lambda progress: None,
    cancelled: Callable[[], bool] = lambda: False,
    **options: Any,
) -> dict[str, Any]:
    """Train until the recipe is over, `minutes` have passed, `cancelled()` or Ctrl+C. The result is ready for JSON.

    data: a folder like the project's shared data; None takes the same sets from the hub.
    out: receives the checkpoint (checkpoint.json, weights, README.md); until then its folder `training` holds the state
        that `resume` goes on from. With `resume` and a finished checkpoint, nothing is trained and its record is returned.
    options: departures from the recipe, e.g. `settings={"epochs": 1}`; the card names them.

    Returns {"recipe", "done", "out", "seconds", ...}: with "stage" and "step" when not done, "metrics" and "files" when done.
    Raises UnknownName (it lists the known recipes), BadFile for missing data or a state of another run.
    """
    if name not in _RECIPES:
        raise UnknownName("recipe", name, list(_RECIPES))
    recipe = _RECIPES[name]
    if data is not None and not Path(data).is_dir():
        raise BadFile(
            f"There is no folder {Path(data).name}: give --data the folder that holds sentiment/, topics/, ner/, pos/ and text/."
        )
    folder = None if data is None else Path(data)
    job = Job(name, folder, Path(out), minutes, resume, seed, progress, cancelled, {**recipe.options, **options})
    module = import_module(recipe.module)
    from playground.scratch.train import WrongState  # torch is in memory by now

    try:
        result: dict[str, Any] = module.run(job)
    except WrongState as error:
        raise BadFile(f"{error} Choose another --out folder, or leave out --resume.") from error
    except FileNotFoundError as error:
        name_of = Path(error.filename).name if error.filename else str(error)
        raise BadFile(f"The recipe needs the file {name_of}, which is missing: check --data.") from error
    return result
