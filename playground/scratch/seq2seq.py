"""An encoder-decoder from scratch: it reads a text, and writes another one of it: a translation, a summary.

After "Attention Is All You Need" (Vaswani et al. 2017, arXiv 1706.03762), section 3: an encoder makes a vector of every token of
the source, in the light of all the others; a decoder writes the target, token by token, as the GPT of gpt.py does, and between
looking at what is written and thinking, every layer looks at the source, too: cross-attention. Where it looks while it writes a
word is mostly the word that it translates (Bahdanau et al. 2015, arXiv 1409.0473, section 5.2.1); who wants to see it gets the
weights.

        source -> encoder -> one vector per token --+
                                                    | keys and values, once
        target so far -> decoder -> self-attention -> cross-attention -> feed-forward -> ... -> what comes next?

As in GPT, the norm stands before each sublayer, and positions, norm and feed-forward can be chosen. One table turns tokens of both
sides into vectors and, tied, vectors into tokens (section 3.4 of the paper). The file knows no text: tokens come in as numbers.

Letters in the comments, for shapes:
    B  texts in the batch       D  width of the model: numbers per token (config.dim)
    S  tokens per source        H  heads; each looks at D/H of the numbers
    T  tokens per target        V  size of the vocabulary
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from playground.scratch.gpt import GPT, CausalAttention, DecoderBlock, GPTConfig, Rotary, norm, start_gently
from playground.scratch.model import initialize
from playground.scratch.sources import SourcedCache, Sources


@dataclass(frozen=True)
class Seq2SeqConfig(GPTConfig):
    """The decoder's shape, as a GPT's, and what the encoder has of its own. Raises ValueError for a shape that cannot be."""

    encoder_layers: int = 4
    source_context: int = 256  # the longest source, in tokens


class CrossAttention(nn.Module):
    """Tokens of the target ask, tokens of the source answer; otherwise as `Attention` in model.py."""

    def __init__(self, config: Seq2SeqConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.dropout = config.dropout
        self.query = nn.Linear(config.dim, config.dim, config.bias)
        self.two = nn.Linear(config.dim, 2 * config.dim, config.bias)  # key and value
        self.output = nn.Linear(config.dim, config.dim, config.bias)

    def split(self, x: Tensor) -> Tensor:
        """[B, T, D] -> [B, H, T, D/H]"""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def offer(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """source [B, S, D] -> keys, values [B, H, S, D/H] each: what can be looked at."""
        k, v = self.two(source).chunk(2, dim=-1)
        return self.split(k), self.split(v)

    def forward(self, x: Tensor, k: Tensor, v: Tensor, mask: Tensor, record: list[Tensor] | None = None) -> Tensor:
        """x [B, T, D], keys and values of `offer`, mask bool [B, S] -> [B, T, D]

        record: the weights [B, H, T, S] are appended to it, when it is given.
        """
        q = self.split(self.query(x))  # [B, H, T, D/H]
        allowed = mask[:, None, None, :]  # [B, 1, 1, S]: nobody looks at padding
        dropout = self.dropout if self.training else 0.0
        if record is not None:
            mixed = CausalAttention.plainly(q, k, v, allowed, dropout, record)
        else:
            mixed = scaled_dot_product_attention(q, k, v, allowed, dropout)  # [B, H, T, D/H]
        return self.output(mixed.transpose(1, 2).flatten(-2))


class RewriterBlock(DecoderBlock):
    """A decoder's block that looks at the source as well, between its own attention and the feed-forward."""

    def __init__(self, config: Seq2SeqConfig) -> None:
        super().__init__(config)
        self.cross_norm = norm(config)
        self.cross = CrossAttention(config)

    def forward(
        self, x: Tensor, layer: int, *, sources: Sources, cross: list[Tensor] | None = None, **how: Any
    ) -> Tensor:
        """x [B, T, D] -> [B, T, D]. cross: see `Seq2Seq.forward`. how: see `CausalAttention`."""
        x = x + self.dropout(self.attention(self.attention_norm(x), layer, **how))
        k, v = sources.keys[layer], sources.values[layer]
        x = x + self.dropout(self.cross(self.cross_norm(x), k, v, sources.mask, cross))
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


