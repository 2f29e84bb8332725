"""The recipes by name, and the one door to run them. Knows no torch: a recipe's module is imported when it runs."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.core.errors import BadFile, UnknownName
from playground.core.openmp import spin_briefly
from playground.training.recipe_list import RECIPES, RecipeInfo

if TYPE_CHECKING:
    from playground.scratch.train import StepReport


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


def recipes() -> list[RecipeInfo]:
    """All recipes: by task, in the tiers' order."""
    return [recipe.info for recipe in RECIPES.values()]


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
    options: departures from the recipe, e.g. `settings={"epochs": 1}`; the card names them. `tokenizer`: a file, see
        `given_tokenizer`.

    Returns {"recipe", "done", "out", "seconds", ...}: with "stage" and "step" when not done, "metrics" and "files" when done.
    Raises UnknownName (it lists the known recipes), BadFile for missing data or a state of another run, NotSupported for a
    tokenizer that the recipe cannot take.
    """
    if name not in RECIPES:
        raise UnknownName("recipe", name, list(RECIPES))
    recipe = RECIPES[name]
    if data is not None and not Path(data).is_dir():
        raise BadFile(
            f"There is no folder {Path(data).name}: give --data the folder that holds sentiment/, topics/, ner/, "
            "pos/, qa/ and text/."
        )
    if options.get("tokenizer") is not None:
        from playground.training import given_tokenizer  # it knows this module

        given_tokenizer.check(recipe, options["tokenizer"])
    folder = None if data is None else Path(data)
    job = Job(name, folder, Path(out), minutes, resume, seed, progress, cancelled, {**recipe.options, **options})
    spin_briefly()
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
