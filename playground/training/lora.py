"""Low-rank adaptation of the bundled encoder (Hu et al. 2021, arXiv 2106.09685), in peft's own layout: classifiers of texts, and
what taggers of words (`lora_tagger`) share with them.

The base stays frozen. Trained are two thin matrices beside every linear layer of `bert.` and the classifier's head:
one encoder in memory can carry many such adapters, each with its own head.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from torch import Tensor
from torch.nn import functional as F
from transformers import (
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from playground.bundled import ENCODER_SHA256, encoder_folder, verify
from playground.scratch.train import Schedule, StepReport, Trained, fit, forever
from playground.training import low_rank, saved_adapters
from playground.training.calibration import softmax
from playground.training.data import LABELS, Examples
from playground.training.whole_texts import LabelledTexts


@dataclass(frozen=True)
class LoraSettings:
    """What a run needs besides data and seed. `warmup` is a share of all steps."""

    epochs: float = 3
    batch: int = 32
    rate: float = 8e-4
    warmup: float = 0.06
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0  # into the low-rank matrices; 0.1 costs a quarter more time, and the encoder has its own
    encoder_dropout: float = 0.1  # the encoder's own; a step without it takes a fifth less time
    smoothing: float = 0.05  # of the labels (Szegedy et al. 2016, arXiv 1512.00567)
    averaging: float = 0.999
    max_length: int = 128


def base_model(
    folder: Path | None = None, labels: Sequence[str] = LABELS, per_word: bool = False
) -> tuple[torch.nn.Module, PreTrainedTokenizerBase]:
    """The bundled encoder (digest checked) with a new head, and its tokenizer.

    BertForSequenceClassification; BertForTokenClassification where there is a label for each word.
    """
    if folder is None:
        folder = encoder_folder()
        verify(folder / "model.safetensors", ENCODER_SHA256)
    names = dict(enumerate(labels))
    kind = AutoModelForTokenClassification if per_word else AutoModelForSequenceClassification
    with quiet():  # transformers reports that the head is new: it is
        model = kind.from_pretrained(
            folder,
            num_labels=len(labels),
            id2label=names,
            label2id={v: k for k, v in names.items()},
            dtype=torch.float32,
        )
    return model, AutoTokenizer.from_pretrained(folder)


@contextmanager
def quiet() -> Iterator[None]:
    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()


def new_adapter(model: torch.nn.Module, settings: LoraSettings, per_word: bool = False) -> PeftModel:
    """Wrap the model. The targets are all linear layers of the encoder. A tagger has no pooler; whoever puts its adapter over an
    encoder that has one finds it excluded.
    """
    config = LoraConfig(
        task_type=TaskType.TOKEN_CLS if per_word else TaskType.SEQ_CLS,
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=["query", "key", "value", "dense"],
        exclude_modules=["pooler.dense"] if per_word else None,
        modules_to_save=["classifier"],
    )
    with warnings.catch_warnings():  # peft 0.21 asks transformers 5.23 for a name that is going away
        warnings.simplefilter("ignore", FutureWarning)
        return get_peft_model(model, config)


def with_adapter(model: torch.nn.Module, folder: Path) -> PeftModel:
    """The model with the adapter saved in `folder`, ready to answer: what plain peft does for anybody."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return PeftModel.from_pretrained(model, folder).eval()


