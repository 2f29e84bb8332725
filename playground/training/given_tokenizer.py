"""A tokenizer that somebody trained, in place of the one that a recipe from scratch would learn: `--tokenizer FILE`. No torch.

Its merges and its lowering of letters are taken; the special tokens are the recipe's. While the recipe runs the tokenizer lies
beside its state: a resumed run goes on with the same one, and none other.
"""

from pathlib import Path
from typing import Any

from playground.bundled import sha256_of
from playground.core.errors import BadFile, NotSupported
from playground.scratch.tokenizer import CLS, MASK, PAD, Tokenizer
from playground.training.recipe_info import Recipe
from playground.training.recipes import Job

KINDS = ("texts", "tagger", "matcher", "reader", "masked", "translator", "summarizer")
TAKING = {"playground.training.from_scratch", *(f"playground.training.{kind}_from_scratch" for kind in KINDS)}


def check(recipe: Recipe, path: Path) -> None:
    """Before anything is read. Raises NotSupported for a recipe that learns no tokenizer of its own, BadFile."""
    if recipe.module not in TAKING:
        raise NotSupported(
            f"The recipe {recipe.info.name} learns no tokenizer of the kind that --tokenizer gives: leave it out, or choose a "
            "recipe from scratch that reads words."
        )
    read(path)


def of(job: Job, specials: tuple[str, ...] = (PAD, CLS, MASK)) -> Tokenizer | None:
    """The tokenizer that was given; None where the recipe learns its own. Raises BadFile, also where the state that is resumed
    was learned with another one.
    """
    path, kept = job.options.get("tokenizer"), _kept(job.out)
    given = None if path is None else read(path, specials)
    if job.resume and any(kept.parent.glob("*.safetensors")):
        before = Tokenizer.load(kept) if kept.is_file() else None
        if given is not None and (before is None or before.to_json() != given.to_json()):
            raise BadFile(
                "The saved state was learned with another tokenizer: leave out --tokenizer, choose another --out folder, or leave "
                "out --resume."
            )
        return before
    kept.unlink(missing_ok=True)
    if given is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        given.save(kept)
    return given


def said(out: Path) -> dict[str, Any] | None:
    """For the card, while the state is still there: what was given, or None where the recipe learned its own."""
    if not _kept(out).is_file():
        return None
    return {"given": True, "tokens": len(Tokenizer.load(_kept(out))), "sha256": sha256_of(out / "tokenizer.json")}


def read(path: Path, specials: tuple[str, ...] = (PAD, CLS, MASK)) -> Tokenizer:
    """What `Tokenizer.save` wrote, with these special tokens in place of its own: all other ids move along. Raises BadFile."""
    path = Path(path)
    try:
        found = Tokenizer.from_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadFile(f"There is no file {path.name}: give --tokenizer the tokenizer.json of one of our own.") from None
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise BadFile(
            f"{path.name} is no tokenizer of our own: train one of the kind “our own BPE” on the tokenizer's page, and give the "
            "tokenizer.json that it lets you download."
        ) from error
    move = len(specials) - len(found.specials)
    return Tokenizer([(a + move, b + move) for a, b in found.merges], specials, found.lowercase)


def _kept(out: Path) -> Path:
    return Path(out) / "training" / "tokenizer.json"
