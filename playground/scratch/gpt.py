"""A transformer decoder from scratch: a GPT, that reads tokens and says how likely every token of the vocabulary comes next.

After GPT-2 (Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.3): the encoder of model.py with
one thing changed, that no token looks at what comes after it. So one pass over a text is T exercises at once: after each
token, guess the next. What newer models do otherwise can be chosen: rotary positions, RMSNorm, SwiGLU, no biases; all four
together are the architecture of Llama (Touvron et al. 2023, arXiv 2302.13971, section 2.2). How texts are made of the guesses is
told in decoding.py. The file knows no text: tokens come in as numbers.

Letters in the comments, for shapes:
    B  texts in the batch      D  width of the model: numbers per token (config.dim)
    T  tokens per text         H  heads; each looks at D/H of the numbers
    U  tokens that can be looked at: T, and with a cache those before them
    V  size of the vocabulary
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention, silu

from playground.scratch.cache import KVCache
from playground.scratch.model import FeedForward, SavedModel, initialize

CHOICES = {"positions": ("learned", "rotary"), "norm": ("layer", "rms"), "feed_forward": ("gelu", "swiglu")}


@dataclass(frozen=True)
class GPTConfig:
    """Everything that fixes the shape of the model. Raises ValueError for a shape that cannot be."""

    vocabulary: int  # V
    dim: int = 128  # D
    layers: int = 4
    heads: int = 4  # H, must divide dim
    hidden: int = 512  # width inside the feed-forward layers
    context: int = 256  # the most tokens that it can look back on
    positions: str = "learned"  # or "rotary"
    norm: str = "layer"  # or "rms"
    feed_forward: str = "gelu"  # or "swiglu"
    bias: bool = True  # in all linear layers and layer norms
    dropout: float = 0.0
    tied: bool = True  # one table turns tokens into vectors at the bottom and vectors into tokens at the top

    def __post_init__(self) -> None:
        if self.dim % self.heads:
            raise ValueError(f"{self.heads} heads cannot share a width of {self.dim}: choose a divisor.")
        if self.positions == "rotary" and (self.dim // self.heads) % 2:
            raise ValueError(f"Rotary positions turn pairs of numbers, and a head has {self.dim // self.heads}.")
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} cannot be “{getattr(self, name)}”: choose {' or '.join(choices)}.")


class Rotary(nn.Module):
    """Where a token stands, told by turning its query and its key (Su et al. 2021, arXiv 2104.09864, sections 3.2.2 and 3.4.2).

    Two numbers of a head are a point in a plane; the token at place p has it turned by p times an angle, another angle for each
    pair, from 1 radian down to nearly none. The inner product of two turned points depends on the difference of their places
    alone: "three tokens before me" looks the same everywhere in a text. Nothing is learned, and nothing added to the vectors.
    """

    def __init__(self, context: int, width: int, base: float = 10_000.0) -> None:
        super().__init__()
        # on the CPU even where a module is built without memory: no file has these numbers
        angles = base ** -(torch.arange(0, width, 2, device="cpu") / width)  # [D/H/2]
        turns = torch.arange(context, device="cpu")[:, None] * angles  # [context, D/H/2]
        self.register_buffer("cos", turns.cos(), persistent=False)  # computed, so never saved
        self.register_buffer("sin", turns.sin(), persistent=False)

    def forward(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """places [T] or [B, T] -> cos, sin, each [T, D/H/2] or [B, 1, T, D/H/2]: the same for all heads."""
        cos, sin = self.cos[places], self.sin[places]
        return (cos, sin) if places.ndim == 1 else (cos.unsqueeze(1), sin.unsqueeze(1))


def turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x [B, H, T, D/H] -> the same shape: number i and number i + D/H/2 are a pair, as in Llama's published weights."""
    a, b = x.chunk(2, dim=-1)  # [B, H, T, D/H/2] each
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


