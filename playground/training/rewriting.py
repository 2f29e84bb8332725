"""How our encoder-decoder learns to make one text of another, and what it then writes: what translator and summarizer share."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from playground.scratch.beams import BeamSearch
from playground.scratch.decoding import Batch, Stream
from playground.scratch.sampling import Sampling
from playground.scratch.seq2seq import Seq2Seq, Seq2SeqConfig
from playground.scratch.tokenizer import PAD, Tokenizer
from playground.scratch.train import Trained, fit
from playground.training.lora_masked import keep_memory
from playground.training.pair_batches import PairBatches
from playground.training.precision import mixed
from playground.training.scratch_fit import schedule, take_average

START, END = "<start>", "<end>"
SPECIALS = (PAD, START, END)
PADDING = SPECIALS.index(PAD)
FORMAT = "scratch-seq2seq"

Pair = tuple[list[int], list[int]]  # ids of a source, END behind it; ids of its target, START before it and END behind


@dataclass(frozen=True)
class RewriterSettings:
    """The shape's words are those of `Seq2SeqConfig`. `tokens`: of a step's targets, see `PairBatches`.

    smoothing: of labels (Szegedy et al. 2016, arXiv 1512.00567, section 7). bfloat16: products are computed in it, see `mixed`.
    """

    vocabulary: int = 6000
    dim: int = 256
    encoder_layers: int = 3
    layers: int = 2
    heads: int = 4
    hidden: int = 384
    context: int = 128
    source_context: int = 128
    epochs: int = 3
    tokens: int = 2048
    rate: float = 4e-3
    warmup: float = 0.04
    decay: float = 0.01
    dropout: float = 0.0
    smoothing: float = 0.1
    averaging: float = 0.99
    bfloat16: bool = True

    def shape(self) -> dict[str, Any]:
        """Of the model, but for its vocabulary: Llama's choices, on either side."""
        names = ("dim", "encoder_layers", "layers", "heads", "hidden", "context", "source_context", "dropout")
        chosen = {"positions": "rotary", "norm": "rms", "feed_forward": "swiglu", "bias": False}
        return {name: getattr(self, name) for name in names} | chosen


def new_model(tokenizer: Tokenizer, settings: RewriterSettings, seed: int) -> Seq2Seq:
    torch.manual_seed(seed)
    return Seq2Seq(Seq2SeqConfig(vocabulary=len(tokenizer), **settings.shape()))


def pair(tokenizer: Tokenizer, source: str, target: str, settings: RewriterSettings) -> Pair:
    """Two texts as ids, each cut where its context ends."""
    start, end = tokenizer.special(START), tokenizer.special(END)
    return (
        source_ids(tokenizer, source, settings.source_context),
        [start, *tokenizer.encode(target)[: settings.context - 2], end],
    )


def source_ids(tokenizer: Tokenizer, text: str, context: int) -> list[int]:
    """A source as the model reads it: cut where its context ends, END behind it."""
    return [*tokenizer.encode(text)[: context - 1], tokenizer.special(END)]


def train(
    model: Seq2Seq, pairs: Sequence[Pair], settings: RewriterSettings, *, seed: int, **session: Any
) -> tuple[Trained, int]:
    """Teach the model the targets of the pairs, `epochs` times each. It then holds the averaged weights, in evaluation mode.

    Returns what `fit` does, and the number of steps. session: see `fit`.
    """
    sources, targets = zip(*pairs, strict=True)
    batches = PairBatches(sources, targets, settings.tokens, PADDING, seed)
    steps = settings.epochs * batches.per_epoch
    keep_memory()
    named = dict(model.train().named_parameters())
    trained = fit(
        named,
        lambda step: loss(model, batches(step), settings),
        schedule(steps, settings),
        seed=seed,
        decay=settings.decay,
        orthogonal=[name for name, p in named.items() if p.ndim == 2 and "blocks." in name],
        averaging=settings.averaging,
        **session,
    )
    take_average(model, trained)
    model.eval()
    return trained, steps


def loss(model: Seq2Seq, batch: tuple[Tensor, Tensor], settings: RewriterSettings) -> Tensor:
    """sources [B, S], targets [B, T] -> the mean cross-entropy of the targets' tokens, each foreseen from those before it."""
    sources, targets = batch
    following = targets[:, 1:]
    asked = following != PADDING
    seen: list[
        Tensor
    ] = []  # who asks for the weights gets plain attention: its backward pass takes half the time on a CPU
    with mixed(settings.bfloat16):
        read = model.sources(sources, sources != PADDING, seen)
        states = model.states(targets[:, :-1], record=seen, sources=read, cross=seen)  # [B, T - 1, D]
        logits = model.score(states[asked])  # [N, V]: padding is not scored
    return F.cross_entropy(logits.float(), following[asked], label_smoothing=settings.smoothing)


def write_all(
    model: Seq2Seq, tokenizer: Tokenizer, texts: Iterable[str], length: int, *, beams: int = 1, together: int = 64
) -> list[str]:
    """What the model makes of each text: greedily, many side by side; or with beams, one after the other."""
    start, end = tokenizer.special(START), tokenizer.special(END)
    sampling = Sampling(length=length, temperature=0, beams=beams)
    rows = [source_ids(tokenizer, text, model.config.source_context) for text in texts]
    if beams == 1:
        written = _greedy(model, rows, [start], sampling, end, together)
    else:
        written = (_searched(model, row, [start], sampling, end) for row in rows)
    return [tokenizer.decode(ids).strip() for ids in written]


def _greedy(
    model: Seq2Seq, rows: list[list[int]], prompt: list[int], sampling: Sampling, end: int, together: int
) -> Iterator[list[int]]:
    for at in range(0, len(rows), together):
        batch = Batch(model)
        streams = [Stream(prompt, sampling, {end}, model.read(row)) for row in rows[at : at + together]]
        for stream in streams:
            batch.add(stream)
        while len(batch):
            batch.step()
        yield from (stream.ids[len(prompt) :] for stream in streams)


def _searched(model: Seq2Seq, row: list[int], prompt: list[int], sampling: Sampling, end: int) -> list[int]:
    search = BeamSearch(model.read(row), prompt, sampling, {end})
    while not search.done:
        search.advance()
    return search.best
