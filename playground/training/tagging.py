"""What all taggers learn with: lines of words, batches of like length, and a loss that leaves open what a set left open."""

from collections.abc import Callable, Collection, Sequence
from random import Random

import numpy as np
import torch
from torch import Tensor

from playground.training.columns import Sentence

SHAPES = (1, 1, 2, 3)  # how many sentences of a document stand in one line: half of the lines hold one


def lines_of(sentences: Sequence[Sentence], pieces: Sequence[int], room: int, seed: int) -> list[list[int]]:
    """Indices of the sentences of each line: one to three neighbours of a document, of at most `room` pieces together.

    The tagger that serves reads whole lines of a text, so it must know both a sentence alone and some in a row. A sentence
    longer than `room` has a line for itself.
    """
    random = Random(f"{seed}/lines")  # noqa: S311
    lines: list[list[int]] = []
    wanted = used = 0
    for i, sentence in enumerate(sentences):
        follows = i > 0 and sentence.document and sentences[i - 1].document == sentence.document
        if not lines or not follows or len(lines[-1]) >= wanted or used + pieces[i] > room:
            lines.append([])
            wanted, used = random.choice(SHAPES), 0
        lines[-1].append(i)
        used += pieces[i]
    return lines


def allowed_tags(sentences: Sequence[Sentence], labels: Sequence[str]) -> list[np.ndarray]:
    """For each sentence bool [words, L]: the tags that its set does not rule out. One, but for what the set left unmarked.

    Where a set does not mark an entity type X, its "O" means "O, B-X or I-X"; a tag "" means any.
    """
    return _masks(sentences, labels, lambda tag, unmarked: {tag, *unmarked} if tag == "O" else {tag} if tag else labels)


def compared_tags(sentences: Sequence[Sentence], labels: Sequence[str]) -> list[np.ndarray]:
    """For each sentence bool [words, L]: the tags between which its set decides. All, but at an "O" those it does not mark."""
    return _masks(sentences, labels, lambda tag, unmarked: set(labels) - unmarked if tag == "O" else labels)


def _masks(
    sentences: Sequence[Sentence], labels: Sequence[str], names: Callable[[str, set[str]], Collection[str]]
) -> list[np.ndarray]:
    rows: dict[tuple[str, tuple[str, ...]], np.ndarray] = {}
    for sentence in sentences:
        for tag in sentence.tags:
            if (tag, sentence.unmarked) not in rows:
                unmarked = {f"{prefix}-{kind}" for kind in sentence.unmarked for prefix in "BI"}
                chosen = names(tag, unmarked)
                rows[tag, sentence.unmarked] = np.array([label in chosen for label in labels])
    return [np.stack([rows[tag, s.unmarked] for tag in s.tags]) for s in sentences]


def marginal_loss(logits: Tensor, allowed: Tensor, compared: Tensor | None = None) -> Tensor:
    """Minus the log-probability that a word has one of its allowed tags, the mean over words. logits, allowed [N, L] -> scalar.

    With one tag allowed it is cross-entropy; with all it is 0 (learning from partial labels: Cour et al. 2011, JMLR 12).
    compared: bool [N, L]; the tags that are left out of it learn nothing from the word, in either direction.
    """
    if compared is not None:
        logits, allowed = logits.masked_fill(~compared, -torch.inf), allowed & compared
    inside = logits.masked_fill(~allowed, -torch.inf).logsumexp(-1)
    return (logits.logsumexp(-1) - inside).mean()


def budget_batches(lengths: Sequence[int], budget: int, seed: int, epoch: int) -> list[list[int]]:
    """Cut an epoch into batches of at most `budget` places, padding included (a longer text has a batch for itself).

    Texts of like length come together: the order is shuffled by seed and epoch, sorted within large windows, cut, and the batches
    are shuffled again.
    """
    order = list(range(len(lengths)))
    random = Random(f"{seed}/{epoch}")  # noqa: S311
    random.shuffle(order)
    window = max(1, 40 * budget * len(lengths) // max(1, sum(lengths)))
    batches: list[list[int]] = []
    for start in range(0, len(order), window):
        part = sorted(order[start : start + window], key=lambda i: lengths[i])
        batch: list[int] = []
        for i in part:
            if batch and (len(batch) + 1) * lengths[i] > budget:
                batches.append(batch)
                batch = []
            batch.append(i)
        batches.append(batch)
    random.shuffle(batches)
    return batches


def budget_schedule(
    lengths: Sequence[int], budget: int, seed: int, epochs: float
) -> tuple[int, Callable[[int], list[int]]]:
    """How many steps `epochs` take, and a function from the step to its batch of indices; only one epoch is kept."""
    whole = int(epochs)
    counts = [len(budget_batches(lengths, budget, seed, epoch)) for epoch in range(whole + 1)]
    starts = [sum(counts[:epoch]) for epoch in range(whole + 1)]
    steps = max(1, starts[whole] + round((epochs - whole) * counts[whole]))
    current: dict[int, list[list[int]]] = {}

    def at(step: int) -> list[int]:
        epoch = max(e for e in range(whole + 1) if starts[e] <= step)
        if epoch not in current:
            current.clear()
            current[epoch] = budget_batches(lengths, budget, seed, epoch)
        return current[epoch][step - starts[epoch]]

    return steps, at
