"""Keys that visitors paste: in the memory of one session, and nowhere else."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Credential:
    """`base_url` None: the endpoint of the settings. The key is left out of every repr."""

    api_key: str = field(repr=False)
    base_url: str | None = None


class SessionCredentials:
    """By session id. `forget` is called when a session's page is closed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_session: dict[str, Credential] = {}

    def put(self, session: str, credential: Credential) -> None:
        with self._lock:
            self._by_session[session] = credential

    def get(self, session: str) -> Credential | None:
        with self._lock:
            return self._by_session.get(session)

    def forget(self, session: str) -> None:
        with self._lock:
            self._by_session.pop(session, None)
