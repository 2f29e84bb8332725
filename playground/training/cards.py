"""Model cards: README.md, checkpoint.json and the loss curve that lie beside a checkpoint's weights. No torch."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

from playground.bundled import sha256_of
from playground.training import given_tokenizer
from playground.training.figure_names import FIGURES
from playground.training.recipes import Job

HEADLESS = ("lora-encoder", "lora-causal-lm")  # formats of adapters that train no head


@dataclass(frozen=True)
class Words:
    """What a card says that no run can measure."""

    title: str
    task: str
    tier: str
    trained_on: str  # one short sentence for the card on screen
    data: tuple[str, ...]
    license: str
    held_out: str
    limits: tuple[str, ...]
    counted: str = "texts"  # what "n" counts in the figures
    learned: str = "texts"  # what "examples" counts
    repeats: str = ", no two the same"
    curve: str = "steps"  # what the loss curve counts: steps, or what "examples" counts
    reads: str = "Texts are cut at {max_length} tokens."
    made_up: bool = False  # its texts: the recipe reads no data


def read(folder: Path) -> dict[str, Any] | None:
    """A finished checkpoint's record, or None."""
    path = folder / "checkpoint.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def summary(job: Job, record: Mapping[str, Any]) -> dict[str, Any]:
    """What `run` returns for a finished checkpoint."""
    keys = ("metrics", "files", "parameters")
    found = {key: record[key] for key in keys}
    return {"recipe": job.recipe, "done": True, "out": str(job.out), "seconds": record["train_seconds"], **found}


def unfinished(job: Job, trained: Any) -> dict[str, Any]:
    """What `run` returns when time was up, or it was cancelled: `--resume` goes on from here."""
    found = {"step": trained.step, "seconds": round(trained.seconds, 1)}
    return {"recipe": job.recipe, "done": False, "out": str(job.out), **found}


