"""The recipe `translation-familiar`: low-rank matrices beside the starter translator (Hu et al. 2021, arXiv 2106.09685), so that it
speaks to a friend. The translator itself stays as it is.

English has one “you”. The starter has read tu and vous by turns and takes either; whoever translates letters to friends, a game or
an app that says tu wants one of them throughout.
"""

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from torch import Tensor
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, PreTrainedTokenizerBase

from playground.scratch.train import Trained
from playground.training import cards, lora, saved_adapters, tatoeba, translation_cards, translator, voice
from playground.training.adapters import BUNDLED
from playground.training.address import familiar_ones, is_familiar, is_polite
from playground.training.evaluate_translator import translate
from playground.training.lora_masked import keep_memory
from playground.training.recipes import Job
from playground.training.tatoeba import Referenced
from playground.training.translator_from_scratch import bleu

FORMAT = "lora-seq2seq-lm"
BASE = "translation-general"
LAYERS = ["q", "k", "v", "o", "wi_0", "wi_1", "wo"]  # all linear ones of a T5's blocks


@dataclass(frozen=True)
class FamiliarSettings:
    """What the words mean is told at `TranslatorSettings` and `LoraSettings`."""

    epochs: int = 3
    batch: int = 3000
    rank: int = 16
    alpha: int = 32
    rate: float = 1e-3
    warmup: float = 0.05
    smoothing: float = 0.1
    averaging: float = 0.99
    bfloat16: bool = True


def run(job: Job) -> dict[str, Any]:
    """Train, save, reload what was saved, measure that, and write the card. See `recipes.run`.

    Of the job's options, `base` is the folder of the translator to adapt, in place of the bundled one.
    """
    if job.resume and (finished := cards.read(job.out)):
        return cards.summary(job, finished)
    settings = replace(FamiliarSettings(), **job.options.get("settings", {}))
    folder = Path(job.options.get("base") or BUNDLED / BASE)
    base = voice.base_facts(folder, BASE)
    pairs = tatoeba.read(job.data)
    familiar = tuple(pair for pair in pairs.train if is_familiar(pair[1]))
    model, read, trained = train(folder, familiar, settings, **job.session("learning to say tu", "adapter.safetensors"))
    if not trained.done:
        return cards.unfinished(job, trained)
    saved_adapters.save(model, job.out, base=base)
    plain, tokenizer = base_model(folder)
    context = tokenizer.model_max_length
    held = {part: familiar_ones(texts) for part, texts in {"test": pairs.test, "dev": pairs.dev}.items()}
    general = {part: figures(plain, tokenizer, texts, context) for part, texts in held.items()}
    shipped = lora.with_adapter(plain, job.out)
    metrics: dict[str, Any] = {}
    for part, texts in held.items():
        metrics[part] = {"n": len(texts), **figures(shipped, tokenizer, texts, context)}
        metrics[part] |= {f"general_{name}": value for name, value in general[part].items()}
    record = {
        "format": FORMAT,
        "name": job.recipe,
        "labels": [],
        "max_length": context,
        "sentences": True,
        "base": base,
        "parameters": saved_adapters.parameters(job.out),
        "settings": asdict(settings),
    }
    files = (saved_adapters.CONFIG, saved_adapters.WEIGHTS)
    finished = cards.write(job, translation_cards.FAMILIAR, record, files, metrics, read, trained)
    return cards.summary(job, finished)


def figures(model: Any, tokenizer: Any, held: Sequence[Referenced], context: int) -> dict[str, float]:
    """Of greedy translations of sentences that were translated to a friend: BLEU, and how many say tu or vous."""
    said = translate(model, tokenizer, [one.source for one in held], context)
    return {
        "familiar_sacrebleu": bleu(said, [one.references for one in held]),
        "familiar": round(sum(map(is_familiar, said)) / len(said), 3),
        "polite": round(sum(map(is_polite, said)) / len(said), 3),
    }


def base_model(folder: Path) -> tuple[Any, PreTrainedTokenizerBase]:
    """The plain translator (float32) and its tokenizer."""
    with lora.quiet():
        model = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32).eval()
        return model, AutoTokenizer.from_pretrained(folder)


def new_adapter(model: torch.nn.Module, settings: FamiliarSettings) -> PeftModel:
    config = LoraConfig(
        task_type=TaskType.SEQ_2_SEQ_LM, r=settings.rank, lora_alpha=settings.alpha, target_modules=LAYERS
    )
    with warnings.catch_warnings():  # see `lora.new_adapter`
        warnings.simplefilter("ignore", FutureWarning)
        return get_peft_model(model, config)


def train(
    folder: Path, pairs: tuple[tuple[str, str], ...], settings: FamiliarSettings, *, seed: int, **session: Any
) -> tuple[PeftModel, int, Trained]:
    """The model holds the averaged weights then. The number is that of pairs read. session: see `fit`."""
    torch.manual_seed(seed)
    plain, tokenizer = base_model(folder)
    plain.set_attn_implementation("eager")  # see `translator.new_model`
    model = new_adapter(plain, settings)
    batches = translator.pair_batches(pairs, tokenizer, settings.batch, seed)

    def loss_at(step: int) -> Tensor:
        return translator.loss(plain, batches(step), settings)

    keep_memory()
    steps = settings.epochs * batches.per_epoch
    trained = lora.adapt(model, loss_at, steps, settings, seed=seed, **session)
    return model, settings.epochs * len(batches.sources), trained