class CausalAttention(nn.Module):
    """The encoder's attention, where no token looks at what comes after it; see `Attention` in model.py.

    Queries, keys and values are made by one matrix, and scores, softmax and mixing are one call of PyTorch's, which never
    writes the table of weights to memory (Dao et al. 2022, arXiv 2205.14135): the same numbers, sooner. Who wants to see the
    weights gets them computed step by step.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.dropout = config.dropout
        self.three = nn.Linear(config.dim, 3 * config.dim, config.bias)  # query, key and value
        self.output = nn.Linear(config.dim, config.dim, config.bias)

    def forward(
        self,
        x: Tensor,
        layer: int,
        turns: tuple[Tensor, Tensor] | None = None,
        cache: KVCache | None = None,
        allowed: Tensor | None = None,
        record: list[Tensor] | None = None,
    ) -> Tensor:
        """x [B, T, D] -> [B, T, D]

        turns: of `Rotary`. allowed: of `KVCache`; None: each token looks at all up to itself.
        record: the weights [B, H, T, U] are appended to it, when it is given.
        """
        parts = self.three(x).chunk(3, dim=-1)  # [B, T, D] each
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)  # [B, H, T, D/H] each
        if turns is not None:
            q, k = turn(q, *turns), turn(k, *turns)
        if cache is not None:
            k, v = cache.append(layer, k, v)  # [B, H, U, D/H] each; keys are kept turned
        dropout = self.dropout if self.training else 0.0
        if record is not None:
            mixed = self.plainly(q, k, v, allowed, dropout, record)
        else:
            causal = allowed is None and q.shape[2] > 1  # a single token may look at everything there is
            mixed = scaled_dot_product_attention(q, k, v, allowed, dropout, is_causal=causal)  # [B, H, T, D/H]
        return self.output(mixed.transpose(1, 2).flatten(-2))

    @staticmethod
    def plainly(
        q: Tensor, k: Tensor, v: Tensor, allowed: Tensor | None, dropout: float, record: list[Tensor]
    ) -> Tensor:
        """q [B, H, T, D/H], k and v [B, H, U, D/H] -> [B, H, T, D/H], the weights [B, H, T, U] appended to `record`."""
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # [B, H, T, U]
        if allowed is None:  # the last query looks at all U, the one before at U - 1, ...
            new, all_ = scores.shape[-2:]
            allowed = torch.ones(new, all_, dtype=torch.bool, device=q.device).tril(all_ - new)
        weights = scores.masked_fill(~allowed, -math.inf).softmax(dim=-1)
        record.append(weights.detach())
        return nn.functional.dropout(weights, dropout) @ v


class GatedFeedForward(nn.Module):
    """Feed-forward with a gate: one half decides, number by number, how much of the other half passes (SwiGLU: Shazeer 2020,
    arXiv 2002.05202, section 2). Three matrices instead of two: with `hidden` a third smaller it has as many parameters.
    """

    def __init__(self, dim: int, hidden: int, bias: bool) -> None:
        super().__init__()
        self.gate = nn.Linear(dim, hidden, bias)
        self.widen = nn.Linear(dim, hidden, bias)
        self.narrow = nn.Linear(hidden, dim, bias)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, D] -> [B, T, D]"""
        return self.narrow(silu(self.gate(x)) * self.widen(x))


def norm(config: GPTConfig) -> nn.Module:
    """LayerNorm brings each vector to mean 0 and spread 1; RMSNorm leaves the mean alone (Zhang and Sennrich 2019, arXiv
    1910.07467, section 3).
    """
    return nn.RMSNorm(config.dim, eps=1e-5) if config.norm == "rms" else nn.LayerNorm(config.dim, bias=config.bias)


