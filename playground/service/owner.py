"""Who the owner is. On a loopback server everybody here; on a public one the bearer of a token."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from pydantic import SecretStr

from playground.core.errors import Busy, NotAllowed, TooManyRequests
from playground.core.protocols import Runtime
from playground.settings import Settings

SHORTEST = 16  # characters of a token that nobody guesses
WRONG = 20  # wrong tokens of one address in a minute; then none of it is looked at for the rest of that minute
MOST_ADDRESSES = 1024


class Owner:
    """`made`: the token was made here and is to be told in the log, once. It is in no repr and in no error. Thread-safe."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self.public = settings.public
        given = settings.owner_token.get_secret_value().strip() if settings.owner_token is not None else ""
        self.made = self.public and not given
        self.weak = self.public and 0 < len(given) < SHORTEST
        self.token = SecretStr(given or secrets.token_urlsafe(24))
        self._clock = clock
        self._lock = threading.Lock()
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()

    def knows(self, token: str | None, address: str | None = None) -> bool:
        """Whether this is the owner; as quick for a wrong token as for one that is nearly right.

        `address`: whence it came. Raises TooManyRequests where too many wrong ones came from there.
        """
        if not self.public:
            return True
        if not token:
            return False
        with self._lock:
            self._look_at_no_more(address or "")
        right = hmac.compare_digest(token.encode("utf-8", "replace"), self.token.get_secret_value().encode())
        if not right:
            with self._lock:
                self._wrong.setdefault(address or "", deque(maxlen=WRONG)).append(self._clock())
                self._wrong.move_to_end(address or "")
                while len(self._wrong) > MOST_ADDRESSES:
                    self._wrong.popitem(last=False)
        return right

    def _look_at_no_more(self, address: str) -> None:
        tried = self._wrong.get(address)
        if tried is not None and len(tried) == WRONG and (seconds := tried[0] + 60 - self._clock()) > 0:
            raise TooManyRequests("Too many wrong owner's tokens came from here: wait a minute and try again.", seconds)

    def require(self, token: str | None, address: str | None = None) -> None:
        """Raises NotAllowed with the way to become the owner."""
        if not self.knows(token, address):
            raise NotAllowed(
                "Only this server's owner may do that: open the address with the owner's token that the server's log names."
            )


def pin(runtime: Runtime, key: str, pinned: bool) -> None:
    """Raises Busy where it is not in memory now."""
    if not runtime.pin(key, pinned):
        raise Busy("That model is no longer in memory: run something with it first.")


def unload(runtime: Runtime, key: str | None) -> int:
    """One that is idle, or (None) all that are. Returns how many go; raises Busy where that one cannot."""
    gone = runtime.unload(key)
    if key is not None and not gone:
        raise Busy("That model is in use or already gone: look at the list, and try again when nobody uses it.")
    return gone
