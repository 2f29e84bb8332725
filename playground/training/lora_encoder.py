"""An adapter that makes the bundled encoder's sentence vectors fit labels: a text comes to lie near the words of its own label.

Trained in episodes (Vinyals et al. 2016, arXiv 1606.04080): a batch's texts are compared with the labels of the batch and some
others, which change from step to step and are written in changing ways; so what is learned is to compare, not to know labels.
The loss is InfoNCE (van den Oord et al. 2018, arXiv 1807.03748) over cosines, and a binary one for labels judged each by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from torch import Tensor
from torch.nn import functional as F
from transformers import AutoModel, AutoTokenizer, PreTrainedTokenizerBase

from playground.bundled import ENCODER_SHA256, encoder_folder, verify
from playground.scratch.train import Trained, forever
from playground.training import lora
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


@dataclass(frozen=True)
class EncoderSettings(lora.LoraSettings):
    """`batch` texts a step, beside their own labels and `others` more.

    scale, many_scale, many_offset: of cosines, as the task has them (`core.calls.Match`).
    many_weight: of the binary loss. plain: share of labels written as their words alone. dropped: chance that a label of three
        words or more loses one.
    """

    epochs: float = 1.5
    batch: int = 48
    rate: float = 5e-4
    rank: int = 8
    alpha: int = 16
    encoder_dropout: float = 0.0
    smoothing: float = 0.0
    averaging: float = 0.99
    max_length: int = 128
    others: int = 24
    scale: float = 18.0
    many_scale: float = 14.0
    many_offset: float = 6.0
    many_weight: float = 0.2
    plain: float = 0.6
    dropped: float = 0.1


def base_encoder(folder: Path | None = None) -> tuple[torch.nn.Module, PreTrainedTokenizerBase]:
    """The bundled encoder (digest checked), without a head, and its tokenizer."""
    if folder is None:
        folder = encoder_folder()
        verify(folder / "model.safetensors", ENCODER_SHA256)
    with lora.quiet():
        model = AutoModel.from_pretrained(folder, dtype=torch.float32)
    return model, AutoTokenizer.from_pretrained(folder)


def new_adapter(model: torch.nn.Module, settings: EncoderSettings) -> PeftModel:
    """Wrap all linear layers of the encoder but its pooler, which mean pooling does not ask."""
    config = LoraConfig(
        task_type=TaskType.FEATURE_EXTRACTION,
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=["query", "key", "value", "dense"],
        exclude_modules=["pooler.dense"],
    )
    return get_peft_model(model, config)


def pooled(hidden: Tensor, mask: Tensor) -> Tensor:
    """Mean over a text's tokens, at unit length. hidden [B, T, H], mask [B, T] -> [B, H]."""
    weight = mask[:, :, None].to(hidden.dtype)
    return F.normalize((hidden * weight).sum(1) / weight.sum(1), dim=-1)


def vectors_of(model: torch.nn.Module, batch: dict[str, Tensor]) -> Tensor:
    return pooled(model(**batch).last_hidden_state, batch["attention_mask"])


class Episodes:
    """Step by step a batch of texts, and the labels that they are compared with."""

    def __init__(
        self, sets: dict[str, Labelled], tokenizer: PreTrainedTokenizerBase, settings: EncoderSettings, seed: int
    ) -> None:
        self.settings, self.seed, self.tokenizer = settings, seed, tokenizer
        self.classes = [(which, name) for which, part in sets.items() for name in part.classes]
        place = {label: i for i, label in enumerate(self.classes)}
        self.labels = [place[which, name] for which, part in sets.items() for name in part.names]
        texts = [text for part in sets.values() for text in part.texts]
        self.texts = lora.Batches(tokenizer, texts, settings.max_length)
        self.batch_at = forever(self.texts.lengths, settings.batch, seed)
        self.steps = max(1, round(settings.epochs * len(texts) / settings.batch))

    def at(self, step: int) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor, Tensor]:
        """Texts and labels of a step as token ids; for each text the place of its label among these, int64 [B]; and which of
        them it is compared with, bool [B, C]: those of its own set, since two sets may name one thing differently.
        """
        random = Random(f"{self.seed}/episode/{step}")  # noqa: S311
        batch = self.batch_at(step)
        own = sorted({self.labels[i] for i in batch})
        rest = [label for label in range(len(self.classes)) if label not in set(own)]
        chosen = own + random.sample(rest, min(self.settings.others, len(rest)))
        place = {label: i for i, label in enumerate(chosen)}
        written = lora.Batches(
            self.tokenizer,
            [self._written(self.classes[label][1], random) for label in chosen],
            self.settings.max_length,
        )
        targets = torch.tensor([place[self.labels[i]] for i in batch])
        sets = [self.classes[label][0] for label in chosen]
        compared = torch.tensor([[of == self.classes[self.labels[i]][0] for of in sets] for i in batch])
        return self.texts(batch), written(range(len(chosen))), targets, compared

    def _written(self, name: str, random: Random) -> str:
        words = words_of(name).lower().split()
        if len(words) > 2 and random.random() < self.settings.dropped:
            words.pop(random.randrange(len(words)))
        text = " ".join(words)
        return text if random.random() < self.settings.plain else random.choice(SENTENCES).format(text)


def episode_loss(cosines: Tensor, targets: Tensor, compared: Tensor, settings: EncoderSettings) -> Tensor:
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


def train_encoder(
    sets: dict[str, Labelled], settings: EncoderSettings, *, seed: int, base: Path | None = None, **session: Any
) -> tuple[PeftModel, PreTrainedTokenizerBase, Trained]:
    """Train a new adapter. The model returned holds the averaged weights. session: see `fit`."""
    torch.manual_seed(seed)
    plain, tokenizer = base_encoder(base)
    for module in plain.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = settings.encoder_dropout
    model = new_adapter(plain, settings)
    episodes = Episodes(sets, tokenizer, settings, seed)

    def loss_at(step: int) -> Tensor:
        texts, labels, targets, compared = episodes.at(step)
        cosines = vectors_of(model, texts) @ vectors_of(model, labels).T  # [B, C]
        return episode_loss(cosines, targets, compared, settings)

    trained = lora.adapt(model, loss_at, episodes.steps, settings, seed=seed, **session)
    return model, tokenizer, trained


@torch.inference_mode()
def vectors(
    model: torch.nn.Module, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_length: int
) -> np.ndarray:
    """Unit vectors, float32 [N, H], in the texts' order."""
    data = lora.Batches(tokenizer, texts, max_length)
    order = sorted(range(len(texts)), key=lambda i: data.lengths[i])
    parts = [order[at : at + 64] for at in range(0, len(order), 64)]
    found = np.concatenate([vectors_of(model, data(part)).numpy() for part in parts])
    out = np.empty_like(found)
    out[order] = found
    return out
