"""Figures of matching texts with labels by their vectors, on classes that were never trained on. No torch."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Protocol

import numpy as np

from playground.training.calibration import calibration_error, sigmoid, softmax
from playground.training.evaluate_texts import micro_f1, rounded
from playground.training.whole_texts import Labelled, ZeroShot, words_of

Embed = Callable[[Sequence[str]], np.ndarray]  # texts -> unit vectors [N, H]
FEW = 5  # labels of a visitor who lets several be true
# As the task has them where several may be true. The loss drew its line higher (`many_offset`), between the questions and the
# whole sentences that it learned from; a visitor's labels are words, which are less like a text (see tasks/zero_shot.py).
MANY_OFFSET, MANY_THRESHOLD = 2.8, 0.5


class Scales(Protocol):
    """What cosines are multiplied with: the task's own."""

    @property
    def scale(self) -> float: ...
    @property
    def many_scale(self) -> float: ...


def measure(ours: Embed, plain: Embed, split: ZeroShot, scales: Scales, sentence: str) -> dict[str, dict[str, Any]]:
    """Of each held-out part: among its own classes; among all of its set; and with the labels written in a `sentence`, all of them
    beside the plain encoder with the same labels.
    """
    found: dict[str, dict[str, Any]] = {}
    for part, held in split.held.items():
        name = part.split(",")[0]
        everything = sorted({*held.classes, *split.train[name].classes})
        texts = [embed(held.texts) for embed in (ours, plain)]
        for suffix, classes, template in (
            ("", held.classes, "{}"),
            (f" among all {len(everything)}", everything, "{}"),
            (", in a sentence", held.classes, sentence),
        ):
            written = [template.format(words_of(name)) for name in classes]
            cosines = [vectors @ embed(written).T for vectors, embed in zip(texts, (ours, plain), strict=True)]
            found[part + suffix] = figures(*cosines, held, classes, scales)
    return found


def figures(
    ours: np.ndarray, plain: np.ndarray, held: Labelled, classes: Sequence[str], scales: Scales
) -> dict[str, Any]:
    """cosines [N, C] of both encoders. Baselines: chance, and the plain encoder."""
    place = {name: i for i, name in enumerate(classes)}
    truth = np.array([place[name] for name in held.names])
    scores = softmax(scales.scale * ours)
    right = scores.argmax(1) == truth
    several = several_of_few(len(classes), truth)
    return rounded(
        {
            "n": len(held),
            "classes": len(classes),
            "accuracy": float(right.mean()),
            "ece": calibration_error(scores.max(1), right),
            "several_f1": _several(ours, several, scales),
            "plain_encoder_accuracy": float((plain.argmax(1) == truth).mean()),
            "chance_accuracy": 1 / len(classes),
            "plain_encoder_several_f1": _several(plain, several, scales),
            "plain_encoder_ece": calibration_error(softmax(scales.scale * plain).max(1), plain.argmax(1) == truth),
        }
    )


def several_of_few(classes: int, truth: np.ndarray) -> np.ndarray:
    """For each text the places of a few labels, its own first and then others by chance: int [N, FEW or fewer]."""
    random = Random(0)  # noqa: S311
    rows = []
    for own in truth:
        others = random.sample([c for c in range(classes) if c != own], min(FEW, classes) - 1)
        rows.append([int(own), *others])
    return np.array(rows)


def _several(cosines: np.ndarray, few: np.ndarray, scales: Scales) -> float:
    """Micro F1 where each of a few labels is judged by itself, and one of them is true."""
    scores = sigmoid(scales.many_scale * np.take_along_axis(cosines, few, 1) - MANY_OFFSET)
    truth = np.zeros(few.shape, dtype=bool)
    truth[:, 0] = True
    return micro_f1(scores >= MANY_THRESHOLD, truth)
