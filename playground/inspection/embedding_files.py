"""The input embedding matrix in a checkpoint's safetensors files, and what an adapter makes of it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from playground.core.embedding_types import Matrix
from playground.core.errors import LoadFailed, NotSupported, TooLarge
from playground.core.types import ModelRef
from playground.engine import weights

# How the tensor ends in the families that can be met here, the surer names first: BERT, RoBERTa, DistilBERT, DeBERTa, ELECTRA;
# BART, Marian, T5; Llama and most decoders; GPT-2; GPT-NeoX; our own.
_NAMES = (
    "embeddings.word_embeddings.weight",
    "shared.weight",
    "encoder.embed_tokens.weight",
    "embed_tokens.weight",
    "wte.weight",
    "embed_in.weight",
    "tokens.weight",
)
_MODULES = {name.split(".")[-2] for name in _NAMES}
_TYPES = {"F32": np.float32, "F16": np.float16, "F64": np.float64}
ADAPTER, ADAPTER_CONFIG = "adapter_model.safetensors", "adapter_config.json"


def read(ref: ModelRef, most: int) -> tuple[Matrix, np.ndarray]:
    """A model's own, float32 [V, D]. `most`: bytes that it may take. A file that the catalog names a digest for is checked first.
    Raises NotHere, LoadFailed, DigestMismatch, TooLarge; NotSupported where there is no such matrix.
    """
    for name in weights.weight_files(ref):
        with _opened(ref, name) as file:
            tensor = _tensor(file.keys())
            if tensor is None:
                continue
            shape = file.get_slice(tensor).get_shape()
            if len(shape) != 2 or not math.prod(shape):
                continue
            if math.prod(shape) * 4 > most:
                raise TooLarge(
                    f"The embeddings of {ref.id} take {math.prod(shape) * 4 / 1e6:.0f} MB, more than the "
                    f"{most / 1e6:.0f} MB there are for looking at them: choose a smaller model."
                )
            vectors = _array(ref, name, file, tensor)
        if not np.isfinite(vectors).all():
            raise LoadFailed(f"The embeddings of {ref.id} hold numbers that are none: get this checkpoint again.")
        return Matrix(ref.id, tensor, shape[0], shape[1]), vectors
    raise NotSupported(f"No input embeddings were found in the files of {ref.id}: choose another model.")


def _tensor(names: Any) -> str | None:
    """The one that holds the input embeddings, the shortest where several end alike."""
    for end in _NAMES:
        found = [name for name in names if name == end or name.endswith("." + end)]
        if found:
            return str(min(found, key=lambda name: (len(name), name)))
    return None


def _opened(ref: ModelRef, name: str) -> Any:
    """A safetensors file, open for reading piece by piece; checked against its digest where there is one."""
    from safetensors import SafetensorError, safe_open

    weights.verify(ref, but={other for other, _ in ref.digests if other != name})
    try:
        return safe_open(Path(ref.folder) / name, framework="numpy")
    except (OSError, SafetensorError) as error:
        raise LoadFailed(f"The file {name} of {ref.id} is damaged or cut short: get this checkpoint again.") from error


def _array(ref: ModelRef, name: str, file: Any, tensor: str) -> np.ndarray:
    kind = file.get_slice(tensor).get_dtype()
    if kind in _TYPES:
        return np.ascontiguousarray(file.get_tensor(tensor), dtype=np.float32)
    if kind == "BF16":  # numpy has no such type: it is the upper half of a float32
        return _brain_floats(Path(ref.folder) / name, tensor)
    raise NotSupported(f"The embeddings of {ref.id} are kept as {kind}, which is not read here: choose another model.")


def _brain_floats(path: Path, tensor: str) -> np.ndarray:
    """The file was opened by safetensors before, which checked its header: its length, then JSON, then the bytes."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        entry = json.loads(file.read(length))[tensor]
        begin, end = entry["data_offsets"]
        file.seek(8 + length + begin)
        halves = np.frombuffer(file.read(end - begin), dtype="<u2")
    return (halves.astype(np.uint32) << 16).view(np.float32).reshape(entry["shape"])


def adapted(ref: ModelRef, vectors: np.ndarray) -> tuple[np.ndarray, str]:
    """The base's matrix as the adapter leaves it, and in words what that is. `B·A` times its scale: Hu et al. 2021
    (arXiv 2106.09685, section 4.1); for an embedding peft keeps A as [rank, V] and B as [D, rank].
    """
    config = weights.read_json(ref, ADAPTER_CONFIG)
    with _opened(ref, ADAPTER) as file:
        names = list(file.keys())
        whole = next((name for name in names if name.rpartition(".")[0].rpartition(".")[2] in _MODULES), None)
        if whole is not None and file.get_slice(whole).get_shape() == list(vectors.shape):
            return _array(ref, ADAPTER, file, whole), "The adapter brings embeddings of its own."
        pair = [next((name for name in names if end in name), None) for end in ("lora_embedding_A", "lora_embedding_B")]
        if None not in pair:
            down, up = (_array(ref, ADAPTER, file, str(name)) for name in pair)
            rank = down.shape[0]
            scale = config.get("lora_alpha", rank) / (math.sqrt(rank) if config.get("use_rslora") else rank)
            return vectors + np.float32(scale) * (up @ down).T, f"The adapter changes the embeddings, by rank {rank}."
    trained = {*(config.get("target_modules") or ()), *(config.get("modules_to_save") or ())}
    if trained & _MODULES or config.get("trainable_token_indices"):
        raise NotSupported(
            f"The adapter {ref.id} changes the embeddings in a way that is not read here: choose its base."
        )
    return vectors, "The adapter leaves the embeddings as they are: these are its base model's."
