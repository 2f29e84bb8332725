"""What the loaders over `transformers` share: config, tokenizer and weights from a local folder, texts to tensors."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from playground.core.errors import LoadFailed, NotSupported
from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.inputs import Encoded, EncodedPair
from playground.engine.loaders import LoadContext
from playground.engine.memory import is_out_of_memory, out_of_memory
from playground.inspection import attention

log = logging.getLogger(__name__)

# Held by who builds modules. transformers' from_pretrained switches process-wide state meanwhile (default dtype,
# torch.nn.init), and so does peft where it attaches (Module.register_parameter): each would break the other's module.
building = threading.Lock()


def load_pretrained(ref: ModelRef, mapping_name: str, context: LoadContext) -> tuple[Any, Any]:
    """A transformers model in evaluation mode on the device, and its tokenizer.

    mapping_name: of the config-to-class mapping, e.g. "MODEL_MAPPING". Every weight must come from the files: a model
    with a random head would answer as confidently as a trained one. Raises ModelError.
    """
    import transformers

    context.report("reading the weights", 0.0)
    files = weights.weight_files(ref)
    weights.verify(ref, but=files)
    state = weights.tensors(ref, files)
    context.report("building the model", 0.5)
    try:
        with building:
            local = {"local_files_only": True, "trust_remote_code": False}
            config = transformers.AutoConfig.from_pretrained(ref.folder, **local)
            tokenizer = transformers.AutoTokenizer.from_pretrained(ref.folder, **local)
            kind = getattr(transformers, mapping_name)[type(config)]
            model, info = kind.from_pretrained(
                None, config=config, state_dict=state, dtype=context.dtype, output_loading_info=True
            )
    except ImportError as error:  # a tokenizer that is not read by `tokenizers`
        package = "sentencepiece" if "sentencepiece" in str(error) else error.name or "another package"
        raise LoadFailed(f"The model {ref.id} needs the package {package}: pip install {package}.") from error
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        if is_out_of_memory(error):
            raise out_of_memory(f"to load {ref.id}") from None
        log.warning("building %s failed", ref.id, exc_info=error)
        raise LoadFailed(f"The model {ref.id} cannot be built from its files: get this checkpoint again.") from error
    missing = [*info["missing_keys"], *info["mismatched_keys"]]
    if missing:
        raise LoadFailed(f"The model {ref.id} lacks {len(missing)} of its weights: get this checkpoint again.")
    attention.prepare(model)
    context.report("moving to the device", 0.8)
    return to_device(model, ref, context), tokenizer


def to_device(module: Any, ref: ModelRef, context: LoadContext) -> Any:
    try:
        return module.to(device=context.device, dtype=context.dtype).eval().requires_grad_(False)
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise out_of_memory(f"to load {ref.id}") from None
        raise


def encode(tokenizer: Any, text: str, max_length: int) -> Encoded:
    """Cut to `max_length` tokens, specials included."""
    found = tokenizer(text, truncation=True, max_length=max_length, return_overflowing_tokens=True)
    return Encoded({name: found[name][0] for name in tokenizer.model_input_names}, len(found["input_ids"]) > 1)


def encode_pair(tokenizer: Any, text: str, claim: str, max_length: int) -> EncodedPair:
    """Both side by side, as the tokenizer joins them; too long, the text is cut, and the claim where it alone is too long."""
    only = {"add_special_tokens": False, "truncation": False, "verbose": False}
    room = max_length - tokenizer.num_special_tokens_to_add(pair=True) - 1  # of the text at least one token
    if len(tokenizer(claim, **only)["input_ids"]) > room:
        how: dict[str, Any] = {"truncation": "longest_first"}
    else:
        how = {"truncation": "only_first"}
    found = tokenizer(text, claim, max_length=max_length, return_overflowing_tokens=True, **how)
    inputs = {name: found[name][0] for name in tokenizer.model_input_names}
    return EncodedPair(inputs, len(found["input_ids"]) > 1, found.sequence_ids(0).count(0))


def collate(tokenizer: Any, rows: Sequence[Encoded], device: Any) -> dict[str, Any]:
    """Int64 tensors [B, T] by name, padded as the tokenizer would (its own `pad` takes 1 ms for 16 rows, this a tenth).

    They go to the device as one block; to a GPU from pinned memory, so that nobody waits for it.
    """
    import torch

    names = list(rows[0].inputs)
    filling = {"input_ids": tokenizer.pad_token_id or 0, "token_type_ids": tokenizer.pad_token_type_id}
    table = np.zeros((len(names), len(rows), max(row.tokens for row in rows)), dtype=np.int64)
    for part, name in zip(table, names, strict=True):
        part.fill(filling.get(name, 0))
        for line, row in zip(part, rows, strict=True):
            values = row.inputs[name]
            if tokenizer.padding_side == "left":
                line[len(line) - len(values) :] = values
            else:
                line[: len(values)] = values
    block = torch.from_numpy(table)
    if device.type == "cuda":
        block = block.pin_memory().to(device, non_blocking=True)
    elif device.type != "cpu":
        block = block.to(device)
    return dict(zip(names, block.unbind(), strict=True))


def pieces(tokenizer: Any, text: str, max_length: int) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...]]:
    """Each token of `encode` as it stands in the text (a special one by its name), and its [start, end) there."""
    found = tokenizer(
        text,
        truncation=True,
        max_length=max_length,
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
    )
    names = tokenizer.convert_ids_to_tokens(found["input_ids"])
    spans = tuple((int(start), int(end)) for start, end in found["offset_mapping"])
    special = found["special_tokens_mask"]
    return (
        tuple(
            name if added else text[start:end] for name, added, (start, end) in zip(names, special, spans, strict=True)
        ),
        spans,
    )


def attended(weights: Sequence[Any]) -> np.ndarray:
    """What was recorded for one text, a tensor [1, heads, T, T] per layer -> float32 [layers, heads, T, T].

    Raises NotSupported where nothing was.
    """
    import torch

    if not weights:
        raise NotSupported("The attention inside this model cannot be read: choose another one to look into.")
    found: np.ndarray = torch.cat(list(weights)).float().cpu().numpy()
    return found


def longest(config: Any, tokenizer: Any) -> int:
    """Most tokens the model has positions for."""
    positions = getattr(config, "max_position_embeddings", None) or 512
    return int(min(positions, tokenizer.model_max_length or positions))


def heads(config: Any) -> int:
    """Attention heads of all layers together."""
    return int(config.num_hidden_layers * config.num_attention_heads)
