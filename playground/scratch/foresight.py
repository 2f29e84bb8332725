"""How well a decoder foresees a text: the negative log-likelihood of its tokens, each told once.

A text longer than the context is read in windows of the whole context that overlap by half, so that every token but the first ones
is foreseen from half a context at least.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy


def windows(length: int, context: int) -> Iterator[tuple[int, int, int]]:
    """(begin, end, new) of each window of a text of `length` tokens: of its tokens [begin, end) the last `new` are foreseen. The
    text's first token is given.

    >>> list(windows(10, 4))
    [(0, 4, 3), (2, 6, 2), (4, 8, 2), (6, 10, 2)]
    """
    done = 1
    while done < length:
        begin = max(0, done - context // 2)
        end = min(length, begin + context)
        yield begin, end, end - done
        done = end


@torch.inference_mode()
def nats(logits: Callable[[Tensor], Tensor], ids: Sequence[int], new: int) -> float:
    """Of the last `new` of ids [T], all together. logits: ids int64 [1, T] -> [1, T, V], or those of its last places alone."""
    window = torch.tensor([list(ids)])
    scores = logits(window[:, :-1])[0, -new:].float().cpu()  # [new, V]
    return cross_entropy(scores, window[0, -new:], reduction="sum").item()
