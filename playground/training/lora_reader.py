"""Span readers as LoRA adapters over the bundled encoder: where an answer begins and where it ends, two scores for each token.

A line is [CLS] question [SEP] context [SEP] (Devlin et al. 2019, arXiv 1810.04805, section 4.2), all of token type 0: peft's
forward pass of readers leaves types out. Answers are looked for among the context's tokens; [CLS] stands for "no answer".
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from torch import Tensor
from transformers import AutoModelForQuestionAnswering, AutoTokenizer, PreTrainedTokenizerBase

from playground.bundled import ENCODER_SHA256, encoder_folder, verify
from playground.core import reading
from playground.core.reading import Ranking
from playground.scratch.train import Trained
from playground.training import lora, quick_attention, saved_adapters
from playground.training.precision import halve_what_stays, mixed
from playground.training.questions import Question
from playground.training.span_loss import span_loss, token_span
from playground.training.tagging import budget_schedule

LONGEST_QUESTION = 64  # tokens; the rest of a longer one is not read


@dataclass(frozen=True)
class ReaderSettings(lora.LoraSettings):
    """`batch` counts tokens, padding included. A window holds `max_length` tokens, the question's and the special ones among them.

    trained_length: longer lines are left out of training; lines of like length make a batch.
    unanswerable: how many questions with a context that does not answer them come to a question that has an answer.
    bfloat16: products in it, where the processor has it.
    kept_rank: what is trained with `rank` is saved with this one.
    """

    epochs: float = 1
    batch: int = 3072
    rate: float = 1e-3
    rank: int = 16
    alpha: int = 32
    encoder_dropout: float = 0.0
    smoothing: float = 0.0
    averaging: float = 0.995
    max_length: int = 192
    trained_length: int = 160
    unanswerable: float = 0.12
    bfloat16: bool = True
    kept_rank: int = 16


def base_reader(folder: Path | None = None) -> tuple[torch.nn.Module, PreTrainedTokenizerBase]:
    """The bundled encoder (digest checked) with a new head for spans, and its tokenizer."""
    if folder is None:
        folder = encoder_folder()
        verify(folder / "model.safetensors", ENCODER_SHA256)
    with lora.quiet():  # transformers reports that the head is new: it is
        model = AutoModelForQuestionAnswering.from_pretrained(folder, dtype=torch.float32)
    return model, AutoTokenizer.from_pretrained(folder)


def new_adapter(model: torch.nn.Module, settings: ReaderSettings) -> PeftModel:
    """Wrap all linear layers of the encoder. A reader has no pooler; whoever puts its adapter over an encoder that has one finds it
    excluded.
    """
    config = LoraConfig(
        task_type=TaskType.QUESTION_ANS,
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=["query", "key", "value", "dense"],
        exclude_modules=["pooler.dense"],
        modules_to_save=["qa_outputs"],
    )
    with warnings.catch_warnings():  # peft 0.21 asks transformers 5.23 for a name that is going away
        warnings.simplefilter("ignore", FutureWarning)
        return get_peft_model(model, config)


class Texts:
    """Distinct texts as token ids with the characters of each token, [start, end), and the word that it is of. Each is cut once."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> None:
        self.places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        with lora.quiet():  # a text longer than a window is meant: it is cut into windows
            found = tokenizer(list(self.places), add_special_tokens=False, return_offsets_mapping=True)
        self.ids: list[list[int]] = found["input_ids"]
        self.offsets: list[list[tuple[int, int]]] = found["offset_mapping"]
        self.words = [np.array(found.word_ids(i), dtype=int) for i in range(len(self.places))]

    def borders(self, text: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """[tokens] each: whether a word begins, and whether one ends, with the token (bool), and of which line it is (int)."""
        at = self.places[text]
        return *reading.borders(self.words[at].tolist()), reading.lines_of(text, self.offsets[at])


class Windows:
    """Questions and a part of their context each, as lines of tokens.

    __call__(indices) -> the model's keyword arguments, int64 [B, T] each, and bool [B, T]: [CLS] and the context's tokens.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.first, self.between, self.padding = (
            tokenizer.cls_token_id,
            tokenizer.sep_token_id,
            tokenizer.pad_token_id,
        )
        self.ids: list[list[int]] = []
        self.context_at: list[int] = []
        self.lengths: list[int] = []

    def add(self, question: Sequence[int], context: Sequence[int]) -> None:
        self.context_at.append(len(question) + 2)
        self.ids.append([self.first, *question, self.between, *context, self.between])
        self.lengths.append(len(self.ids[-1]))

    def __call__(self, indices: Sequence[int]) -> tuple[dict[str, Tensor], Tensor]:
        longest = max(self.lengths[i] for i in indices)
        ids = torch.full((len(indices), longest), self.padding)
        mask = torch.zeros((len(indices), longest), dtype=torch.long)
        spans = torch.zeros((len(indices), longest), dtype=torch.bool)
        for row, i in enumerate(indices):
            ids[row, : self.lengths[i]] = torch.tensor(self.ids[i])
            mask[row, : self.lengths[i]] = 1
            spans[row, self.context_at[i] : self.lengths[i] - 1] = True
        spans[:, 0] = True
        return {"input_ids": ids, "attention_mask": mask}, spans


def train_reader(
    train: Sequence[Question],
    settings: ReaderSettings,
    *,
    seed: int,
    base: Path | None = None,
    start: Path | None = None,
    **session: Any,
) -> tuple[PeftModel, PreTrainedTokenizerBase, Trained, int]:
    """Train a new adapter, or go on from the one in folder `start`. The model returned holds the averaged weights. The last of what
    is returned is how many lines it was trained on: those that are not too long. session: see `fit`.
    """
    torch.manual_seed(seed)  # the head and the low-rank matrices start from this
    plain, tokenizer = base_reader(base)
    for module in plain.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = settings.encoder_dropout
    if settings.bfloat16:
        halve_what_stays(plain)
    quick_attention.use(plain)
    model = new_adapter(plain, settings)
    if start is not None:
        saved_adapters.start_from(model, start)
    contexts = Texts(tokenizer, [q.context for q in train])
    asked = Texts(tokenizer, [q.question for q in train])
    data, places = Windows(tokenizer), []
    for q in train:
        at = contexts.places[q.context]
        question = asked.ids[asked.places[q.question]][:LONGEST_QUESTION]
        span = token_span(contexts.offsets[at], q.start, q.end) if q.answers else (-1, -1)
        if span is None or len(question) + len(contexts.ids[at]) + 3 > settings.trained_length:
            continue
        data.add(question, contexts.ids[at])
        places.append([i + data.context_at[-1] if q.answers else 0 for i in span])
    gold = torch.tensor(places)  # [lines, 2]
    steps, batch_at = budget_schedule(data.lengths, settings.batch, seed, settings.epochs)

    def loss_at(step: int) -> Tensor:
        batch = batch_at(step)
        inputs, spans = data(batch)
        with mixed(settings.bfloat16):
            found = model(**inputs)
        logits = torch.stack([found.start_logits, found.end_logits], dim=-1)  # [B, T, 2]
        return span_loss(logits, spans, *gold[batch].T)

    trained = lora.adapt(model, loss_at, steps, settings, seed=seed, **session)
    return model, tokenizer, trained, len(places)


@torch.inference_mode()
def rankings(
    model: torch.nn.Module, tokenizer: PreTrainedTokenizerBase, questions: Sequence[Question], settings: ReaderSettings
) -> list[tuple[Ranking, list[tuple[int, int]]]]:
    """For each question its answers, best first, and the characters of its context's tokens. A long context is read in windows."""
    if not questions:
        return []
    contexts = Texts(tokenizer, [q.context for q in questions])
    asked = Texts(tokenizer, [q.question for q in questions])
    data = Windows(tokenizer)
    parts: list[list[tuple[int, int]]] = []
    for q in questions:
        ids = contexts.ids[contexts.places[q.context]]
        question = asked.ids[asked.places[q.question]][:LONGEST_QUESTION]
        parts.append(reading.windows(len(ids), settings.max_length - len(question) - 3))
        for first, after in parts[-1]:
            data.add(question, ids[first:after])
    order = sorted(range(len(data.lengths)), key=lambda i: data.lengths[i])
    found: dict[int, np.ndarray] = {}
    for at in range(0, len(order), 32):
        batch = order[at : at + 32]
        inputs, _ = data(batch)
        said = model(**inputs)
        logits = torch.stack([said.start_logits, said.end_logits]).numpy()  # [2, B, T]
        for row, i in enumerate(batch):
            found[i] = logits[:, row, data.context_at[i] : data.lengths[i] - 1] - logits[:, row, :1]
    answered, at = [], 0
    for q, windows in zip(questions, parts, strict=True):
        offsets = contexts.offsets[contexts.places[q.context]]
        scores = [found[at + i] for i in range(len(windows))]
        at += len(windows)
        start, end = reading.joined(len(offsets), windows, [s[0] for s in scores], [s[1] for s in scores])
        answered.append((reading.rank(start, end, *contexts.borders(q.context)), offsets))
    return answered
