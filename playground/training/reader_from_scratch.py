"""The recipe `qa-scratch`: our own tokenizer and span reader, from random weights, on SQuAD alone."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from playground.core import reading
from playground.scratch.model import EncoderReader, ReaderConfig, pad
from playground.scratch.tokenizer import CLS, MASK, PAD, SEP, Tokenizer
from playground.scratch.train import Trained
from playground.training import cards, given_tokenizer, questions, reader_cards
from playground.training.evaluate_answers import Said, measured
from playground.training.precision import mixed
from playground.training.questions import Question
from playground.training.recipes import Job
from playground.training.scratch_fit import fit_model
from playground.training.scratch_settings import FromScratchSettings
from playground.training.span_loss import span_loss, token_span
from playground.training.tagging import budget_schedule

FORMAT = "scratch-encoder-reader"
SPECIALS = (PAD, CLS, MASK, SEP)
LONGEST_QUESTION = 64  # tokens; the rest of a longer one is not read


@dataclass(frozen=True)
class ReaderFromScratchSettings(FromScratchSettings):
    """`batch` counts tokens, padding included. trained_length, unanswerable: see `lora_reader.ReaderSettings`."""

    vocabulary: int = 8000
    dim: int = 192
    layers: int = 3
    heads: int = 6
    hidden: int = 512
    max_length: int = 192
    epochs: float = 1.0
    batch: int = 4096
    rate: float = 1.5e-3
    averaging: float = 0.995
    trained_length: int = 160
    unanswerable: float = 0.12
    bfloat16: bool = True
    bpe_dropout: float = 0.0


class Lines:
    """Questions and a part of their context each: <cls> question <sep> context.

    __call__(indices) -> ids int64 [B, T], mask bool [B, T], starts int64 [B] (of the contexts), spans bool [B, T]: <cls> and the
    context's tokens.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.first, self.between = tokenizer.special(CLS), tokenizer.special(SEP)
        self.ids: list[list[int]] = []
        self.starts: list[int] = []
        self.lengths: list[int] = []

    def add(self, question: Sequence[int], context: Sequence[int]) -> None:
        self.ids.append([self.first, *question, self.between, *context])
        self.starts.append(len(question) + 2)
        self.lengths.append(len(self.ids[-1]))

    def __call__(self, indices: Sequence[int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        ids, mask = pad([self.ids[i] for i in indices])
        starts = torch.tensor([self.starts[i] for i in indices])
        places = torch.arange(ids.shape[1])
        return ids, mask, starts, mask & ((places >= starts[:, None]) | (places == 0))


def run(job: Job) -> dict[str, Any]:
    """Train, save, reload what was saved, measure that, and write the card. See `recipes.run`."""
    if job.resume and (finished := cards.read(job.out)):
        return cards.summary(job, finished)
    settings = replace(ReaderFromScratchSettings(), **job.options.get("settings", {}))
    split = questions.squad(job.data)
    train = split.train[: job.options.get("limit")]
    others = questions.unanswerable(train, settings.unanswerable, job.seed)

    model, tokenizer, trained, lines = train_reader(
        [*train, *others],
        settings,
        tokenizer=given_tokenizer.of(job, SPECIALS),
        **job.session("learning", "model.safetensors"),
    )
    if not trained.done:
        return cards.unfinished(job, trained)
    tokenizer.save(job.out / "tokenizer.json")
    model.save(job.out, torch.float16)
    shipped, reader = EncoderReader.load(job.out), Tokenizer.load(job.out / "tokenizer.json")

    limit, metrics = measured(lambda asked: said(shipped, reader, asked), split, job.seed)
    record = {
        "format": FORMAT,
        "name": job.recipe,
        "labels": [],
        "max_length": settings.max_length,
        "no_answer": limit,
        "config": asdict(shipped.config),
        "parameters": sum(p.numel() for p in shipped.parameters()),
        "settings": asdict(settings),
    }
    files = ("config.json", "model.safetensors", "tokenizer.json")
    finished = cards.write(job, reader_cards.QA_SCRATCH, record, files, metrics, lines, trained)
    return cards.summary(job, finished)


def train_reader(
    train: Sequence[Question],
    settings: ReaderFromScratchSettings,
    *,
    tokenizer: Tokenizer | None = None,
    seed: int,
    **session: Any,
) -> tuple[EncoderReader, Tokenizer, Trained, int]:
    """Learn a tokenizer where none is given, then a reader. The model returned holds the averaged weights; the last of what is
    returned is how many lines it was trained on: those that are not too long. session: see `fit`.
    """
    contexts = dict.fromkeys(q.context for q in train)
    asked = dict.fromkeys(q.question for q in train)
    if tokenizer is None:  # always the same
        tokenizer = Tokenizer.train((*contexts, *asked), settings.vocabulary, SPECIALS, lowercase=True)
    torch.manual_seed(seed)
    model = EncoderReader(ReaderConfig(vocabulary=len(tokenizer), labels=2, **settings.shape()))
    cut = {context: tokenizer.for_reader(context) for context in contexts}
    data, places = Lines(tokenizer), []
    for q in train:
        ids, offsets, _ = cut[q.context]
        question = tokenizer.encode(q.question)[:LONGEST_QUESTION]
        first, after = (len(q.context[:at].encode()) for at in (max(0, q.start), max(0, q.end)))  # offsets are bytes
        span = token_span(offsets, first, after) if q.answers else (-1, -1)
        if span is None or len(question) + len(ids) + 2 > settings.trained_length:
            continue
        data.add(question, ids)
        places.append([i + data.starts[-1] if q.answers else 0 for i in span])
    gold = torch.tensor(places)  # [lines, 2]
    steps, batch_at = budget_schedule(data.lengths, settings.batch, seed, settings.epochs)
    hide = tokenizer.special(MASK)

    def loss_at(step: int) -> Tensor:
        batch = batch_at(step)
        ids, mask, starts, spans = data(batch)
        hidden = torch.rand(ids.shape) < settings.hidden_tokens
        hidden[:, 0] = False
        with mixed(settings.bfloat16):
            logits = model(ids.masked_fill(hidden & mask, hide), mask, starts)  # [B, T, 2]
        return span_loss(logits, spans, *gold[batch].T)

    trained = fit_model(model, loss_at, steps, settings, seed=seed, **session)
    return model, tokenizer, trained, len(places)


@torch.inference_mode()
def said(model: EncoderReader, tokenizer: Tokenizer, asked: Sequence[Question]) -> list[Said]:
    """The model's best answer to each question. A long context is read in windows."""
    data, parts = Lines(tokenizer), []
    cut = {context: tokenizer.for_reader(context) for context in dict.fromkeys(q.context for q in asked)}
    for q in asked:
        ids, _, _ = cut[q.context]
        question = tokenizer.encode(q.question)[:LONGEST_QUESTION]
        parts.append(reading.windows(len(ids), model.config.max_length - len(question) - 2))
        for first, after in parts[-1]:
            data.add(question, ids[first:after])
    order = sorted(range(len(data.lengths)), key=lambda i: data.lengths[i])
    scores: dict[int, np.ndarray] = {}
    for at in range(0, len(order), 32):
        batch = order[at : at + 32]
        ids, mask, starts, _ = data(batch)
        logits = model(ids, mask, starts).numpy()  # [B, T, 2]
        scores |= {i: logits[row, data.starts[i] : data.lengths[i]] - logits[row, :1] for row, i in enumerate(batch)}
    found, at = [], 0
    for q, windows in zip(asked, parts, strict=True):
        ids, spans, pieces = cut[q.context]
        own = [scores[at + i] for i in range(len(windows))]
        at += len(windows)
        start, end = reading.joined(len(ids), windows, [s[:, 0] for s in own], [s[:, 1] for s in own])
        places = _characters(q.context, spans)
        ranking = reading.rank(start, end, *reading.borders(pieces), reading.lines_of(q.context, places))
        best = ranking.candidates[0] if ranking.candidates else None
        text = q.context[places[best.first][0] : places[best.last][1]] if best else ""
        found.append(Said(text.strip(), ranking.none))
    return found


def _characters(text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """[start, end) in a text's bytes -> in its characters. What holds a part of a character stands for all of it."""
    at = [place for place, character in enumerate(text) for _ in character.encode()]
    return [(at[start], at[end - 1] + 1) for start, end in spans]
