"""The recipe `zero-shot-scratch`: our own tokenizer and bi-encoder, from random weights, on the same episodes as `zero-shot`.

Random weights know no words, and 169 labels teach only theirs. So the texts teach the rest without labels: a few words out of each
text must find their text among the others of the batch (the inverse cloze task; Lee et al. 2019, arXiv 1906.00300). Where they were
taken out of it, what stands around them is all there is to go by, and words that keep the same company come to lie side by side.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from playground.scratch.model import EmbedderConfig, EncoderEmbedder
from playground.scratch.tokenizer import Tokenizer
from playground.scratch.train import Trained
from playground.training import cards, given_tokenizer, scratch_cards, whole_texts
from playground.training.episodes import SENTENCES, UNSEEN_SENTENCE, Episodes, episode_loss
from playground.training.evaluate_matching import measure
from playground.training.recipes import Job
from playground.training.scratch_fit import fit_model
from playground.training.scratch_settings import FromScratchSettings
from playground.training.scratch_texts import Texts, hide, outputs
from playground.training.shared_words import SharedWords
from playground.training.whole_texts import Labelled, words_of

FORMAT = "scratch-encoder"


@dataclass(frozen=True)
class MatcherFromScratchSettings(FromScratchSettings):
    """others to dropped: see `EpisodeSettings`."""

    vocabulary: int = 4000
    pooling: str = "mean"
    output: int = 128
    spread: float = 0.5  # of the tokens' first vectors: far apart, so that at first what fits is what shares words
    others: int = 32
    scale: float = 18.0
    many_scale: float = 14.0
    many_offset: float = 6.0
    many_weight: float = 0.2
    plain: float = 0.8
    dropped: float = 0.1
    cloze: float = 1.0  # weight of the inverse cloze task's loss
    taken_out: float = 0.3  # how often its words are taken out of their text


def run(job: Job) -> dict[str, Any]:
    """Train, save, reload what was saved, measure that beside the bundled encoder, and write the card. See `recipes.run`."""
    if job.resume and (finished := cards.read(job.out)):
        return cards.summary(job, finished)
    settings = replace(MatcherFromScratchSettings(), **job.options.get("settings", {}))
    split = whole_texts.zero_shot(job.data)
    limit = job.options.get("limit")
    train = {name: Labelled(part.texts[:limit], part.names[:limit]) for name, part in split.train.items()}

    model, tokenizer, trained = train_matcher(
        train,
        settings,
        tokenizer=given_tokenizer.of(job),
        **job.session("learning", "model.safetensors"),
    )
    if not trained.done:
        return cards.unfinished(job, trained)
    tokenizer.save(job.out / "tokenizer.json")
    model.save(job.out, torch.float16)
    shipped, reader = EncoderEmbedder.load(job.out), Tokenizer.load(job.out / "tokenizer.json")

    def embed(texts: Sequence[str]) -> np.ndarray:
        return outputs(shipped, reader, texts).numpy()

    metrics = measure(embed, _bundled(job.options.get("base")), split, settings, UNSEEN_SENTENCE)
    rival = SharedWords([text for part in train.values() for text in part.texts])
    for part, held in split.held.items():
        guesses = rival.answer(held.texts, [words_of(name) for name in held.classes])
        right = [held.classes[guess] == name for guess, name in zip(guesses, held.names, strict=True)]
        metrics[part]["shared_words_accuracy"] = round(sum(right) / len(right), 4)
    record = {
        "format": FORMAT,
        "name": job.recipe,
        "labels": [],
        "max_length": settings.max_length,
        "config": asdict(shipped.config),
        "parameters": sum(p.numel() for p in shipped.parameters()),
        "settings": asdict(settings),
        "ece": metrics["CLINC150, new classes"]["ece"],
        "new_classes": {name.split(",")[0]: list(part.classes) for name, part in split.held.items()},
    }
    files = ("config.json", "model.safetensors", "tokenizer.json")
    finished = cards.write(job, scratch_cards.ZERO_SHOT, record, files, metrics, sum(map(len, train.values())), trained)
    return cards.summary(job, finished)


def _bundled(base: Path | None) -> Callable[[Sequence[str]], np.ndarray]:
    """The bundled encoder as it is, to compare with."""
    from playground.training.lora_encoder import base_encoder, vectors

    model, tokenizer = base_encoder(base)
    model.eval()
    return lambda texts: vectors(model, tokenizer, texts, 128)


def cloze(text: str, taken_out: float, random: Random) -> tuple[str, str]:
    """The text and one to three of its words, in their order. By the chance `taken_out` the text comes without these words."""
    words = text.split()
    places = sorted(random.sample(range(len(words)), min(len(words), random.randint(1, 3))))
    rest = [word for i, word in enumerate(words) if i not in places]
    asked = " ".join(words[i].strip('.,;:!?"()') for i in places)
    return (" ".join(rest) if rest and random.random() < taken_out else text), asked


def cloze_loss(cosines: Tensor, other: Tensor, scale: float) -> Tensor:
    """InfoNCE: cosines [B, B] of words (rows) and texts, whose own is on the diagonal; `other`, bool [B, B], counts against it."""
    own = torch.eye(len(cosines), dtype=torch.bool)
    return F.cross_entropy((scale * cosines).masked_fill(~(other | own), -1e4), torch.arange(len(cosines)))


def train_matcher(
    sets: dict[str, Labelled],
    settings: MatcherFromScratchSettings,
    *,
    tokenizer: Tokenizer | None = None,
    seed: int,
    **session: Any,
) -> tuple[EncoderEmbedder, Tokenizer, Trained]:
    """Learn a tokenizer where none is given, then a bi-encoder. The model returned holds the averaged weights, dropout off.

    session: see `fit`.
    """
    episodes = Episodes(sets, settings, seed)
    if tokenizer is None:
        labels = [words_of(name) for _, name in episodes.classes]
        tokenizer = Tokenizer.train([*episodes.texts, *labels, *SENTENCES], settings.vocabulary, lowercase=True)
    torch.manual_seed(seed)
    config = EmbedderConfig(
        vocabulary=len(tokenizer),
        **settings.shape(),
        pooling=settings.pooling,
        output=settings.output,
    )
    model = EncoderEmbedder(config)
    nn.init.normal_(model.encoder.embeddings.tokens.weight, std=settings.spread)
    episodes.sorted_by(Texts(tokenizer, episodes.texts, settings.max_length).lengths)

    owner = torch.tensor(episodes.labels)

    def vectors_of(texts: Texts, random: Random) -> Tensor:
        ids, mask = texts(range(len(texts.ids)), settings.bpe_dropout, random)  # [B, T]
        return model(hide(ids, mask, settings.hidden_tokens, tokenizer), mask)  # [B, E]

    def loss_at(step: int) -> Tensor:
        random = Random(f"{seed}/{step}")  # noqa: S311
        episode = episodes.at(step)
        asked = [cloze(episodes.texts[i], settings.taken_out, random) for i in episode.batch]
        rests, words, labels = (
            vectors_of(Texts(tokenizer, part, settings.max_length), random)
            for part in ([rest for rest, _ in asked], [words for _, words in asked], episode.written)
        )  # [B, E], [B, E], [C, E]
        loss = episode_loss(rests @ labels.T, episode.targets, episode.compared, settings)
        own = owner[episode.batch]
        other = own[:, None] != own  # [B, B]: the words of another text with the same label may well fit this one
        return loss + settings.cloze * cloze_loss(words @ rests.T, other, settings.scale)

    trained = fit_model(model, loss_at, episodes.steps, settings, seed=seed, **session)
    return model, tokenizer, trained
