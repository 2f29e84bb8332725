"""What texts are compared with while a model learns to match them with labels: the same episodes for every such model.

Trained in episodes (Vinyals et al. 2016, arXiv 1606.04080): a batch's texts are compared with the labels of the batch and some
others, which change from step to step and are written in changing ways; so what is learned is to compare, not to know labels.
The loss is InfoNCE (van den Oord et al. 2018, arXiv 1807.03748) over cosines, and a binary one for labels judged each by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from playground.scratch.train import forever
from playground.training.whole_texts import Labelled, words_of

# How a label may be written. Most of the time it is its words alone, as in the task.
SENTENCES = (
    "{}?",
    "{}.",
    "about {}",
    "This text is about {}.",
    "The topic is {}.",
    "I have a question about {}.",
    "Somebody asks about {}.",
    "The writer wants: {}.",
    "intent: {}",
)
UNSEEN_SENTENCE = "What is said here concerns {}."  # in no training step: to measure whether the wording matters


class EpisodeSettings(Protocol):
    """`batch` texts a step, beside their own labels and `others` more.

    scale, many_scale, many_offset: of cosines, as the task has them (`core.calls.Match`).
    many_weight: of the binary loss. plain: share of labels written as their words alone. dropped: chance that a label of three
        words or more loses one.
    """

    @property
    def epochs(self) -> float: ...
    @property
    def batch(self) -> int: ...
    @property
    def others(self) -> int: ...
    @property
    def scale(self) -> float: ...
    @property
    def many_scale(self) -> float: ...
    @property
    def many_offset(self) -> float: ...
    @property
    def many_weight(self) -> float: ...
    @property
    def plain(self) -> float: ...
    @property
    def dropped(self) -> float: ...


@dataclass(frozen=True)
class Episode:
    """Indices of B texts; C labels as they are written; for each text the place of its own label among them, int64 [B]; and which
    it is compared with, bool [B, C]: those of its own set, since two sets may name one thing differently.
    """

    batch: list[int]
    written: list[str]
    targets: Tensor
    compared: Tensor


class Episodes:
    """Step by step some texts, and the labels that they are compared with. `texts`: of all sets, one set after the other."""

    def __init__(self, sets: dict[str, Labelled], settings: EpisodeSettings, seed: int) -> None:
        self.settings, self.seed = settings, seed
        self.classes = [(which, name) for which, part in sets.items() for name in part.classes]
        place = {label: i for i, label in enumerate(self.classes)}
        self.labels = [place[which, name] for which, part in sets.items() for name in part.names]
        self.texts = [text for part in sets.values() for text in part.texts]
        self.steps = max(1, round(settings.epochs * len(self.texts) / settings.batch))
        self._batch_at = forever([0] * len(self.texts), settings.batch, seed)

    def sorted_by(self, lengths: Sequence[int]) -> None:
        """From here on a batch's texts have similar lengths: so many tokens each."""
        self._batch_at = forever(lengths, self.settings.batch, self.seed)

    def at(self, step: int) -> Episode:
        random = Random(f"{self.seed}/episode/{step}")  # noqa: S311
        batch = self._batch_at(step)
        own = sorted({self.labels[i] for i in batch})
        rest = [label for label in range(len(self.classes)) if label not in set(own)]
        chosen = own + random.sample(rest, min(self.settings.others, len(rest)))
        place = {label: i for i, label in enumerate(chosen)}
        sets = [self.classes[label][0] for label in chosen]
        return Episode(
            batch,
            [self._written(self.classes[label][1], random) for label in chosen],
            torch.tensor([place[self.labels[i]] for i in batch]),
            torch.tensor([[of == self.classes[self.labels[i]][0] for of in sets] for i in batch]),
        )

    def _written(self, name: str, random: Random) -> str:
        words = words_of(name).lower().split()
        if len(words) > 2 and random.random() < self.settings.dropped:
            words.pop(random.randrange(len(words)))
        text = " ".join(words)
        return text if random.random() < self.settings.plain else random.choice(SENTENCES).format(text)


def episode_loss(cosines: Tensor, targets: Tensor, compared: Tensor, settings: EpisodeSettings) -> Tensor:
    """cosines [B, C], targets int64 [B], compared bool [B, C] -> scalar.

    In the binary part a text's own label weighs as much as a quarter of the others together: as for four wrong ones of five.
    """
    one = F.cross_entropy((settings.scale * cosines).masked_fill(~compared, -1e4), targets)
    truth = F.one_hot(targets, cosines.shape[1]).to(cosines.dtype)
    each = F.binary_cross_entropy_with_logits(
        settings.many_scale * cosines - settings.many_offset, truth, reduction="none"
    )
    wrong = compared & (truth == 0)
    many = (each * truth).sum(1) + 4 * (each * wrong).sum(1) / wrong.sum(1).clamp(min=1)
    return one + settings.many_weight * many.mean()
