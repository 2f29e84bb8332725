"""What a text costs at the hosted models that read with an encoding, and how much of their context window it takes.

Prices are those on the cards: the data of `genai-prices`, dated, never the network.
"""

from __future__ import annotations

from playground.core.token_panels import Priced
from playground.core.token_types import Opener, TokenizerRef
from playground.settings import Settings
from playground.tiers import hosted_prices

# Beginnings of model names, the longest first where one begins another: `tiktoken/model.py` of the package tiktoken 0.12.
_ENCODINGS = (
    ("gpt-4o", "o200k_base"),
    ("chatgpt-4o", "o200k_base"),
    ("gpt-4.1", "o200k_base"),
    ("gpt-4.5", "o200k_base"),
    ("gpt-5", "o200k_base"),
    ("o1", "o200k_base"),
    ("o3", "o200k_base"),
    ("o4-mini", "o200k_base"),
    ("gpt-4", "cl100k_base"),
    ("gpt-3.5", "cl100k_base"),
)
# Beside the models that this server offers: one or two that an encoding is known by.
_KNOWN_BY = {"o200k_base": ("gpt-4o",), "cl100k_base": ("gpt-4", "gpt-3.5-turbo")}


def encoding(model: str) -> str | None:
    """The encoding that an OpenAI model reads with, by its name; None where that is not published.

    >>> encoding("gpt-5-mini"), encoding("gpt-4-turbo"), encoding("my-model")
    ('o200k_base', 'cl100k_base', None)
    """
    return next((name for beginning, name in _ENCODINGS if model.startswith(beginning)), None)


def priced(settings: Settings, ref: TokenizerRef, tokens: int) -> list[Priced]:
    """For each hosted model whose encoding this is, those of the settings first; empty for another tokenizer."""
    if ref.opener is not Opener.OPENAI:
        return []
    offered = [model for model in settings.hosted_models if encoding(model) == ref.name]
    models = dict.fromkeys([*offered, *_KNOWN_BY.get(ref.name, ())])
    return [_priced(settings.openai_base_url, model, tokens) for model in models]


def _priced(base_url: str, model: str, tokens: int) -> Priced:
    cost = hosted_prices.cost(base_url, model, tokens, 0)
    window = hosted_prices.context_window(base_url, model)
    if cost is None:
        return Priced(model, tokens, None, None, window)
    return Priced(model, tokens, cost.usd, cost.date, window)
