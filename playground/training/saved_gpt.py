"""A GPT of ours and its tokenizer as files, read again as they ship."""

from dataclasses import asdict
from typing import Any

import torch

from playground.scratch.characters import CharacterTokenizer
from playground.scratch.gpt import GPT
from playground.training.recipes import Job

FORMAT = "scratch-gpt"
FILES = ("config.json", "model.safetensors", "tokenizer.json")


def saved(job: Job, model: GPT, tokenizer: CharacterTokenizer, settings: Any) -> tuple[GPT, dict[str, Any]]:
    """The model as its file in float16 has it, and what the record beside it says. settings: a dataclass with a `context`."""
    model.save(job.out, torch.float16)
    tokenizer.save(job.out / "tokenizer.json")
    shipped = GPT.load(job.out)
    return shipped, {
        "format": FORMAT,
        "name": job.recipe,
        "labels": [],
        "max_length": settings.context,
        "config": asdict(shipped.config),
        "parameters": sum(p.numel() for p in shipped.parameters()),
        "settings": asdict(settings),
    }