def write(
    job: Job,
    words: Words,
    record: dict[str, Any],
    files: Sequence[str],
    metrics: Mapping[str, Mapping[str, Any]],
    examples: int,
    trained: Any,
) -> dict[str, Any]:
    """Write checkpoint.json (with the digests of `files`), loss.json, loss.svg and README.md; remove the training state.

    trained: what `fit` returned; its curve holds (step, mean training loss since the point before).
    """
    folder = job.out
    record = record | {
        "task": words.task,
        "tier": words.tier,
        "files": {name: sha256_of(folder / name) for name in files},
        "trained_on": words.trained_on,
        "examples": examples,
        "seed": job.seed,
        "train_seconds": round(trained.seconds, 1),
        "license": words.license,
        "metrics": metrics,
    }
    if (given := given_tokenizer.said(folder)) is not None:
        record = record | {"tokenizer": given, "settings": record["settings"] | {"vocabulary": given["tokens"]}}
    points = [[step, round(loss, 4)] for step, loss in trained.curve]
    (folder / "loss.json").write_text(json.dumps(points) + "\n", encoding="utf-8")
    illustrate(job, words, record, points)
    # Last, since it is what says "finished".
    (folder / "checkpoint.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    rmtree(folder / "training", ignore_errors=True)
    return record


def illustrate(job: Job, words: Words, record: Mapping[str, Any], points: Sequence[Sequence[float]]) -> None:
    """Write README.md and loss.svg of a finished checkpoint, whose files are there."""
    counted = points[-1][0] if words.curve == "steps" else record["examples"]
    (job.out / "loss.svg").write_text(loss_svg(points, counted, words.curve), encoding="utf-8")
    (job.out / "README.md").write_text(_readme(job, words, record), encoding="utf-8")


def _readme(job: Job, words: Words, record: Mapping[str, Any]) -> str:
    seconds = record["train_seconds"]
    settings = ", ".join(f"{key} {value}" for key, value in record["settings"].items())
    data = "" if words.made_up else " --data DIR"
    command = f"python -m playground train {job.recipe}{data} --out DIR --seed {job.seed}"
    given = record.get("tokenizer")
    command += " --tokenizer tokenizer.json" if given else ""
    size = sum((job.out / name).stat().st_size for name in record["files"])
    labels = f"Labels: {_listed(record['labels'])}. " if record["labels"] else ""
    lines = [
        f"# {words.title}",
        "",
        f"`{job.recipe}`, tier **{words.tier}**. {labels}"
        f"{words.reads.format(max_length=record['max_length'])} {record['parameters']:,} own parameters, {size / 1e6:.1f} MB, "
        "safetensors in float16.",
    ]
    if "base" in record:
        base = record["base"]
        head = "" if record["format"] in HEADLESS else " and a head"
        lines += [
            "",
            f"Base: {_link(base)}, {base['parameters'] / 1e6:.1f} M parameters, {base['license']}. It stays as it is: only "
            f"low-rank matrices beside its linear layers{head} were trained. The layout is peft's own, so "
            "`peft.PeftModel.from_pretrained` reads this folder.",
        ]
    lines += ["", "## Data", "", *(f"- {text}" for text in words.data), ""]
    lines += [f"Trained on {record['examples']:,} {words.learned}{words.repeats}. Held out: {words.held_out}."]
    if given:
        lines += [
            "",
            f"Its tokenizer was not learned from these texts but given: {given['tokens']:,} tokens, the file in this folder "
            f"(SHA-256 `{given['sha256'][:12]}`).",
        ]
    for name, classes in record.get("new_classes", {}).items():
        lines += ["", f"Never trained on, of {name}'s classes: {', '.join(f'`{label}`' for label in classes)}."]
    lines += ["", "## Figures", "", *_table(record["metrics"], words.counted), ""]
    lines += _confidence(record)
    lines += [
        "These are figures of the files in this folder, read back after they were written.",
        "",
        "## How it was made",
        "",
    ]
    lines += [f"    {command}", "", f"Settings: {settings}.", ""]
    machine = f"{os.cpu_count()} CPU cores ({platform.machine()})"
    lines += [
        f"{seconds:,.0f} seconds ({seconds / 60:.0f} minutes) on {machine}, which other programs were using as well. "
        "The same seed gives the same weights on the same kind of machine with as many threads; elsewhere rounding differs."
    ]
    if changed := {k: v for k, v in job.options.items() if k in ("settings", "limit", "base")}:
        lines += ["", f"Departures from the recipe: `{changed}`."]
    lines += [
        "",
        f"![Training loss by {words.curve}](loss.svg)",
        "",
        "## Limits",
        "",
        *(f"- {text}" for text in words.limits),
    ]
    lines += ["", "## Licence", "", f"{words.license}.", ""]
    return "\n".join(lines)


def _link(base: Mapping[str, Any]) -> str:
    """To the base on the hub, or in the folder beside this one."""
    if base["revision"]:
        return f"[{base['id']}](https://huggingface.co/{base['id']}), revision `{base['revision'][:12]}`"
    return f"[{base['id']}](../{base['id'].rpartition('/')[2]}/README.md), weights `{base['sha256'][:12]}`"


def _confidence(record: Mapping[str, Any]) -> list[str]:
    """What was done for honest confidence, the labels' thresholds, and which weights were taken."""
    lines = []
    if "temperature" in record:
        lines += [
            f"Confidence: the logits were divided by a temperature of {record['temperature']:g}, fitted on dev texts by the lowest "
            "negative log-likelihood (Guo et al. 2017), and the head in this folder already is. The expected calibration error "
            "of the test part, over 15 bins of equal width, is "
            f"{record['ece']:.3f}" + (", of all labels' scores." if "thresholds" in record else "."),
            "",
        ]
    if "chosen_step" in record:
        measured = ", ".join(f"{value} after step {step:,}" for step, value in record["dev_bits_per_byte"])
        lines += [
            f"Bits per byte of the dev part while it was trained: {measured}. The weights are those after step "
            f"{record['chosen_step']:,}.",
            "",
        ]
    if "no_answer" in record:
        lines += [
            f"“No answer” is said from a probability of {record['no_answer']:g} on: the lowest from 0.5 on that costs held-out "
            "questions with an answer at most 0.005 of their F1. It was set on other articles than the figures are of.",
            "",
        ]
    if "thresholds" in record:
        f1 = record["metrics"]["test"]["labels"]
        rows = zip(record["labels"], record["thresholds"], strict=True)
        lines += ["A label holds from its own threshold on, the one with the best F1 on dev texts:", ""]
        lines += ["| label | threshold | F1 on test |", "|---|---:|---:|"]
        lines += [f"| {name} | {cut:.3f} | {f1[name]:.3f} |" for name, cut in rows]
        lines += [""]
    return lines


def _listed(labels: Sequence[str]) -> str:
    """BIO tags by their types; of many labels all but the last with commas."""
    names = list(dict.fromkeys(label[2:] for label in labels if label.startswith("B-"))) or list(labels)
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _table(metrics: Mapping[str, Mapping[str, Any]], counted: str) -> list[str]:
    parts = list(metrics)
    kinds = list(dict.fromkeys(kind for part in parts for kind in metrics[part].get("types", {})))
    rows = [f"| held-out {counted} | {' | '.join(parts)} |", f"|---|{'---:|' * len(parts)}"]
    names = {"n": counted, **FIGURES}
    if kinds:
        names["accuracy"] = "accuracy over words, most of them in no entity"
    elif any("positives" in metrics[part] for part in parts):
        names["f1"] = "F1 of spam"
    table = [(name, [metrics[part].get(key) for part in parts]) for key, name in names.items()]
    table += [(f"F1 of {kind}", [metrics[part].get("types", {}).get(kind) for part in parts]) for kind in kinds]
    for name, cells in table:
        if any(cell is not None for cell in cells):
            rows.append(f"| {name} | {' | '.join('–' if cell is None else f'{cell:,}' for cell in cells)} |")
    return rows


def loss_svg(
    points: Sequence[Sequence[float]], counted: int, what: str = "steps", width: int = 640, height: int = 220
) -> str:
    """The loss curve, points (step, loss), as an SVG text. counted: of `what` in all; each step takes as many."""
    left, right, top, bottom = 48, width - 16, 16, height - 32
    highest, last = max(loss for _, loss in points) * 1.05 or 1.0, points[-1][0]
    places = ((left + (right - left) * step / last, bottom - (bottom - top) * loss / highest) for step, loss in points)
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    end = f"{counted:,}" if counted < 1e6 else f"{counted / 1e6:.1f} M"
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            f'font-family="sans-serif" font-size="11" fill="#666" role="img" aria-label="Training loss by {what}">',
            f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="#888"/>',
            f'<polyline points="{path}" fill="none" stroke="#0072b2" stroke-width="1.5"/>',
            f'<text x="{left - 6}" y="{top + 4}" text-anchor="end">{highest:.2f}</text>',
            f'<text x="{left - 6}" y="{bottom + 4}" text-anchor="end">0</text>',
            f'<text x="{right}" y="{bottom + 18}" text-anchor="end">{end} {what}</text>',
            "</svg>\n",
        )
    )
