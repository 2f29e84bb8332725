"""Learning a language before a task: hide some tokens and guess them from the rest (BERT; Devlin et al. 2019, arXiv 1810.04805)."""

import torch
from torch import Tensor, nn

from playground.scratch.model import Encoder, EncoderConfig, initialize


class MaskedLanguageModel(nn.Module):
    """An encoder whose head guesses tokens. The table that turns ids into vectors also scores the guesses (tied weights)."""

    def __init__(self, config: EncoderConfig, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.transform = nn.Linear(config.dim, config.dim)
        self.norm = nn.LayerNorm(config.dim)
        self.bias = nn.Parameter(torch.zeros(config.vocabulary))
        self.transform.apply(initialize)

    def forward(self, ids: Tensor, mask: Tensor, chosen: Tensor) -> Tensor:
        """ids int64 [B, T], mask bool [B, T], chosen bool [B, T] with N True -> logits [N, V], for the chosen places alone."""
        states = self.encoder(ids, mask)[chosen]  # [N, D]
        states = self.norm(nn.functional.gelu(self.transform(states)))
        return states @ self.encoder.embeddings.tokens.weight.T + self.bias


def hide(
    ids: Tensor, mask: Tensor, *, share: float, mask_id: int, specials: int, vocabulary: int
) -> tuple[Tensor, Tensor]:
    """Choose a `share` of the real tokens to be guessed. Returns the changed ids [B, T] and the choice, bool [B, T].

    Of the chosen, 80 % become <mask>, 10 % another token, 10 % stay: so the model cannot rely on seeing <mask>. Ids below
    `specials` are never chosen. At least one token is, or there would be nothing to learn.
    """
    real = mask & (ids >= specials)
    chosen = (torch.rand(ids.shape) < share) & real
    if not chosen.any():
        chosen = real
    fate = torch.rand(ids.shape)
    hidden = ids.masked_fill(chosen & (fate < 0.8), mask_id)
    other = torch.randint(specials, vocabulary, ids.shape)
    return torch.where(chosen & (fate >= 0.9), other, hidden), chosen
