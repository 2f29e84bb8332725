"""What the loaders over `transformers` share: config, tokenizer and weights from a local folder, texts to tensors."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from playground.core.attention_types import Part, PartName, Side
from playground.core.errors import LoadFailed, NotSupported
from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.inputs import Encoded, EncodedPair
from playground.engine.loaders import LoadContext
from playground.engine.memory import is_out_of_memory, out_of_memory
from playground.inspection import attention
from playground.inspection.sides import side

log = logging.getLogger(__name__)

NO_ATTENTION = "This model has no attention to show: choose another one to look into."
Spelled = tuple[int, int, int, bool]  # a token's id, its [start, end) in the text, and whether it is a special one
# Each token as it stands in the text (a special one by its name), and its [start, end) there.
Pieces = tuple[tuple[str, ...], tuple[tuple[int, int], ...]]

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
    found = _joined(tokenizer, text, claim, max_length, return_overflowing_tokens=True)
    inputs = {name: found[name][0] for name in tokenizer.model_input_names}
    return EncodedPair(inputs, len(found["input_ids"]) > 1, found.sequence_ids(0).count(0))


def pair_pieces(tokenizer: Any, text: str, at: int, max_length: int) -> Pieces:
    """As `pieces`, of `encode_pair`: the claim is what stands in the text from `at` on, behind a line break."""
    found = _joined(tokenizer, text[: max(0, at - 1)], text[at:], max_length, return_offsets_mapping=True)
    shifts = [at if part == 1 else 0 for part in found.sequence_ids(0)]
    places = [(start + shift, end + shift) for (start, end), shift in zip(found["offset_mapping"], shifts, strict=True)]
    marks = [part is None for part in found.sequence_ids(0)]
    return _written(tokenizer, text, [(i, *p, m) for i, p, m in zip(found["input_ids"], places, marks, strict=True)])


def _joined(tokenizer: Any, text: str, claim: str, max_length: int, **more: Any) -> Any:
    only = {"add_special_tokens": False, "truncation": False, "verbose": False}
    room = max_length - tokenizer.num_special_tokens_to_add(pair=True) - 1  # of the text at least one token
    cut = "longest_first" if len(tokenizer(claim, **only)["input_ids"]) > room else "only_first"
    return tokenizer(text, claim, max_length=max_length, truncation=cut, **more)


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


def spelled(tokenizer: Any, text: str, *, target: bool = False, **how: Any) -> list[Spelled]:
    """The tokens of a text and where they stand in it. how: as tokenizers take it. target: as what an encoder-decoder writes."""
    given: dict[str, Any] = {"text_target": text} if target else {"text": text}
    more = {"return_offsets_mapping": True} if tokenizer.is_fast else {}
    found = tokenizer(**given, return_special_tokens_mask=True, verbose=False, **more, **how)
    ids = found["input_ids"]
    special = {*tokenizer.all_special_ids} - {tokenizer.unk_token_id, tokenizer.mask_token_id}
    marks = [bool(added) or id_ in special for id_, added in zip(ids, found["special_tokens_mask"], strict=True)]
    if tokenizer.is_fast:
        places = [(int(start), int(end)) for start, end in found["offset_mapping"]]
    else:
        places = _searched(text, tokenizer.convert_ids_to_tokens(ids), marks)
    return [(id_, *place, mark) for id_, place, mark in zip(ids, places, marks, strict=True)]


def _searched(text: str, names: Sequence[str], special: Sequence[bool]) -> list[tuple[int, int]]:
    """[start, end) of each token of a tokenizer that does not tell: the next place where its sign stands; empty where none does."""
    found, at = [], 0
    for name, mark in zip(names, special, strict=True):
        sign = name.replace("\u2581", " ").strip()  # SentencePiece's sign for a blank
        start = -1 if mark or not sign else text.find(sign, at, at + len(sign) + 16)
        found.append((start, start + len(sign)) if start >= 0 else (at, at))
        at = found[-1][1]
    return found


def names(tokenizer: Any, ids: Sequence[int]) -> list[str]:
    """Each token by itself: special ones by their name, others as they are written; what is no whole character by its sign."""
    special = set(tokenizer.all_special_ids)
    signs = tokenizer.convert_ids_to_tokens(list(ids))
    said = []
    for id_, sign in zip(ids, signs, strict=True):
        text = sign if id_ in special else tokenizer.convert_tokens_to_string([sign or ""])
        said.append(str(sign or "") if "\ufffd" in text or not text else text)
    return said


def common(tokenizer: Any) -> list[int]:
    """All tokens but special ones."""
    special = set(tokenizer.all_special_ids)
    return [id_ for id_ in range(len(tokenizer)) if id_ not in special]


def pieces(tokenizer: Any, text: str, max_length: int) -> Pieces:
    """Of `encode`."""
    return _written(tokenizer, text, spelled(tokenizer, text, truncation=True, max_length=max_length))


def seen(tokenizer: Any, text: str, found: Sequence[Spelled]) -> Side:
    """A text as it was read."""
    tokens, spans = _written(tokenizer, text, found)
    return side(text, tokens, spans, [id_ for id_, *_ in found], [mark for *_, mark in found])


def _written(tokenizer: Any, text: str, found: Sequence[Spelled]) -> Pieces:
    signs = tokenizer.convert_ids_to_tokens([id_ for id_, *_ in found])
    spans = tuple((0, 0) if mark else (start, end) for _, start, end, mark in found)
    tokens = (text[start:end] if start < end else str(sign) for sign, (start, end) in zip(signs, spans, strict=True))
    return tuple(tokens), spans


def longest(config: Any, tokenizer: Any) -> int:
    """Most tokens the model has positions for."""
    positions = getattr(config, "max_position_embeddings", None) or 512
    return int(min(positions, tokenizer.model_max_length or positions))


def parts(module: Any) -> tuple[Part, ...]:
    """The attention of a module of transformers, as its config counts it. Raises NotSupported where it has none."""
    config = module.config.get_text_config()
    try:
        if config.is_encoder_decoder:
            read, written = (_counted(config, side) for side in ("encoder", "decoder"))
            return (
                Part(PartName.ENCODER, *read),
                Part(PartName.DECODER, *written, 1, 1, causal=True),
                Part(PartName.CROSS, *written, 1, 0),
            )
        size = int(config.num_hidden_layers), int(config.num_attention_heads)
    except (AttributeError, TypeError) as error:
        raise NotSupported(NO_ATTENTION) from error
    causal = any(getattr(child, "is_causal", False) is True for child in module.modules())
    return (Part(PartName.DECODER if causal else PartName.ENCODER, *size, causal=causal),)


def _counted(config: Any, side: str) -> tuple[int, int]:
    """Layers of a side, and heads of each. T5 has names of its own."""
    layers = getattr(config, f"{side}_layers", None) or (
        config.num_hidden_layers if side == "encoder" else config.num_decoder_layers
    )
    return int(layers), int(getattr(config, f"{side}_attention_heads", None) or config.num_attention_heads)


def one_part(module: Any) -> Part:
    """Of a model that reads a text and gives an answer. Raises NotSupported for an encoder-decoder, which reads it twice."""
    found = parts(module)
    if len(found) > 1:
        raise NotSupported("This model reads a text with an encoder and a decoder: choose another one to look into.")
    return found[0]
