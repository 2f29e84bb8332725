"""Tiny models that write, with random weights: a Llama with grouped queries, a LoRA adapter over it, a GPT-2, and two of ours."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from playground.core.calls import Call, Foresee, Generate
from playground.core.cancel import Cancel
from playground.core.types import ModelRef
from playground.core.writing_types import Writing
from playground.engine.loaders import LoadContext, build_loaders
from playground.engine.ops import build_ops
from playground.engine.scheduler import Outcome, Work

CONTEXT = 48
TEXT = "Once upon a time there was a good film, and café 水 🙂 was not bad. "
END = "<|endoftext|>"


@dataclass(frozen=True)
class Writers:
    root: Path

    def ref(self, name: str, loader: str, base: ModelRef | None = None, max_length: int = 256) -> ModelRef:
        return ModelRef(f"tiny/{name}", loader, str(self.root / name), base=base, max_length=max_length)

    @property
    def llama(self) -> ModelRef:
        return self.ref("llama", "pipeline-decoder")

    @property
    def gpt2(self) -> ModelRef:
        return self.ref("gpt2", "pipeline-decoder")

    @property
    def sliding(self) -> ModelRef:
        """Its layers forget what is far behind."""
        return self.ref("sliding", "pipeline-decoder")

    @property
    def lora(self) -> ModelRef:
        return self.ref("lora", "lora-decoder", base=self.llama)

    @property
    def ours(self) -> ModelRef:
        return self.ref("ours", "scratch-decoder")

    @property
    def letters(self) -> ModelRef:
        return self.ref("letters", "scratch-decoder")

    @property
    def all(self) -> tuple[ModelRef, ...]:
        return (self.llama, self.gpt2, self.sliding, self.lora, self.ours, self.letters)


def load(ref: ModelRef, base=None):
    """Without a runtime."""
    import torch

    from playground.engine import stack

    stack.import_all()
    context = LoadContext(torch.device("cpu"), torch.float32, lambda function: function())
    loaders = build_loaders()
    if ref.base is not None and base is None:
        base = load(ref.base)
    return loaders.get(ref.loader).load(ref, base, context)


def work_of(model, call: Call) -> tuple[Work, list]:
    """A work, and the events that it emits."""
    events: list = []
    op = build_ops().get(type(call).__name__)
    work = Work(call, op, model, Cancel(), events.append, lambda work, outcome, error: None)
    op.prepare(work)
    return work, events


def step(works: Sequence[Work]) -> list[Outcome | None]:
    """As the device does."""
    for work in works:
        work.started = work.started or time.monotonic()
    outcomes = works[0].op.step(works)
    for work in works:
        work.begun = True
    return list(outcomes)


def finish(work: Work) -> Outcome:
    while (outcome := step([work])[0]) is None:
        pass
    return outcome


def written(model, ref: ModelRef, text: str, **how) -> Outcome:
    return finish(work_of(model, Generate(ref, text=text, writing=Writing(**how)))[0])


def foreseen(model, ref: ModelRef, text: str):
    return finish(work_of(model, Foresee(ref, text=text))[0]).output


def make(root: Path) -> Writers:
    import torch
    import transformers
    from peft import LoraConfig, get_peft_model
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    from playground.engine import stack
    from playground.scratch.characters import CharacterTokenizer
    from playground.scratch.gpt import GPT, GPTConfig
    from playground.scratch.tokenizer import Tokenizer as OurTokenizer

    stack.silence()
    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(3)
    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    plain.train_from_iterator(
        [TEXT] * 4,
        trainers.BpeTrainer(vocab_size=300, special_tokens=[END], initial_alphabet=alphabet, show_progress=False),
    )
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=plain, bos_token=END, eos_token=END, model_max_length=CONTEXT
    )
    common = {"vocab_size": len(tokenizer), "bos_token_id": 0, "eos_token_id": 0, "initializer_range": 0.4}
    wide = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    grouped = {"num_key_value_heads": 2, "max_position_embeddings": CONTEXT}
    configs = {
        "llama": transformers.LlamaConfig(**common, **wide, **grouped),
        "gpt2": transformers.GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=CONTEXT, **common),
        "sliding": transformers.MistralConfig(sliding_window=8, **common, **wide, **grouped),
    }
    for name, config in configs.items():
        model = transformers.AutoModelForCausalLM.from_config(config)
        model.save_pretrained(root / name)
        tokenizer.save_pretrained(root / name)
        (root / name / "generation_config.json").unlink(missing_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft 0.21 reads a name that transformers 5.23 deprecates
        base = transformers.AutoModelForCausalLM.from_pretrained(root / "llama")
        lora = LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "down_proj"])
        adapted = get_peft_model(base, lora)
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.3)
        adapted.save_pretrained(root / "lora", save_embedding_layers=False)
    shape = {"dim": 24, "layers": 2, "heads": 2, "hidden": 32, "context": CONTEXT}
    readers = {
        "ours": OurTokenizer.train([TEXT] * 3, 300, specials=("<end>",)),
        "letters": CharacterTokenizer.train([TEXT + "\n"]),
    }
    for name, reader in readers.items():
        modern = (
            {"positions": "rotary", "norm": "rms", "feed_forward": "swiglu", "bias": False} if name == "ours" else {}
        )
        gpt = GPT(GPTConfig(len(reader), **shape, **modern))
        with torch.no_grad():
            for parameter in gpt.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.3)
        gpt.save(root / name)
        reader.save(root / name / "tokenizer.json")
    assert json.loads((root / "llama" / "config.json").read_text())["num_key_value_heads"] == 2
    return Writers(root)
