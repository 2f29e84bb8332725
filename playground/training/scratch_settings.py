"""What all recipes from scratch choose: the shape of a small encoder, and how it learns."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FromScratchSettings:
    """The shape's words are those of `scratch.model.EncoderConfig`. `warmup` is a share of all steps."""

    vocabulary: int
    dim: int = 128
    layers: int = 1
    heads: int = 4
    hidden: int = 256
    max_length: int = 64
    epochs: float = 3
    batch: int = 64
    rate: float = 2e-3
    warmup: float = 0.06
    dropout: float = 0.1
    hidden_tokens: float = 0.1  # share of tokens that become <mask>
    bpe_dropout: float = 0.1
    decay: float = 0.05
    averaging: float = 0.99

    def shape(self) -> dict[str, Any]:
        """Of the encoder, but for its vocabulary."""
        return {name: getattr(self, name) for name in ("dim", "layers", "heads", "hidden", "max_length", "dropout")}
