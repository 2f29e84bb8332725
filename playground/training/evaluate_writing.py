"""How well a decoder foresees texts: bits per byte. A model's figure does not depend on how its tokenizer cuts words."""

import math
from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

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
