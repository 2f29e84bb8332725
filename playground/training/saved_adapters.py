"""Adapters in files: peft's own layout, float16, without a path of this machine; and others that go on from them."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file

from playground.bundled import ENCODER_BASE
from playground.training import low_rank

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
HEADS = ("classifier", "qa_outputs")  # by transformers' names: of texts and words, of spans


def save(
    model: PeftModel, folder: Path, rank: int | None = None, base: Mapping[str, Any] = MappingProxyType(ENCODER_BASE)
) -> None:
    """Write adapter_config.json and adapter_model.safetensors (float16). No path of this machine is in either.

    rank: the adapter is cut to this one, where it has more.   base: what it adapts, as its record says it.
    """
    config = model.peft_config["default"]
    config.base_model_name_or_path, config.revision = base["id"], base["revision"]
    config.inference_mode = True
    model.save_pretrained(folder, save_embedding_layers=False)  # "auto" would ask the hub about the base
    (folder / "README.md").unlink(missing_ok=True)  # peft's empty card; ours follows
    record = json.loads((folder / CONFIG).read_text())
    tensors = load_file(folder / WEIGHTS) | _bare(model)
    if rank is not None and rank < record["r"]:
        tensors = low_rank.cut(tensors, _scaling(record), rank)
        record["r"] = record["lora_alpha"] = rank
    save_file({k: v.half().contiguous() for k, v in tensors.items()}, folder / WEIGHTS, metadata={"format": "pt"})
    record["target_modules"] = sorted(record["target_modules"])  # peft keeps a set, in another order each time
    if record["modules_to_save"]:  # peft repeats them, and adds a name that this architecture has not
        names = sorted(set(record["modules_to_save"]))
        record["modules_to_save"] = [name for name in names if any(f".{name}." in key for key in tensors)]
    (folder / CONFIG).write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")


def _bare(model: PeftModel) -> dict[str, torch.Tensor]:
    """What was trained and is no module of its own, so that peft saves it not: a masked head's bias. It is read back by name."""
    learned = {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}
    return {name: p for name, p in learned.items() if ".lora_" not in name and ".modules_to_save." not in name}


def parameters(folder: Path) -> int:
    """Of the adapter saved in `folder`, its head among them."""
    return sum(tensor.numel() for tensor in load_file(folder / WEIGHTS).values())


def fits(folder: Path, labels: int) -> bool:
    """Whether the head of the adapter saved in `folder` is for so many labels."""
    weights = load_file(folder / WEIGHTS)
    return any(key.endswith(tuple(f"{head}.bias" for head in HEADS)) and len(b) == labels for key, b in weights.items())


def start_from(model: PeftModel, folder: Path) -> None:
    """Start an adapter from another one, of any rank; the head stays new unless the other's is for as many labels.

    Of another rank, what the other one adds to a weight, s B A, is taken as well as this model's rank can (Eckart and Young 1936).
    Raises ValueError where it is no adapter of the same layers.
    """
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    weights = {k: v.float() for k, v in load_file(folder / WEIGHTS).items()}
    own = {name: p for name, p in model.named_parameters() if p.requires_grad}
    scaling = _scaling(config) / _scaling(model.peft_config["default"].to_dict())
    with torch.no_grad():
        for name in own:
            saved = name.replace(".modules_to_save.default", "").replace(".default", "")
            if any(f".{head}." in name for head in HEADS):
                if saved in weights and fits(folder, model.config.num_labels):
                    own[name].copy_(weights[saved])
            elif saved not in weights:
                raise ValueError(f"The adapter in {folder.name} does not fit this encoder: it has no {saved}.")
            elif ".lora_A." in name:
                other = name.replace(".lora_A.", ".lora_B.")
                both = weights[saved], weights[saved.replace(".lora_A.", ".lora_B.")]
                _take(own[name], own[other], *both, scaling)
            elif ".lora_B." not in name:  # a masked head's
                own[name].copy_(weights[saved])


def _take(a: torch.Tensor, b: torch.Tensor, of_a: torch.Tensor, of_b: torch.Tensor, scaling: float) -> None:
    """a [R, I] and b [O, R] become a factorization of scaling * of_b @ of_a, or of what of it has rank R."""
    if len(a) == len(of_a) and scaling == 1:
        a.copy_(of_a)
        b.copy_(of_b)
        return
    left, inner_b = torch.linalg.qr(of_b)  # [O, S], [S, S]
    right, inner_a = torch.linalg.qr(of_a.T)  # [I, S], [S, S]
    u, sizes, v = torch.linalg.svd(inner_b @ inner_a.T)
    rank = min(len(a), len(sizes))
    root = (sizes[:rank] * scaling).sqrt()
    # Of more rows than the other one has, the rest starts as in any new adapter: A by chance, B zero.
    b[:, :rank] = left @ u[:, :rank] * root
    a[:rank] = (right @ v[:rank].T * root).T


def _scaling(config: dict[str, Any]) -> float:
    return float(config["lora_alpha"]) / float(config["r"])
