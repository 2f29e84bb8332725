"""An adapter that makes the bundled encoder's sentence vectors fit labels: a text comes to lie near the words of its own label.

What it is trained on, and its loss: see `episodes`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from torch import Tensor
from torch.nn import functional as F
from transformers import AutoModel, AutoTokenizer, PreTrainedTokenizerBase

from playground.bundled import ENCODER_SHA256, encoder_folder, verify
from playground.scratch.train import Trained
from playground.training import lora
from playground.training.episodes import Episodes, episode_loss
from playground.training.whole_texts import Labelled


@dataclass(frozen=True)
class EncoderSettings(lora.LoraSettings):
    """See also `episodes.EpisodeSettings`."""

    epochs: float = 1.0
    batch: int = 48
    rate: float = 6e-4
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
    episodes = Episodes(sets, settings, seed)
    texts = lora.Batches(tokenizer, episodes.texts, settings.max_length)
    episodes.sorted_by(texts.lengths)

    def loss_at(step: int) -> Tensor:
        episode = episodes.at(step)
        labels = lora.Batches(tokenizer, episode.written, settings.max_length)(range(len(episode.written)))
        cosines = vectors_of(model, texts(episode.batch)) @ vectors_of(model, labels).T  # [B, C]
        return episode_loss(cosines, episode.targets, episode.compared, settings)

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
