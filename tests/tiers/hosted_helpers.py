"""A hosted tier with settings of its own, and runs of it."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass
from typing import Any, cast

from pydantic import SecretStr

from playground.core.cancel import Cancel
from playground.core.credentials import Credential, SessionCredentials
from playground.core.events import LAST, Event, Failed, Finished
from playground.core.label_task import LabelTask
from playground.core.task import Label
from playground.core.types import Request, Source
from playground.settings import Settings
from playground.tiers.context import TierContext
from playground.tiers.hosted import HostedTier, build

KEY = "sk-proj-Zq81kLmP0vTrX7yWc3NdUe5a"

TASK = LabelTask(
    name="sentiment",
    title="Sentiment",
    question="Positive or negative?",
    placeholder="",
    labels=(Label("negative", "unhappy"), Label("positive", "happy")),
    examples=(),
    instruction="Judge the text.",
)


@dataclass(frozen=True)
class FixedGateway:
    """An address and a token; whoever runs behind it."""

    base_url: str
    token: str

    def serves(self, schema: Any) -> bool:
        return True

    def close(self) -> None:
        pass


def settings(**values: Any) -> Settings:
    """Settings that no environment variable changes."""
    plain: dict[str, Any] = {
        "openai_api_key": None,
        "openai_base_url": "https://api.openai.com/v1",
        "space_id": None,
        "host": "127.0.0.1",
        "hosted_timeout": 20.0,  # the machine may be busy
        "hosted_models": ("gpt-5-mini", "gpt-4.1-mini"),
    }
    if isinstance(values.get("openai_api_key"), str):
        values["openai_api_key"] = SecretStr(values["openai_api_key"])
    return Settings(**{**plain, **values})


def tier_for(
    config: Settings, gateway: FixedGateway | None = None, credentials: SessionCredentials | None = None
) -> HostedTier:
    context = TierContext(config, cast(Any, None), cast(Any, None), gateway, credentials or SessionCredentials())
    return build(context)


def with_key(base_url: str | None, session: str = "s", key: str = KEY) -> SessionCredentials:
    credentials = SessionCredentials()
    credentials.put(session, Credential(key, base_url))
    return credentials


def live(base_url: str, **values: Any) -> HostedTier:
    """A tier whose session "s" has pasted a key for this address."""
    return tier_for(settings(**values), credentials=with_key(base_url))


@dataclass(frozen=True)
class Ran:
    events: list[Event]

    @property
    def last(self) -> Event:
        return self.events[-1]

    @property
    def finished(self) -> Finished:
        assert isinstance(self.last, Finished), self.last
        return self.last

    @property
    def failed(self) -> Failed:
        assert isinstance(self.last, Failed), self.last
        return self.last


def run(
    tier: HostedTier,
    text: str = "I loved every minute of it",
    *,
    model: str | None = "gpt-test",
    session: str = "s",
    cancel: Cancel | None = None,
    task: LabelTask = TASK,
    after_start: threading.Event | None = None,
) -> Ran:
    """Every event up to the last word; fails where none comes within 30 s. `after_start`: then the run is cancelled."""
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    handle = tier.start(task, Request(text, model, session), events.put, cancel or Cancel())
    if after_start is not None:
        assert after_start.wait(10)
        handle.cancel()
    got = [events.get(timeout=30)]
    while not isinstance(got[-1], LAST):
        got.append(events.get(timeout=30))
    assert [event.seq for event in got] == list(range(len(got)))
    return Ran(got)


def rows(tier: HostedTier, session: str = "s") -> list[tuple[str, Source]]:
    return [(choice.id, choice.source) for choice in tier.choices(TASK, session)]
