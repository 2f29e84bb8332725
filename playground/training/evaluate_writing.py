"""How well a decoder foresees texts: bits per byte. A model's figure does not depend on how its tokenizer cuts words."""

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from playground.scratch.foresight import nats, windows


def bits_per_byte(
    logits: Callable[[Tensor], Tensor],
    encode: Callable[[str], Sequence[int]],
    first: int,
    texts: Mapping[str, str],
    context: int,
) -> dict[str, float]:
    """Of each text, and of all as "all": the bits that it takes to say each next token, over the UTF-8 bytes of the text.

    logits: ids int64 [1, T] -> [1, T, V].   first: the token that a text begins after.   Windows of the whole context overlap by
    half, so that every token but the first ones is foreseen from half a context at least.
    """
    bits, bytes_ = {}, {}
    for name, text in texts.items():
        ids = [first, *encode(text)]
        bits[name] = sum(_nats(logits, ids, context)) / math.log(2)
        bytes_[name] = len(text.encode())
    found = {name: bits[name] / bytes_[name] for name in texts}
    return {"all": sum(bits.values()) / sum(bytes_.values()), **found}


def _nats(logits: Callable[[Tensor], Tensor], ids: Sequence[int], context: int) -> list[float]:
    """Of each window the negative log-likelihood of what it adds: all of ids [N] but the first, each once."""
    return [nats(logits, ids[begin:end], new) for begin, end, new in windows(len(ids), context)]


@torch.inference_mode()
def nats_per_token(logits: Callable[[Tensor], Tensor], ids: Sequence[int], context: int, rows: int = 64) -> float:
    """The mean negative log-likelihood of all of ids [N] but the first, each foreseen once, in blocks of the context that lie side
    by side: a block's first token is foreseen from one token, its last from all the context. So nanoGPT measures, but for its
    blocks, which it draws by chance.

    logits: ids int64 [B, T] -> [B, T, V]; `rows` blocks are asked at once.
    """
    tokens = torch.tensor(ids)
    blocks = (len(ids) - 1) // context
    inside = [part[: blocks * context].view(blocks, context) for part in (tokens[:-1], tokens[1:])]
    rest = [part[blocks * context :][None] for part in (tokens[:-1], tokens[1:])]
    parts = [*zip(*(part.split(rows) for part in inside), strict=True), rest]
    found = [
        F.cross_entropy(logits(x).float().flatten(0, 1), y.flatten(), reduction="sum") for x, y in parts if y.numel()
    ]
    return float(sum(found)) / (len(ids) - 1)
