"""Masked language models as LoRA adapters over the bundled encoder (Devlin et al. 2019, arXiv 1810.04805; Hu et al. 2021).

The encoder was made for sentence vectors, and what it once knew of masks is overwritten: low-rank matrices beside all of its linear
layers give it back, and a head reads a masked place, hidden states [N, H] -> logits over the vocabulary [N, V]. The head ends in
the encoder's own word embeddings, so that it is small: a transform of H x H, and a bias for each word.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor
from torch.nn import functional as F
from transformers import AutoModelForMaskedLM, AutoTokenizer, PreTrainedTokenizerBase

from playground.bundled import ENCODER_SHA256, encoder_folder, verify
from playground.scratch.train import Trained
from playground.training import lora, saved_adapters
from playground.training.masking import Batches, Hidden, Stream, frequencies, wordpiece

HEAD = "cls.predictions."
SPREAD = 0.5  # of the transform's outputs at first: logits near the words' frequencies, not near certainty


@dataclass(frozen=True)
class MaskedSettings(lora.LoraSettings):
    """`tokens` are read in all, `batch` of them in a step, in windows of the `lengths` in turn.

    masked: the share of all places that is hidden; more than the usual 15 % teaches more per step (Wettig et al. 2023, arXiv
        2202.08005). All become [MASK], none another word: whoever asks this model asks at a mask.
    kept_rank: what is trained with `rank` is saved with this one.
    bfloat16: matrices are multiplied in it (autocast); weights, loss and optimizer stay float32.
    """

    tokens: int = 12_000_000
    batch: int = 2048
    lengths: tuple[int, ...] = (32, 96, 96, 128)
    masked: float = 0.25
    rate: float = 4e-3
    warmup: float = 0.03
    rank: int = 12
    alpha: int = 12
    kept_rank: int = 12
    encoder_dropout: float = 0.0
    averaging: float = 0.99
    smoothing: float = 0.0
    max_length: int = 128
    bfloat16: bool = True

    @property
    def steps(self) -> int:
        return max(1, round(self.tokens / self.batch))


def base_model(folder: Path | None = None) -> tuple[torch.nn.Module, PreTrainedTokenizerBase]:
    """The bundled encoder (digest checked) as BertForMaskedLM, and its tokenizer. Of the head only the decoder's weights, which are
    the word embeddings, are the encoder's.
    """
    if folder is None:
        folder = encoder_folder()
        verify(folder / "model.safetensors", ENCODER_SHA256)
    with lora.quiet():
        # Plain attention: on a CPU the backward pass of the fused one takes three times as long.
        model = AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    return model, AutoTokenizer.from_pretrained(folder)


def new_head(model: torch.nn.Module, often: np.ndarray) -> None:
    """Start the head where it answers each word as often as it is: often float64 [V], the words' shares, none 0."""
    head = model.cls.predictions
    with torch.no_grad():
        head.bias.copy_(torch.from_numpy(np.log(often)).float())
        torch.nn.init.eye_(head.transform.dense.weight)
        head.transform.dense.bias.zero_()
        head.transform.LayerNorm.weight.fill_(SPREAD)
        head.transform.LayerNorm.bias.zero_()


def new_adapter(model: torch.nn.Module, settings: MaskedSettings) -> PeftModel:
    """Wrap the model: low-rank matrices beside all linear layers of `bert.`; of the head, transform and bias learn, too."""
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=["query", "key", "value", "dense"],
        exclude_modules=["transform.dense"],
        modules_to_save=["transform"],
    )
    wrapped = get_peft_model(model, config)
    wrapped.base_model.model.cls.predictions.bias.requires_grad_(True)
    return wrapped


def read_words(model: torch.nn.Module, ids: Tensor, chosen: Tensor) -> Tensor:
    """Logits [N, V] at the chosen places alone: the decoder is half the work of a full batch. ids [B, T], chosen bool [B, T]."""
    inner = model.base_model.model if isinstance(model, PeftModel) else model
    hidden = inner.bert(input_ids=ids).last_hidden_state[chosen]  # [N, H]
    logits: Tensor = inner.cls(hidden)
    return logits


def train_masked(
    streams: Sequence[Stream],
    shares: Sequence[float],
    settings: MaskedSettings,
    *,
    seed: int,
    base: Path | None = None,
    start: Path | None = None,
    **session: Any,
) -> tuple[PeftModel, PreTrainedTokenizerBase, Trained]:
    """Train a new adapter, or go on from the one in folder `start`, its head included. The model returned holds the averaged
    weights.

    base: the encoder's folder, for tests; by default the bundled one. session: see `fit`.
    """
    torch.manual_seed(seed)  # the low-rank matrices start from this
    plain, tokenizer = base_model(base)
    for module in plain.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = settings.encoder_dropout
    vocabulary = wordpiece(tokenizer)
    new_head(plain, frequencies(vocabulary, streams, shares))
    model = new_adapter(plain, settings)
    if start is not None:
        saved_adapters.start_from(model, start)
    batches = Batches(
        vocabulary,
        streams,
        shares,
        tokens=settings.batch,
        lengths=settings.lengths,
        masked=settings.masked,
        seed=seed,
    )

    def loss_at(step: int) -> Tensor:
        batch = batches(step)
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.bfloat16):
            logits = read_words(model, torch.from_numpy(batch.ids), torch.from_numpy(batch.chosen))
        return F.cross_entropy(logits.float(), torch.from_numpy(batch.words))

    keep_memory()
    trained = lora.adapt(model, loss_at, settings.steps, settings, seed=seed, **session)
    return model, tokenizer, trained


@torch.inference_mode()
def log_probabilities(model: torch.nn.Module, batch: Hidden, rows: int = 32) -> np.ndarray:
    """float32 [N, V]: of each word at each hidden place, in their order."""
    found = []
    for at in range(0, len(batch.ids), rows):
        part = slice(at, at + rows)
        logits = read_words(model, torch.from_numpy(batch.ids[part]), torch.from_numpy(batch.chosen[part]))
        found.append(logits.float().log_softmax(-1).numpy())
    return np.concatenate(found)


def keep_memory() -> None:
    """Ask the allocator (glibc's) to keep what is freed: a step frees and asks for hundreds of megabytes, and where memory comes
    from the system each time, that takes longer than computing. Elsewhere nothing happens.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    trim_threshold, top_pad, mmap_max = -1, -2, -4  # malloc.h
    for option, value in ((mmap_max, 0), (trim_threshold, 2**31 - 1), (top_pad, 2**28)):
        mallopt(option, value)
