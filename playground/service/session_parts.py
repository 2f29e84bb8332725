"""What a session leaves behind, as a part of the service: its history, its key, its tokenizers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from playground.core.credentials import SessionCredentials
from playground.core.run import RunRecord
from playground.service import exports, keys
from playground.service.sessions import Sessions
from playground.service.table import TableRow
from playground.service.token_training import TokenTraining
from playground.settings import Settings

if TYPE_CHECKING:
    from playground.core.protocols import Tier
    from playground.core.registry import Registry


class SessionParts:
    """Of `Playground`, which makes what is named here."""

    settings: Settings
    tiers: Registry[Tier]
    training: TokenTraining
    _sessions: Sessions
    _credentials: SessionCredentials

    def history(self, session: str) -> list[RunRecord]:
        return self._sessions.history(session)

    def record(self, session: str, run_id: int) -> RunRecord:
        return self._sessions.record(session, run_id)

    def history_csv(self, session: str) -> str:
        return exports.history_csv(self.history(session))

    def table_csv(self, task: str, rows: Sequence[TableRow]) -> str:
        return exports.table_csv(rows, self.tiers.names())

    def set_key(self, session: str, key: str, base_url: str | None = None) -> None:
        """Keeps a pasted key in this session's memory. Raises CredentialError or NotAllowed with a sentence."""
        credential = keys.checked(self.settings, key, base_url)
        self._sessions.touch(session)
        self._credentials.put(session, credential)

    def forget_key(self, session: str) -> None:
        self._credentials.forget(session)

    def has_key(self, session: str) -> bool:
        return self._credentials.get(session) is not None

    def close_session(self, session: str) -> None:
        """The page was closed: stop its work, forget its key, its history and its tokenizers."""
        self._sessions.close(session)
        self._forget(session)

    def _forget(self, session: str) -> None:
        self.forget_key(session)
        self.training.close(session)
