"""What a call costs by published prices: the data that the package `genai-prices` brings, never the network."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Cost:
    """`date`: the newest price change that is in force in the data, which itself carries no date."""

    usd: float
    date: str | None


def cost(base_url: str, model: str, tokens_in: int, tokens_out: int, cached: int = 0) -> Cost | None:
    """None where this endpoint's price for this model is not known. `cached`: how many of `tokens_in` were cache hits."""
    import genai_prices

    details = {"cache_read_tokens": cached} if cached else {}
    usage = genai_prices.Usage(input_tokens=tokens_in, output_tokens=tokens_out, **details)
    try:
        price = genai_prices.calc_price(usage, model, provider_api_url=base_url)
    except (LookupError, ValueError):
        return None
    return Cost(float(price.total_price), price_date(datetime.datetime.now(datetime.UTC).date()))


def context_window(base_url: str, model: str) -> int | None:
    """The most tokens that this endpoint's model reads and writes at once; None where that is not known."""
    from genai_prices.data_snapshot import get_snapshot

    try:
        _, found = get_snapshot().find_provider_model(model, None, None, base_url)
    except (LookupError, ValueError):
        return None
    return found.context_window


@cache
def price_date(today: datetime.date) -> str | None:
    """ISO date. The data also holds changes announced for later; they do not count yet."""
    from genai_prices.data_snapshot import get_snapshot

    starts = [
        start
        for provider in get_snapshot().providers
        for model in provider.models
        if isinstance(model.prices, list)
        for price in model.prices
        if isinstance(start := getattr(price.constraint, "start_date", None), datetime.date) and start <= today
    ]
    return max(starts).isoformat() if starts else None
