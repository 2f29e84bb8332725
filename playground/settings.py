"""Every setting, each an environment variable with the prefix PLAYGROUND_ unless it has a name users already know.

A leaf: anyone may import it, it imports nothing of ours.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Read once at start-up. A field's description is its documentation; `doctor` prints them."""

    model_config = SettingsConfigDict(
        env_prefix="PLAYGROUND_", populate_by_name=True, extra="ignore", frozen=True, env_ignore_empty=True
    )

    # -- the server
    host: str = Field(
        "127.0.0.1",
        validation_alias=AliasChoices("host", "PLAYGROUND_HOST", "GRADIO_SERVER_NAME"),
        description="Address to listen on. Anything but loopback makes this a public server.",
    )
    port: int | None = Field(
        None,
        validation_alias=AliasChoices("port", "PLAYGROUND_PORT", "GRADIO_SERVER_PORT"),
        description="Port to listen on; unset: the first free one from 7860.",
    )
    space_id: str | None = Field(
        None,
        validation_alias=AliasChoices("space_id", "SPACE_ID"),
        description="Set by Hugging Face Spaces; makes this a public server.",
    )
    offline: bool = Field(
        False, description="Never ask the network for anything: no hosted endpoint but this machine's."
    )
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR; logs go to standard error.")
    warm_up: bool = Field(True, description="Load the bundled models in the background once the page is up.")

    # -- the hosted tier
    openai_api_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("openai_api_key", "OPENAI_API_KEY"),
        description="The owner's key for the hosted endpoint.",
    )
    openai_base_url: str = Field(
        "https://api.openai.com/v1",
        validation_alias=AliasChoices("openai_base_url", "OPENAI_BASE_URL"),
        description="The hosted endpoint: OpenAI or any OpenAI-compatible address.",
    )
    hosted_models: tuple[str, ...] = Field(
        ("gpt-5-mini", "gpt-5-nano", "gpt-4.1-mini"),
        description="Model names offered for the hosted endpoint, the default first (JSON list).",
    )
    local_server_url: str | None = Field(
        None,
        description="An OpenAI-compatible server on this machine (vLLM, Ollama, LM Studio, "
        "llama.cpp), e.g. http://127.0.0.1:11434/v1; used when there is no key.",
    )
    local_server_model: str = Field("", description="The local server's model name; unset: the first it lists.")
    hosted_timeout: float = Field(30.0, gt=0, description="Seconds a hosted endpoint may take for one answer.")
    allowed_base_urls: tuple[str, ...] = Field(
        (), description="Base URLs that visitors of a public server may name (JSON list)."
    )
    visitor_budget_usd: float = Field(
        0.0, ge=0, description="What one visitor of a public server may spend of the owner's key, in USD."
    )
    visitors_budget_usd: float = Field(
        0.0, ge=0, description="What all visitors together may spend of the owner's key, in USD."
    )

    # -- the local tiers
    catalog: Path = Field(ROOT / "assets" / "catalog.toml", description="The catalog of checkpoints.")
    trained: Path = Field(ROOT / "trained", description="Where `train` puts what it made.")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1, mps.")
    threads: int = Field(0, ge=0, description="CPU threads for one operation; 0: one per core.")
    cache_budget_mb: int = Field(
        0, ge=0, description="Memory for resident models; 0: half of what is free at start-up, at most 16 GB."
    )
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="Precision of local models; auto: bfloat16 on a GPU that has it, else float32."
    )
    fast_cpu: bool = Field(
        True,
        description="Let a faster path answer on the CPU while its answers agree with the plain one: an adapter merged into a "
        "copy of its encoder, while that carries at most two.",
    )
    pinned: tuple[str, ...] = Field(
        (), description="Models that are loaded at start-up and stay in memory (JSON list of ids of the catalog)."
    )
    max_batch: int = Field(32, ge=1, description="Most requests in one micro-batch.")
    max_hold: float = Field(
        300.0, gt=0, description="Seconds after which a request that still holds a model is told to stop."
    )

    # -- limits
    max_input_chars: int = Field(20_000, ge=1, description="Longest input in characters.")
    max_lines: int = Field(200, ge=1, description="Most lines of one pasted table.")
    deadline: float = Field(60.0, gt=0, description="Seconds one card's run may take in all.")
    max_upload_mb: int = Field(10, ge=1, description="Largest uploaded file.")
    max_new_tokens: int = Field(512, ge=1, description="Most tokens one answer may have; lists of words may be longer.")
    max_requests: int = Field(
        256, ge=1, description="Most requests (runs, tables, looks) in progress at once, all visitors together."
    )
    max_session_requests: int = Field(4, ge=1, description="Most requests in progress at once of one visitor.")
    requests_per_minute: int | None = Field(
        None, ge=0, description="Most requests a minute of one visitor, 0: any; unset: 60 on a public server, else any."
    )
    owner_token: SecretStr | None = Field(
        None,
        description="Makes its bearer the owner of a public server (Status tab, /metrics); unset: one is made and logged.",
    )

    @property
    def public(self) -> bool:
        """Whether visitors other than the owner may be here: on a Space, or on any address but loopback."""
        return self.space_id is not None or not is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """True for localhost, 127.0.0.0/8 and ::1; a name that is not an address counts as public."""
    if host.strip("[]").lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
