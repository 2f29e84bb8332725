"""What the page asks for beside a Run: code, cards, requests, keys, exports. A registry: a new action is a new function here.

Each takes the service, the pages' states, the session and what the browser sent (anything at all), and returns a reply as JSON.
A PlaygroundError becomes a reply with its sentence; the browser shows it where it asked.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool

from playground.core.errors import InternalError, PlaygroundError
from playground.service import Playground
from playground.ui.order import values_in
from playground.ui.projector import qr_code
from playground.ui.session import PageStates
from playground.views import dialogs

log = logging.getLogger(__name__)

Reply = dict[str, Any]
Action = Callable[["Asked"], Reply]
Waiting = Callable[["Asked"], Awaitable[Reply]]
ACTIONS: dict[str, Action] = {}
WAITING: dict[str, Waiting] = {}  # those that wait for a model: no thread is parked meanwhile


class Asked:
    """One question of one page. `address`: where it came from, None where that is unknown."""

    def __init__(
        self,
        service: Playground,
        pages: PageStates,
        session: str,
        data: Mapping[str, Any],
        address: str | None = None,
    ) -> None:
        self.service, self.pages, self.session, self._data = service, pages, session, data
        self.address = address

    def text(self, name: str) -> str:
        value = self._data.get(name)
        return value if isinstance(value, str) else ""

    def words(self, name: str) -> list[str]:
        """A list of texts; what is none is left out."""
        value = self._data.get(name)
        return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []

    def mapping(self, name: str) -> dict[str, str]:
        return _texts(self._data.get(name))

    def mappings(self, name: str) -> list[dict[str, str]]:
        value = self._data.get(name)
        return [_texts(one) for one in value] if isinstance(value, list) else []

    def rows(self, name: str) -> list[Any]:
        """A list of anything; an empty one where there is none."""
        value = self._data.get(name)
        return value if isinstance(value, list) else []

    def yes(self, name: str) -> bool:
        return self._data.get(name) is True

    def number(self, name: str) -> int:
        """-1 where there is none."""
        value = self._data.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else -1

    @property
    def values(self) -> dict[str, str]:
        return values_in(self._data)

    @property
    def model(self) -> str | None:
        return self.text("model") or None

    @property
    def title(self) -> str:
        tier = self.text("tier")
        return self.service.tier_titles.get(tier, tier)


def _texts(value: Any) -> dict[str, str]:
    found = value.items() if isinstance(value, dict) else ()
    return {key: word for key, word in found if isinstance(key, str) and isinstance(word, str)}


def action(function: Action) -> Action:
    ACTIONS[function.__name__] = function
    return function


def waiting_action(function: Waiting) -> Waiting:
    WAITING[function.__name__] = function
    return function


async def reply(service: Playground, pages: PageStates, session: str, data: Any, address: str | None = None) -> Reply:
    """The answer to any question: one that computes has a thread, one that waits has none. Raises nothing."""
    known = WAITING.get(str(data.get("do"))) if isinstance(data, dict) else None
    if known is None:
        return await run_in_threadpool(answer, service, pages, session, data, address)
    try:
        return await known(Asked(service, pages, session, data, address))
    except PlaygroundError as error:
        return {"error": str(error)}
    except Exception:
        log.exception("the page's question %r failed", data.get("do"))
        return {"error": str(InternalError())}


def answer(service: Playground, pages: PageStates, session: str, data: Any, address: str | None = None) -> Reply:
    """The reply, which JSON can hold. Raises nothing."""
    data = data if isinstance(data, dict) else {}
    known = ACTIONS.get(str(data.get("do")))
    try:
        reply = (
            known(Asked(service, pages, session, data, address))
            if known
            else {"error": "This page is older than its server: reload it."}
        )
    except PlaygroundError as error:
        reply = {"error": str(error)}
    except Exception:
        log.exception("the page's question %r failed", data.get("do"))
        reply = {"error": str(InternalError())}
    return reply


@action
def snippet(asked: Asked) -> Reply:
    code = asked.service.snippet(
        asked.text("task"), asked.text("tier"), asked.text("text"), asked.model, asked.session, values=asked.values
    )
    return {"html": dialogs.snippet(asked.title, code)}


@action
def card(asked: Asked) -> Reply:
    model_card = asked.service.model_card(asked.text("task"), asked.text("tier"), asked.model, asked.session)
    return {"html": dialogs.model_card(asked.title, model_card)}


@action
def request(asked: Asked) -> Reply:
    states = asked.pages.of(asked.session, asked.service.tasks.get(asked.text("task")).name).cards
    stats = next((state.stats for state in states if state.tier == asked.text("tier")), None)
    if stats is None or stats.request_json is None:
        return {"error": "This card sent no request yet: run it first."}
    return {"html": dialogs.wire(asked.title, stats)}


@action
def key(asked: Asked) -> Reply:
    return {
        "html": dialogs.key_form(has_key=asked.service.has_key(asked.session), public=asked.service.settings.public)
    }


@action
def set_key(asked: Asked) -> Reply:
    asked.service.set_key(asked.session, asked.text("key"), asked.text("base_url") or None)
    return {"done": True}


@action
def forget_key(asked: Asked) -> Reply:
    asked.service.forget_key(asked.session)
    return {"done": True}


@action
def table_csv(asked: Asked) -> Reply:
    task = asked.service.tasks.get(asked.text("task")).name
    rows = asked.pages.of(asked.session, task).rows
    if not rows:
        return {"error": "There is no table yet: run some lines first."}
    return {"file": f"{task}-table.csv", "text": asked.service.table_csv(task, rows)}


@action
def history_csv(asked: Asked) -> Reply:
    return {"file": "four-tiers-runs.csv", "text": asked.service.history_csv(asked.session)}


@action
def qr(asked: Asked) -> Reply:
    return {"html": qr_code(asked.service.server_urls())}


@action
def close(asked: Asked) -> Reply:
    """The page is left. Its connection to Gradio ends too, but a browser may keep that one for a while."""
    asked.pages.close(asked.session)
    asked.service.close_session(asked.session)
    return {"done": True}
