"""What goes wrong in the gateway, and OpenAI's JSON for it. Knows no HTTP library."""

from __future__ import annotations

from typing import Any

from playground.core.errors import Busy, DeadlineExceeded, InputError, ModelError, PlaygroundError


class GatewayFault(Exception):
    """A reply that is an error: an HTTP status and the fields of OpenAI's error object."""

    def __init__(self, status: int, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param

    def json(self) -> dict[str, Any]:
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}


def from_runtime(error: PlaygroundError) -> GatewayFault:
    """A runtime's fault as a status: the caller's input 400, no capacity or no model 503, too late 504, else 500."""
    if isinstance(error, InputError):
        status = 400
    elif isinstance(error, Busy | ModelError):
        status = 503
    elif isinstance(error, DeadlineExceeded):
        status = 504
    else:
        status = 500
    return GatewayFault(status, str(error), code=error.kind)
