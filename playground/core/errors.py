"""One error tree. `str(error)` is the one sentence a user sees: what happened, and what to do.

PlaygroundError
├── InputError                 the user's input cannot be used
│   ├── EmptyInput
│   ├── InputTooLong
│   ├── BinaryInput
│   └── BadFile                an uploaded or named file cannot be read as asked
├── UnknownName                no such task, tier, model or recipe
├── NotSupported               this tier cannot serve this task
├── NotAllowed                 a visitor of a public server asked for what only its owner may do
├── CredentialError            the endpoint needs a key, or refused the one it got
├── EndpointError              a hosted endpoint failed
│   ├── EndpointUnreachable    refused, reset, no such host
│   ├── EndpointTimeout
│   ├── RateLimited            429; `retry_after` in seconds where the endpoint said so
│   ├── EndpointFault          5xx, or a 4xx we have no better word for
│   ├── BadReply               the reply is not what was asked for
│   ├── Refused                the model declined to answer
│   └── StreamCut              the reply broke off in the middle
├── ModelError                 a checkpoint cannot be used
│   ├── NotHere                it is not on this machine; a Run never downloads
│   ├── DigestMismatch         its file is not the one the catalog names
│   ├── LoadFailed
│   ├── TooLarge               it does not fit into this device's memory
│   └── OutOfMemory
├── Busy                       no capacity before the deadline
│   ├── ServerFull             too many requests at once; `retry_after` in seconds
│   └── TooManyRequests        this visitor sent too many; `retry_after` in seconds
├── DeadlineExceeded
└── InternalError              a bug of ours; details are in the log
"""

from __future__ import annotations

import re
from typing import Self


class PlaygroundError(Exception):
    """Base of everything a user may be told. Its text is one sentence for the user."""

    @property
    def kind(self) -> str:
        """The class name in snake case, stable for programs: `rate_limited`."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(self).__name__).lower()

    def bare(self) -> Self:
        """Itself, without the frames and the errors behind it. Who keeps an error keeps all they hold: models, replies, a
        request with its key. Call it where the error has been caught for good; a log comes first.
        """
        self.__cause__ = self.__context__ = None
        return self.with_traceback(None)


class InputError(PlaygroundError):
    pass


class EmptyInput(InputError):
    def __init__(self, message: str = "There is no text yet: type a sentence or choose an example.") -> None:
        super().__init__(message)


class InputTooLong(InputError):
    def __init__(self, length: int, limit: int) -> None:
        super().__init__(f"The text has {length:,} characters and the limit is {limit:,}: shorten it.")


class BinaryInput(InputError):
    def __init__(
        self, message: str = "The text holds control characters, as a binary file does: paste plain text."
    ) -> None:
        super().__init__(message)


class BadFile(InputError):
    pass


class UnknownName(PlaygroundError):
    def __init__(self, what: str, name: str, known: list[str] | tuple[str, ...] = ()) -> None:
        shown = name if len(name) <= 60 else name[:57] + "..."
        hint = f": choose one of {', '.join(known)}." if known else "."
        super().__init__(f"There is no {what} called “{shown}”{hint}")


class NotSupported(PlaygroundError):
    pass


class NotAllowed(PlaygroundError):
    pass


class CredentialError(PlaygroundError):
    pass


class EndpointError(PlaygroundError):
    pass


class EndpointUnreachable(EndpointError):
    pass


class EndpointTimeout(EndpointError):
    pass


class RateLimited(EndpointError):
    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class EndpointFault(EndpointError):
    pass


class BadReply(EndpointError):
    pass


class Refused(EndpointError):
    pass


class StreamCut(EndpointError):
    pass


class ModelError(PlaygroundError):
    pass


class NotHere(ModelError):
    pass


class DigestMismatch(ModelError):
    pass


class LoadFailed(ModelError):
    pass


class TooLarge(ModelError):
    pass


class OutOfMemory(ModelError):
    pass


class Busy(PlaygroundError):
    pass


class ServerFull(Busy):
    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooManyRequests(Busy):
    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DeadlineExceeded(PlaygroundError):
    pass


class InternalError(PlaygroundError):
    def __init__(
        self, message: str = "Something broke on our side: run again, and look at the log if it happens twice."
    ) -> None:
        super().__init__(message)