class DecoderBlock(nn.Module):
    """Attention, then feed-forward, each added to the stream of vectors; the norm stands before each, as in the encoder."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.attention_norm = norm(config)
        self.attention = CausalAttention(config)
        self.feed_forward_norm = norm(config)
        if config.feed_forward == "swiglu":
            self.feed_forward: nn.Module = GatedFeedForward(config.dim, config.hidden, config.bias)
        else:
            self.feed_forward = FeedForward(config.dim, config.hidden, 0.0, config.bias)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, layer: int, **how) -> Tensor:
        """x [B, T, D] -> [B, T, D]. how: see `CausalAttention`."""
        x = x + self.dropout(self.attention(self.attention_norm(x), layer, **how))
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


def start_gently(blocks: nn.ModuleList) -> None:
    """What the sublayers of all blocks add up to at the start shall not grow with their number (GPT-2, section 2.3)."""
    last = ("output", "narrow")
    ends = [m for block in blocks for name, m in block.named_modules() if name.rpartition(".")[-1] in last]
    for end in ends:
        nn.init.normal_(end.weight, std=0.02 / math.sqrt(len(ends)))


class GPT(SavedModel):
    """Tokens in, and for each of them the scores of all tokens that may come next."""

    config: GPTConfig
    config_class = GPTConfig
    block_class: ClassVar[type[DecoderBlock]] = DecoderBlock

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.tokens = nn.Embedding(config.vocabulary, config.dim)
        rotary = config.positions == "rotary"
        self.positions = None if rotary else nn.Embedding(config.context, config.dim)
        self.rotary = Rotary(config.context, config.dim // config.heads) if rotary else None
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(self.block_class(config) for _ in range(config.layers))
        self.norm = norm(config)
        self.head = None if config.tied else nn.Linear(config.dim, config.vocabulary, bias=False)
        self.apply(initialize)
        start_gently(self.blocks)

    def cache(self, rows: int = 1) -> KVCache:
        """An empty cache for texts of this model, on its device."""
        c = self.config
        return KVCache(c.layers, c.heads, c.dim // c.heads, c.context, rows, self.device, self.tokens.weight.dtype)

    @property
    def device(self) -> torch.device:
        """Where the weights are, and where ids must be."""
        return self.tokens.weight.device

    def forward(self, ids: Tensor, cache: KVCache | None = None, record: list[Tensor] | None = None) -> Tensor:
        """ids int64 [B, T] -> logits [B, T, V]: at [:, t] the scores of what follows token t.

        cache: of B rows; the ids go on where its texts end, and it has them afterwards.
        record: give a list to receive the attention weights, one tensor [B, H, T, U] per layer, the first layer first.
        Raises ValueError when a text becomes longer than the context.
        """
        return self.score(self.states(ids, cache, record))

    def states(
        self, ids: Tensor, cache: KVCache | None = None, record: list[Tensor] | None = None, **how: Any
    ) -> Tensor:
        """ids [B, T] -> one vector per token, [B, T, D]; see `forward`. how: what blocks of another class take beside it."""
        new, context = ids.shape[1], self.config.context
        if cache is not None:
            places, allowed = cache.begin(new)
        elif new <= context:
            places, allowed = torch.arange(new, device=ids.device), None
        else:
            raise ValueError(f"A text of {new} tokens does not fit into a context of {context}.")
        x = self.tokens(ids)  # [B, T, D]
        if self.positions is not None:
            x = x + self.positions(places)
        x = self.dropout(x)
        turns = None if self.rotary is None else self.rotary(places)
        for layer, block in enumerate(self.blocks):
            x = block(x, layer, turns=turns, cache=cache, allowed=allowed, record=record, **how)
        if cache is not None:
            cache.end()
        return self.norm(x)

    def following(self, ids: Tensor, cache: KVCache) -> Tensor:
        """ids [B, T] -> logits [B, V] of what follows the last token; the others', which nobody asked for, are not computed."""
        return self.score(self.states(ids, cache)[:, -1])

    def score(self, states: Tensor) -> Tensor:
        """states [..., D] -> logits [..., V]. Tied, a vector is compared with each token's own (Press and Wolf 2017, arXiv
        1608.05859).
        """
        return linear(states, self.tokens.weight) if self.head is None else self.head(states)