class Encoder(nn.Module):
    """The blocks of GPT, in which every token looks at all tokens of its text, before it and behind."""

    def __init__(self, config: Seq2SeqConfig) -> None:
        super().__init__()
        rotary = config.positions == "rotary"
        self.context = config.source_context
        self.positions = None if rotary else nn.Embedding(self.context, config.dim)
        self.rotary = Rotary(self.context, config.dim // config.heads) if rotary else None
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(DecoderBlock(config) for _ in range(config.encoder_layers))
        self.norm = norm(config)
        self.apply(initialize)
        start_gently(self.blocks)

    def forward(self, x: Tensor, mask: Tensor, record: list[Tensor] | None = None) -> Tensor:
        """x [B, S, D] (what the tokens are), mask bool [B, S] -> [B, S, D] (what they are in this text)"""
        length = x.shape[1]
        if length > self.context:
            raise ValueError(f"A source of {length} tokens is longer than the {self.context} that can be read.")
        places = torch.arange(length, device=x.device)  # [S]
        if self.positions is not None:
            x = x + self.positions(places)
        x = self.dropout(x)
        turns = None if self.rotary is None else self.rotary(places)
        for layer, block in enumerate(self.blocks):
            x = block(x, layer, turns=turns, allowed=mask[:, None, None, :], record=record)
        return self.norm(x)


class Seq2Seq(GPT):
    """A source in, and for each token of a target the scores of all tokens that may come next: a GPT that has read something."""

    config: Seq2SeqConfig
    config_class = Seq2SeqConfig
    block_class = RewriterBlock

    def __init__(self, config: Seq2SeqConfig) -> None:
        super().__init__(config)
        self.encoder = Encoder(config)

    def forward(
        self,
        source_ids: Tensor,
        source_mask: Tensor,
        target_ids: Tensor,
        record: list[Tensor] | None = None,
        cross: list[Tensor] | None = None,
    ) -> Tensor:
        """source_ids int64 [B, S], source_mask bool [B, S] (False for padding), target_ids int64 [B, T] -> logits [B, T, V]:
        at [:, t] the scores of what follows the target's token t. Padding on the right of a target changes nothing before it.

        record: give a list to receive the decoder's self-attention, one tensor [B, H, T, T] per layer, the first layer first.
        cross: the same of its cross-attention, [B, H, T, S].
        Raises ValueError when a text is longer than its context.
        """
        sources = self.sources(source_ids, source_mask)
        return self.score(self.states(target_ids, record=record, sources=sources, cross=cross))

    def encode(self, ids: Tensor, mask: Tensor, record: list[Tensor] | None = None) -> Tensor:
        """ids int64 [B, S], mask bool [B, S] -> [B, S, D]. record: receives the encoder's attention, [B, H, S, S] per layer."""
        return self.encoder(self.tokens(ids), mask, record)

    def sources(self, ids: Tensor, mask: Tensor, record: list[Tensor] | None = None) -> Sources:
        """What the decoder looks at of these texts; ids, mask and record as `encode` takes them."""
        encoded = self.encode(ids, mask, record)
        keys, values = zip(*(block.cross.offer(encoded) for block in self.blocks), strict=True)
        return Sources(torch.stack(keys), torch.stack(values), mask)

    # -- one token after the other ---------------------------------------------------------------------------------------

    @torch.no_grad()
    def read(self, ids: Sequence[int]) -> "Reading":
        """Read a source: what it gives stands wherever a GPT does, to be written on with (decoding.py, beams.py).

        Raises ValueError when the source is empty, or longer than the source's context.
        """
        if not ids:
            raise ValueError("A text is made of at least one token.")
        row = torch.tensor([list(ids)], device=self.device)
        return Reading(self, self.sources(row, torch.ones_like(row, dtype=torch.bool)))

    def cache(self, sources: Sources) -> SourcedCache:
        """An empty cache for texts that are written of these."""
        return SourcedCache(sources, self.config.context)

    def following(self, ids: Tensor, cache: SourcedCache) -> Tensor:
        """ids [B, T] -> logits [B, V] of what follows the last token; each row is written of its own source."""
        return self.score(self.states(ids, cache, sources=cache.sources)[:, -1])


class Reading:
    """A model, and one text that it has read: to whatever writes texts it is a GPT."""

    def __init__(self, model: Seq2Seq, sources: Sources) -> None:
        """sources: one row."""
        self.model = model
        self.config = model.config
        self.device = model.device
        self.sources = sources

    def cache(self) -> SourcedCache:
        """An empty cache, for one text."""
        return self.model.cache(self.sources)

    def following(self, ids: Tensor, cache: SourcedCache) -> Tensor:
        """See `Seq2Seq.following`."""
        return self.model.following(ids, cache)

    def __call__(self, ids: Tensor, cross: list[Tensor] | None = None) -> Tensor:
        """ids int64 [1, T] -> logits [1, T, V]. cross: see `Seq2Seq.forward`."""
        return self.model.score(self.model.states(ids, sources=self.sources, cross=cross))
