"""The recipe `fill-mask-scratch`: our own tokenizer and masked model, from random weights, on Wikipedia paragraphs alone."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from playground.scratch.model import EncoderMasked, MaskedConfig
from playground.scratch.tokenizer import Tokenizer
from playground.scratch.train import Trained
from playground.training import cards, given_tokenizer, masked_cards, passages
from playground.training.evaluate_masked import figures, one_piece
from playground.training.lora_masked import keep_memory
from playground.training.masked_adapters import TEST_SEED, TESTED
from playground.training.masking import Batches, Hidden, Stream, Vocabulary, byte_pairs, frequencies, one_each
from playground.training.recipes import Job
from playground.training.scratch_fit import fit_model

FORMAT = "scratch-encoder-masked"


@dataclass(frozen=True)
class MaskedFromScratchSettings:
    """`tokens` are read in all, `batch` of them in a step, in windows of the `lengths` in turn; `masked` of all places are hidden.

    tokenizer_chars: of the training text, from which the tokenizer learns its merges. bfloat16: see `lora_masked.MaskedSettings`.
    """

    vocabulary: int = 8192
    tokenizer_chars: int = 4_000_000
    dim: int = 256
    layers: int = 2
    heads: int = 8
    hidden: int = 512
    max_length: int = 128
    tokens: int = 4_000_000
    batch: int = 2048
    lengths: tuple[int, ...] = (32, 64, 128)
    masked: float = 0.15
    rate: float = 2e-3
    warmup: float = 0.05
    decay: float = 0.01
    averaging: float = 0.99
    bfloat16: bool = True

    @property
    def steps(self) -> int:
        return max(1, round(self.tokens / self.batch))


def run(job: Job) -> dict[str, Any]:
    """Train, save, reload what was saved, measure that, and write the card. See `recipes.run`."""
    if job.resume and (finished := cards.read(job.out)):
        return cards.summary(job, finished)
    settings = replace(MaskedFromScratchSettings(), **job.options.get("settings", {}))
    split = passages.encyclopedic(job.data)
    tokenizer = given_tokenizer.of(job)
    if tokenizer is None:
        tokenizer = learn_tokenizer([text for name in split.shares for text in split.train[name]], settings)
    vocabulary = byte_pairs(tokenizer)
    room = max(settings.lengths)
    streams = [Stream(vocabulary, split.train[name], room) for name in split.shares]
    shares = list(split.shares.values())

    model, trained = train_masked(vocabulary, streams, shares, settings, **job.session("learning", "model.safetensors"))
    if not trained.done:
        return cards.unfinished(job, trained)
    tokenizer.save(job.out / "tokenizer.json")
    model.save(job.out, torch.float16)
    shipped, reader = EncoderMasked.load(job.out), byte_pairs(Tokenizer.load(job.out / "tokenizer.json"))

    often = frequencies(vocabulary, streams, shares)
    metrics: dict[str, Any] = {}
    for part, documents in {**split.held, "dev": split.dev}.items():
        stream = Stream(reader, documents, settings.max_length)
        batch = one_each(reader, stream, settings.max_length, TESTED, TEST_SEED)
        metrics[part] = figures(log_probabilities(shipped, batch), batch, often)
        metrics[part]["one_piece"] = one_piece(stream, reader)
    record = {
        "format": FORMAT,
        "name": job.recipe,
        "labels": [],
        "max_length": settings.max_length,
        "config": asdict(shipped.config),
        "parameters": sum(p.numel() for p in shipped.parameters()),
        "settings": asdict(settings),
    }
    files = ("config.json", "model.safetensors", "tokenizer.json")
    tokens = settings.steps * settings.batch
    finished = cards.write(job, masked_cards.SCRATCH, record, files, metrics, tokens, trained)
    return cards.summary(job, finished)


def learn_tokenizer(texts: Sequence[str], settings: MaskedFromScratchSettings) -> Tokenizer:
    """Always the same for the same texts: of each as long a beginning as all together may have."""
    each = max(1, settings.tokenizer_chars // max(1, len(texts)))
    return Tokenizer.train((text[:each] for text in texts), settings.vocabulary, lowercase=True)


def train_masked(
    vocabulary: Vocabulary,
    streams: Sequence[Stream],
    shares: Sequence[float],
    settings: MaskedFromScratchSettings,
    *,
    seed: int,
    **session: Any,
) -> tuple[EncoderMasked, Trained]:
    """The model returned holds the averaged weights. session: see `fit`."""
    torch.manual_seed(seed)
    config = MaskedConfig(
        vocabulary=len(vocabulary),
        dim=settings.dim,
        layers=settings.layers,
        heads=settings.heads,
        hidden=settings.hidden,
        max_length=settings.max_length,
        dropout=0.0,  # no text is read so often that it could be known by heart
    )
    model = EncoderMasked(config)
    with torch.no_grad():
        model.bias.copy_(torch.from_numpy(np.log(frequencies(vocabulary, streams, shares))))
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
            logits = _logits(model, batch.ids, batch.chosen)
        return F.cross_entropy(logits.float(), torch.from_numpy(batch.words))

    keep_memory()
    trained = fit_model(model, loss_at, settings.steps, settings, seed=seed, **session)
    return model, trained


@torch.inference_mode()
def log_probabilities(model: EncoderMasked, batch: Hidden, rows: int = 64) -> np.ndarray:
    """float32 [N, V]: of each token at each hidden place, in their order."""
    parts = [slice(at, at + rows) for at in range(0, len(batch.ids), rows)]
    found = [_logits(model, batch.ids[part], batch.chosen[part]).float().log_softmax(-1).numpy() for part in parts]
    return np.concatenate(found)


def _logits(model: EncoderMasked, ids: np.ndarray, chosen: np.ndarray) -> Tensor:
    tokens = torch.from_numpy(ids)
    found: Tensor = model(tokens, torch.ones_like(tokens, dtype=torch.bool), torch.from_numpy(chosen))
    return found
