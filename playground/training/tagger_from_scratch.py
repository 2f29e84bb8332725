"""The recipes `ner-scratch` and `pos-scratch`: our own tokenizer and tagger, from random weights, on one small set alone.

Some 200,000 words are little to learn a language from. So that the model does not know them by heart, words are cut into tokens a
little differently every time (BPE-dropout; Provilkov et al. 2020, arXiv 1910.13267) and some tokens are hidden.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any

import numpy as np
import torch
from torch import Tensor

from playground.core.bio import Scheme
from playground.scratch.model import EncoderTagger, TaggerConfig, pad
from playground.scratch.tokenizer import MASK, Tokenizer
from playground.scratch.train import Trained
from playground.training import cards, given_tokenizer, tagged, tagger_cards
from playground.training.columns import Sentence
from playground.training.evaluate_tags import Tags, figures
from playground.training.recipes import Job
from playground.training.scratch_fit import fit_model
from playground.training.scratch_settings import FromScratchSettings
from playground.training.tagging import allowed_tags, budget_schedule, lines_of, marginal_loss

FORMAT = "scratch-encoder-tagger"


@dataclass(frozen=True)
class TaggerFromScratchSettings(FromScratchSettings):
    """`batch` counts tokens, padding included."""

    vocabulary: int = 6000
    layers: int = 2
    hidden: int = 384
    max_length: int = 160
    epochs: float = 6
    batch: int = 1024


PLANS = {
    "ner-scratch": (tagged.chemicals_and_diseases, tagger_cards.NER_SCRATCH),
    "pos-scratch": (tagged.word_classes, tagger_cards.POS_SCRATCH),
}


def run(job: Job) -> dict[str, Any]:
    """Train, save, reload what was saved, measure that, and write the card. See `recipes.run`."""
    if job.resume and (finished := cards.read(job.out)):
        return cards.summary(job, finished)
    split_of, card = PLANS[job.recipe]
    settings = replace(TaggerFromScratchSettings(), **job.options.get("settings", {}))
    split = split_of(job.data)
    train = split.train[: job.options.get("limit")]

    model, tokenizer, trained = train_tagger(
        train,
        split.labels,
        settings,
        tokenizer=given_tokenizer.of(job),
        **job.session("learning", "model.safetensors"),
    )
    if not trained.done:
        return cards.unfinished(job, trained)
    tokenizer.save(job.out / "tokenizer.json")
    model.save(job.out, torch.float16)
    shipped, reader = EncoderTagger.load(job.out), Tokenizer.load(job.out / "tokenizer.json")

    scheme = Scheme.read(split.labels, consistent=True)

    def tag(sentences: Sequence[Sentence]) -> Tags:
        return [
            [split.labels[best] for best in scheme.best(rows)] for rows in probabilities(shipped, reader, sentences)
        ]

    metrics = {part: figures(tag, train, held, split.labels) for part, held in split.held.items()}
    record = {
        "format": FORMAT,
        "name": job.recipe,
        "labels": list(split.labels),
        "max_length": settings.max_length,
        "config": asdict(shipped.config),
        "parameters": sum(p.numel() for p in shipped.parameters()),
        "settings": asdict(settings),
    }
    files = ("config.json", "model.safetensors", "tokenizer.json")
    finished = cards.write(job, card, record, files, metrics, len(train), trained)
    return cards.summary(job, finished)


class Lines:
    """Lines of words as tokens, cut anew at each call when BPE-dropout is on.

    __call__(indices) -> ids int64 [B, T], mask bool [B, T], words int64 [B, T] (the place of each token's word, else -1).
    """

    def __init__(self, tokenizer: Tokenizer, lines: Sequence[Sequence[str]], max_length: int) -> None:
        self.tokenizer, self.lines, self.max_length = tokenizer, lines, max_length
        self.whole = [tokenizer.for_tagger(line) for line in lines]
        self.lengths = [len(ids) for ids, _ in self.whole]

    def __call__(
        self, batch: Sequence[int], dropout: float = 0.0, random: Random | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        rows = [self.whole[i] for i in batch]
        if dropout:  # finer cuts make a line longer: one that no longer fits is cut as usual
            finer = [self.tokenizer.for_tagger(self.lines[i], dropout, random) for i in batch]
            rows = [new if len(new[0]) <= self.max_length else old for new, old in zip(finer, rows, strict=True)]
        ids, mask = pad([ids for ids, _ in rows])
        words, _ = pad([words for _, words in rows], padding=-1)
        return ids, mask, words


def chunks(tokenizer: Tokenizer, words: Sequence[str], room: int) -> list[tuple[int, int]]:
    """[first word, word after the last) of stretches of at most `room` tokens, one after the other."""
    found, start, used = [], 0, 0
    for i, word in enumerate(words):
        size = len(tokenizer.for_tagger([word])[0]) - 1
        if i > start and used + size > room:
            found.append((start, i))
            start, used = i, 0
        used += size
    return [*found, (start, len(words))]


def train_tagger(
    train: Sequence[Sentence],
    labels: Sequence[str],
    settings: TaggerFromScratchSettings,
    *,
    tokenizer: Tokenizer | None = None,
    seed: int,
    **session: Any,
) -> tuple[EncoderTagger, Tokenizer, Trained]:
    """Learn a tokenizer where none is given, then a tagger. The model returned holds the averaged weights. session: see `fit`."""
    if tokenizer is None:
        tokenizer = Tokenizer.train((word for s in train for word in s.words), settings.vocabulary)  # always the same
    torch.manual_seed(seed)
    config = TaggerConfig(
        vocabulary=len(tokenizer),
        labels=len(labels),
        **settings.shape(),
    )
    model = EncoderTagger(config)
    room = settings.max_length - 1
    masks = allowed_tags(train, labels)
    sizes = [len(tokenizer.for_tagger(s.words)[0]) - 1 for s in train]
    lines: list[list[str]] = []
    allowed: list[Tensor] = []
    for line in lines_of(train, sizes, room, seed):
        words = [word for i in line for word in train[i].words]
        mask = torch.from_numpy(np.concatenate([masks[i] for i in line]))
        for begin, end in chunks(tokenizer, words, room):
            lines.append(words[begin:end])
            allowed.append(mask[begin:end])
    data = Lines(tokenizer, lines, settings.max_length)
    steps, batch_at = budget_schedule(data.lengths, settings.batch, seed, settings.epochs)
    hide = tokenizer.special(MASK)

    def loss_at(step: int) -> Tensor:
        batch = batch_at(step)
        ids, mask, words = data(batch, settings.bpe_dropout, Random(f"{seed}/{step}"))  # noqa: S311  [B, T] each
        hidden = (torch.rand(ids.shape) < settings.hidden_tokens) & (words >= 0)  # <cls> stays
        states = model.encoder(ids.masked_fill(hidden, hide), mask)  # [B, T, D]
        logits = model.score(states, words)  # [B, W, L]
        real = torch.arange(logits.shape[1]) <= words.amax(1, keepdim=True)  # [B, W]
        return marginal_loss(logits[real], torch.cat([allowed[i] for i in batch]))

    trained = fit_model(model, loss_at, steps, settings, seed=seed, **session)
    return model, tokenizer, trained


@torch.inference_mode()
def probabilities(model: EncoderTagger, tokenizer: Tokenizer, sentences: Sequence[Sentence]) -> list[np.ndarray]:
    """Label probabilities, float32 [words, L] for each sentence, each read by itself; one that is too long is read in parts."""
    room = model.config.max_length - 1
    parts = [(i, *part) for i, s in enumerate(sentences) for part in chunks(tokenizer, s.words, room)]
    data = Lines(tokenizer, [sentences[i].words[start:end] for i, start, end in parts], model.config.max_length)
    order = sorted(range(len(parts)), key=lambda part: data.lengths[part])
    found: dict[int, np.ndarray] = {}
    for at in range(0, len(order), 32):
        batch = order[at : at + 32]
        scores = model(*data(batch)).softmax(-1).numpy()  # [B, W, L]
        found |= {part: scores[row, : len(data.lines[part])] for row, part in enumerate(batch)}
    joined: list[list[np.ndarray]] = [[] for _ in sentences]
    for part, (i, _, _) in enumerate(parts):
        joined[i].append(found[part])
    return [np.concatenate(rows) for rows in joined]