class Batches:
    """Texts as token ids, padded per batch: __call__(indices) -> keyword arguments of the model, [B, T] each."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_length: int) -> None:
        self.tokenizer = tokenizer
        self.ids: list[list[int]] = tokenizer(list(texts), truncation=True, max_length=max_length)["input_ids"]
        self.lengths = [len(ids) for ids in self.ids]

    def __call__(self, indices: Sequence[int]) -> dict[str, Tensor]:
        longest = max(self.lengths[i] for i in indices)
        ids = torch.full((len(indices), longest), self.tokenizer.pad_token_id)
        mask = torch.zeros((len(indices), longest), dtype=torch.long)
        for row, i in enumerate(indices):
            ids[row, : self.lengths[i]] = torch.tensor(self.ids[i])
            mask[row, : self.lengths[i]] = 1
        return {"input_ids": ids, "attention_mask": mask}


def train_adapter(
    train: Examples | LabelledTexts,
    settings: LoraSettings,
    *,
    labels: Sequence[str] = LABELS,
    many: bool = False,
    state: Path,
    seed: int,
    base: Path | None = None,
    start: Path | None = None,
    resume: bool = False,
    minutes: float | None = None,
    progress: Callable[[StepReport], None] = lambda report: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[PeftModel, PreTrainedTokenizerBase, Trained]:
    """Train a new adapter. The model returned holds the averaged weights.

    start: a folder with an adapter whose low-rank matrices these start from; see `start_from`.
    labels: the head's, in order. many: each is judged by itself (`train` is a LabelledTexts then), so that its loss is a
        binary cross-entropy, and its bias starts at the log odds of how often the label holds in training.
    base: the encoder's folder, for tests; by default the bundled one.
    """
    torch.manual_seed(seed)  # the head and the low-rank matrices start from this
    plain, tokenizer = base_model(base, labels)
    for module in plain.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = settings.encoder_dropout
    targets = _targets(train, many)
    if many:
        often = (targets.sum(0) + 1) / (len(targets) + 2)  # [L]
        with torch.no_grad():
            plain.classifier.bias.copy_(often.logit())
    model = new_adapter(plain, settings)
    if start is not None:
        saved_adapters.start_from(model, start)
    data = Batches(tokenizer, train.texts, settings.max_length)
    batch_at = forever(data.lengths, settings.batch, seed)
    steps = max(1, round(settings.epochs * len(train) / settings.batch))

    def loss_at(step: int) -> Tensor:
        batch = batch_at(step)
        logits = model(**data(batch)).logits  # [B, L]
        if many:
            return F.binary_cross_entropy_with_logits(logits, targets[batch], reduction="sum") / len(batch)
        return F.cross_entropy(logits, targets[batch], label_smoothing=settings.smoothing)

    trained = adapt(
        model,
        loss_at,
        steps,
        settings,
        state=state,
        seed=seed,
        resume=resume,
        minutes=minutes,
        progress=progress,
        cancelled=cancelled,
    )
    return model, tokenizer, trained


def _targets(train: Examples | LabelledTexts, many: bool) -> Tensor:
    """int64 [N] of single labels; float32 [N, L] of zeros and ones for many."""
    if not many:
        return torch.tensor(train.labels if isinstance(train, Examples) else train.single)
    assert isinstance(train, LabelledTexts)
    return torch.from_numpy(train.matrix().astype(np.float32))


def adapt(
    model: PeftModel, loss_at: Callable[[int], Tensor], steps: int, settings: LoraSettings, **session: Any
) -> Trained:
    """Train the adapter for `steps` steps; then the model holds the averaged weights, ready to answer. `session`: see `fit`."""
    model.train()
    schedule = Schedule(steps, settings.rate, max(1, round(settings.warmup * steps)))
    with low_rank.added_to_weights(model):
        trained = fit(trainable(model), loss_at, schedule, averaging=settings.averaging, **session)
    with torch.no_grad():
        for name, parameter in trainable(model).items():
            parameter.copy_(trained.average[name])
    model.eval()
    return trained


def trainable(model: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """The parameters that learn: low-rank matrices inside `bert.` and the head."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


@torch.inference_mode()
def logits(
    model: torch.nn.Module, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_length: int
) -> np.ndarray:
    """What the head says of each text, float32 [N, L], in the texts' order."""
    data = Batches(tokenizer, texts, max_length)
    order = sorted(range(len(texts)), key=lambda i: data.lengths[i])
    out = np.zeros((len(texts), model.config.num_labels), dtype=np.float32)
    for at in range(0, len(order), 64):
        part = order[at : at + 64]
        out[part] = model(**data(part)).logits.numpy()
    return out


def probabilities(
    model: torch.nn.Module, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_length: int
) -> np.ndarray:
    """Probabilities of labels that exclude one another, float32 [N, L], in the texts' order."""
    return softmax(logits(model, tokenizer, texts, max_length))


def fold_temperature(model: PeftModel, temperature: float) -> None:
    """Divide the head by the temperature: from here on its logits are z/T, and nobody after it needs to know of T."""
    with torch.no_grad():
        for name, parameter in trainable(model).items():
            if ".classifier." in name:
                parameter.div_(temperature)
