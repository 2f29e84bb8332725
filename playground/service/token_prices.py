"""What a text costs at the hosted models that read with an encoding, and how much of their context window it takes.

Prices are those on the cards: the data of `genai-prices`, dated, never the network.
"""

from __future__ import annotations

from playground.core.token_panels import Priced
from playground.core.token_types import Opener, TokenizerRef
from playground.settings import Settings
from playground.tiers import hosted_prices


def priced(settings: Settings, ref: TokenizerRef, tokens: int) -> list[Priced]:
    """For each hosted model that reads with it, those that this server offers first; empty for another tokenizer."""
    if ref.opener is not Opener.OPENAI:
        return []
    return [_priced(settings.openai_base_url, model, tokens) for model in ref.used_by]


def _priced(base_url: str, model: str, tokens: int) -> Priced:
    cost = hosted_prices.cost(base_url, model, tokens, 0)
    window = hosted_prices.context_window(base_url, model)
    if cost is None:
        return Priced(model, tokens, None, None, window)
    return Priced(model, tokens, cost.usd, cost.date, window)
