"""The stand-in: an OpenAI-compatible endpoint of our own over a `Runtime`. Knows no task, tier, service or page."""

from __future__ import annotations

from playground.gateway.server import LocalGateway, start_gateway

__all__ = ["LocalGateway", "start_gateway"]
