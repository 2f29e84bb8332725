"""What the loaders over `transformers` share: config, tokenizer and weights from a local folder, texts to tensors."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from playground.core.errors import LoadFailed
from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.loaders import Encoded, LoadContext
from playground.engine.memory import is_out_of_memory, out_of_memory

_one_at_a_time = (
    threading.Lock()
)  # from_pretrained switches process-wide state (default dtype, torch.nn.init) while it builds


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
        with _one_at_a_time:
            local = {"local_files_only": True, "trust_remote_code": False}
            config = transformers.AutoConfig.from_pretrained(ref.folder, **local)
            tokenizer = transformers.AutoTokenizer.from_pretrained(ref.folder, **local)
            kind = getattr(transformers, mapping_name)[type(config)]
            model, info = kind.from_pretrained(
                None, config=config, state_dict=state, dtype=context.dtype, output_loading_info=True
            )
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        if is_out_of_memory(error):
            raise out_of_memory(f"to load {ref.id}") from None
        raise LoadFailed(f"The model {ref.id} cannot be built from its files: get this checkpoint again.") from error
    missing = [*info["missing_keys"], *info["mismatched_keys"]]
    if missing:
        raise LoadFailed(f"The model {ref.id} lacks {len(missing)} of its weights: get this checkpoint again.")
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


def collate(tokenizer: Any, rows: Sequence[Encoded], device: Any) -> dict[str, Any]:
    """Padded int64 tensors [B, T] by name."""
    names = rows[0].inputs.keys()
    padded = tokenizer.pad([{name: list(row.inputs[name]) for name in names} for row in rows], return_tensors="pt")
    return {name: padded[name].to(device) for name in names}


def longest(config: Any, tokenizer: Any) -> int:
    """Most tokens the model has positions for."""
    positions = getattr(config, "max_position_embeddings", None) or 512
    return int(min(positions, tokenizer.model_max_length or positions))
