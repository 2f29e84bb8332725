"""The recipe `generation-shakespeare`: low-rank matrices beside the starter decoder (Hu et al. 2021, arXiv 2106.09685), so that it
writes as Shakespeare's characters speak. The decoder itself stays as it is.
"""

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from torch import Tensor
from torch.nn import functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from playground.core.errors import BadFile
from playground.scratch import tokenizer as tokenizers
from playground.scratch.characters import CharacterTokenizer
from playground.scratch.gpt import GPT
from playground.scratch.train import Trained
from playground.training import cards, lora, saved_adapters, shakespeare, starter, writing_cards
from playground.training.adapters import BUNDLED
from playground.training.early_stopping import EarlyStopping
from playground.training.evaluate_writing import bits_per_byte
from playground.training.lora_masked import keep_memory
from playground.training.recipes import Job

FORMAT = "lora-causal-lm"
BASE = "generation-general"
LAYERS = [
    "q_proj",
    "k_proj",
    "v_proj",
    "o_proj",
    "gate_proj",
    "up_proj",
    "down_proj",
]  # all linear ones of a Llama's blocks


@dataclass(frozen=True)
class VoiceSettings:
    """`epochs` at most: after each one the dev part is measured, and once it is foreseen worse than before, training stops.

    context: tokens of a window, `batch` tokens in a step. `warmup` is a share of all steps. bfloat16: see `StarterSettings`.
    """

    epochs: int = 4
    batch: int = 2048
    context: int = 256
    rank: int = 16
    alpha: int = 32
    rate: float = 2e-3
    warmup: float = 0.05
    averaging: float = 0.99
    bfloat16: bool = True

    @property
    def lengths(self) -> tuple[tuple[float, int], ...]:
        return ((1.0, self.context),)

    def per_epoch(self, tokens: int) -> int:
        """Steps that read each of so many tokens once."""
        return (tokens - 1) // self.context // max(1, self.batch // self.context)


def run(job: Job) -> dict[str, Any]:
    """Train, save, reload what was saved, measure that, and write the card. See `recipes.run`.

    Of the job's options, `base` is the folder of the decoder to adapt, in place of the bundled one.
    """
    if job.resume and (finished := cards.read(job.out)):
        return cards.summary(job, finished)
    settings = replace(VoiceSettings(), **job.options.get("settings", {}))
    folder = Path(job.options.get("base") or BUNDLED / BASE)
    base = base_facts(folder)
    plays = shakespeare.read(job.data)
    model, tokenizer, trained, stopping = train(
        folder, plays, settings, **job.session("learning a voice", "adapter.safetensors")
    )
    if not trained.done:
        return cards.unfinished(job, trained)
    saved_adapters.save(model, job.out, base=base)
    plain, _ = decoder(folder)
    context = plain.config.max_position_embeddings
    general = {part: starter.foreseen(plain, tokenizer, {part: text})["all"] for part, text in parts(plays).items()}
    shipped = lora.with_adapter(plain, job.out)
    metrics: dict[str, Any] = {}
    for part, text in parts(plays).items():
        metrics[part] = {
            "n": len(text.encode()),
            "bits_per_byte": round(starter.foreseen(shipped, tokenizer, {part: text})["all"], 3),
            "general_bits_per_byte": round(general[part], 3),
            "xz_bits_per_byte": writing_cards.compressed({part: text}),
        }
    metrics["test"] |= of_scratch(plays.test)
    record = {
        "format": FORMAT,
        "name": job.recipe,
        "labels": [],
        "max_length": context,
        "base": base,
        "parameters": saved_adapters.parameters(job.out),
        "settings": asdict(settings),
        "dev_bits_per_byte": [[step, round(value, 3)] for step, value in sorted(stopping.measured.items())],
        "chosen_step": stopping.chosen,
    }
    files = (saved_adapters.CONFIG, saved_adapters.WEIGHTS)
    finished = cards.write(job, writing_cards.VOICE, record, files, metrics, trained.step * settings.batch, trained)
    return cards.summary(job, finished)


def parts(plays: shakespeare.Plays) -> dict[str, str]:
    return {"test": plays.test, "dev": plays.dev}


def base_facts(folder: Path, name: str = BASE) -> dict[str, Any]:
    """What the record says of the model in this folder, which the recipe `name` makes.

    Raises BadFile where it is none of a finished recipe.
    """
    facts = cards.read(folder)
    if facts is None:
        raise BadFile(f"The model to adapt is missing: train {name} first, or give the folder of one that is finished.")
    return {
        "id": f"bundled/{facts['name']}",
        "revision": None,
        "sha256": facts["files"]["model.safetensors"],
        "parameters": facts["parameters"],
        "license": facts["license"].partition(":")[0],
    }


def decoder(folder: Path) -> tuple[Any, PreTrainedTokenizerFast]:
    """The plain decoder (float32) and its tokenizer."""
    with lora.quiet():
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        return model, AutoTokenizer.from_pretrained(folder)


def new_adapter(model: torch.nn.Module, settings: VoiceSettings) -> PeftModel:
    config = LoraConfig(task_type=TaskType.CAUSAL_LM, r=settings.rank, lora_alpha=settings.alpha, target_modules=LAYERS)
    with warnings.catch_warnings():  # see `lora.new_adapter`
        warnings.simplefilter("ignore", FutureWarning)
        return get_peft_model(model, config)


def train(
    folder: Path, plays: shakespeare.Plays, settings: VoiceSettings, *, seed: int, **session: Any
) -> tuple[PeftModel, PreTrainedTokenizerFast, Trained, EarlyStopping]:
    """The model returned holds the weights that were best on the dev part. It was trained on the part before that; nothing of the
    test part bears on it. session: see `fit`.
    """
    torch.manual_seed(seed)
    plain, tokenizer = decoder(folder)
    plain.set_attn_implementation("eager")  # see `starter.new_model`
    model = new_adapter(plain, settings)
    ids = starter.stream(tokenizer, [plays.first])
    per_epoch = settings.per_epoch(len(ids))
    steps = settings.epochs * per_epoch
    batch_at = starter.batches(ids, settings, seed, steps)
    stopping = EarlyStopping(
        lora.trainable(model),
        lambda: starter.foreseen(model, tokenizer, {"dev": plays.dev})["all"],
        per_epoch,
        session["state"].with_name("best.safetensors"),
        session["resume"],
    )

    def loss_at(step: int) -> Tensor:
        tokens, following = (torch.from_numpy(part).long() for part in batch_at(step))  # [B, T] each
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.bfloat16):
            logits = model(input_ids=tokens, use_cache=False).logits
        return F.cross_entropy(logits.float().flatten(0, 1), following.flatten())

    keep_memory()
    trained = lora.adapt(model, loss_at, steps, settings, seed=seed, **stopping.watched(session))
    stopping.finish(trained)
    return model, tokenizer, trained, stopping


def of_scratch(text: str) -> Mapping[str, float]:
    """What the bundled model from scratch makes of this text; nothing where it is not there, or knows not all of its characters."""
    folder = BUNDLED / "generation-scratch"
    if cards.read(folder) is None:
        return {}
    tokenizer, model = tokenizers.load(folder), GPT.load(folder)
    if not isinstance(tokenizer, CharacterTokenizer) or tokenizer.unknown(text):
        return {}
    found = bits_per_byte(model, tokenizer.encode, tokenizer.start, {"all": text}, model.config.context)
    return {"scratch_bits_per_byte": round(found["all"], 3)}
