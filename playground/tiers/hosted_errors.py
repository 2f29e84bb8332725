"""What a hosted endpoint's faults are called, each in one sentence that holds no key."""

from __future__ import annotations

import email.utils
import re
import time
from typing import Any

from playground.core.errors import (
    BadReply,
    CredentialError,
    EndpointFault,
    EndpointTimeout,
    EndpointUnreachable,
    NotSupported,
    PlaygroundError,
    RateLimited,
    StreamCut,
    UnknownName,
)

_REMEDY = "paste an API key, or name a local server, and the hosted tier answers here."
STAND_IN_CANNOT = (
    f"The stand-in, our own small endpoint, only chooses between labels and gives no words of a text: {_REMEDY}"
)
STAND_IN_GOES_ON = f"The stand-in, our own small endpoint, can go on with a text and do nothing else to it: {_REMEDY}"
STAND_IN_HAS_NO_WORDS = f"The stand-in, our own small endpoint, has no language model on this machine: {_REMEDY}"
NOT_FORESEEN = "An endpoint does not say how likely it finds a given text: use another tier."
_GRAM = 8  # so many characters of a key in a row are a piece of it
_LOOKS_LIKE_A_KEY = re.compile(
    r"(?i:bearer)\s+[^\s\"',;]+|\b(?:sk|pk|rk|hf|gsk|xai|key|api|token)[-_][\w*.\-…]{6,}|\bAIza[\w\-]{10,}"
)
_MASK = "[key]"


class Scrubber:
    """Takes a key, its pieces, and whatever looks like a key out of a text."""

    def __init__(self, key: str) -> None:
        folded = _folded(key)
        self._key = key
        self._grams = {folded[i : i + _GRAM] for i in range(len(folded) - _GRAM + 1)}

    def __call__(self, text: str) -> str:
        if len(self._key) >= 4:
            text = text.replace(self._key, _MASK)
        return _LOOKS_LIKE_A_KEY.sub(_MASK, self._without_pieces(text))

    def exact(self, text: str) -> str:
        """Only the key and its pieces: for JSON that must stay what it was."""
        if len(self._key) >= 4:
            text = text.replace(self._key, _MASK)
        return self._without_pieces(text)

    def _without_pieces(self, text: str) -> str:
        quick = text.casefold()
        if not any(gram in quick for gram in self._grams):  # nearly always, and 100 times as fast as looking where
            return text
        folded = _folded(text)
        hit = bytearray(len(text))
        for start in range(len(folded) - _GRAM + 1):
            if folded[start : start + _GRAM] in self._grams:
                hit[start : start + _GRAM] = b"\1" * _GRAM
        out: list[str] = []
        for index, character in enumerate(text):
            if not hit[index]:
                out.append(character)
            elif index == 0 or not hit[index - 1]:
                out.append(_MASK)
        return "".join(out)

    def __repr__(self) -> str:
        return "Scrubber()"


def _folded(text: str) -> str:
    """Without case, of the same length: the few letters that fold to two are left as they are."""
    return "".join(folded if len(folded := character.casefold()) == 1 else character for character in text)


def excerpt(text: str, scrub: Scrubber, limit: int = 160) -> str:
    """The endpoint's own words in one line, without keys; empty where it said nothing."""
    line = " ".join(scrub(text[: 10 * limit]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def message_of(body: Any) -> str:
    """The sentence in an error body: OpenAI's {"message"}, FastAPI's {"detail"}, or a plain text."""
    if isinstance(body, dict):
        for key in ("message", "error", "detail", "param"):
            if body.get(key):
                return message_of(body[key])
        return ""
    if isinstance(body, list):
        return "; ".join(message_of(item) for item in body[:3])
    return str(body or "")


def capital(sentence: str) -> str:
    """Hosts are named as inside a sentence ("the stand-in", "api.openai.com"); an address keeps its letters."""
    return f"T{sentence[1:]}" if sentence.startswith("the ") else sentence


def translated(error: Exception, host: str, model: str, scrub: Scrubber, *, ours: bool = False) -> PlaygroundError:
    """An exception of `openai` as one of ours. `ours`: the endpoint is the stand-in, whose own sentences fit the user."""
    import openai

    if isinstance(error, openai.APIStatusError):
        return _status(error, host, model, scrub, ours)
    if isinstance(error, openai.APITimeoutError):
        return EndpointTimeout(capital(f"{host} did not answer in time: run again or choose a faster model."))
    if isinstance(error, openai.APIConnectionError):
        return _connection(error, host)
    if isinstance(error, openai.APIError):  # an error inside a stream
        said = excerpt(message_of(error.body) or error.message, scrub)
        return EndpointFault(capital(f"{host} broke off with an error{_quoted(said)}: run again."))
    return BadReply(f"The reply of {host} is not in OpenAI's format: check the base URL, or choose another model.")


def _status(error: Any, host: str, model: str, scrub: Scrubber, ours: bool) -> PlaygroundError:
    status: int = error.status_code
    said = excerpt(message_of(error.body), scrub)
    if ours and isinstance(error.body, dict) and error.body.get("code") == "unservable_schema":
        return NotSupported(STAND_IN_CANNOT)
    if ours and said:
        return EndpointFault(said)
    if 300 <= status < 400:
        return EndpointFault(
            capital(f"{host} redirects to another address, which is not followed: correct the base URL.")
        )
    if status == 401:
        return CredentialError(capital(f"{host} refused the key (401): check it, or paste another."))
    if status == 403:
        return CredentialError(
            capital(f"{host} does not let this key do that (403): use another key or another model.")
        )
    if status == 404:
        if "model" in said.lower():
            return UnknownName(f"model at {host}", model)
        return EndpointFault(
            capital(f"{host} has no chat completions there (404): check the base URL, it often ends in /v1.")
        )
    if status == 429:
        return _rate_limited(error, host, said)
    if status == 413:
        return EndpointFault(f"The text is too long for {host} (413): shorten it.")
    if status >= 500:
        return EndpointFault(capital(f"{host} failed ({status}){_quoted(said)}: run again in a while."))
    return EndpointFault(capital(f"{host} refused the request ({status}){_quoted(said)}: choose another model."))


def _rate_limited(error: Any, host: str, said: str) -> RateLimited:
    body = error.body if isinstance(error.body, dict) else {}
    if "insufficient_quota" in (body.get("code"), body.get("type")):
        return RateLimited(
            f"The account of this key has no credit left at {host} (429): add some, or paste another key."
        )
    wait = retry_after(error.response.headers)
    if wait is None:
        return RateLimited(capital(f"{host} has had too many requests (429): wait a minute and run again."))
    return RateLimited(capital(f"{host} has had too many requests (429): run again in {max(1, round(wait))} s."), wait)


def retry_after(headers: Any) -> float | None:
    """Seconds, from `retry-after-ms` or `Retry-After` as seconds or a date (RFC 9110, 10.2.3); None where unsaid."""
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / scale
        except ValueError:
            continue
        if 0 <= seconds < 1e7:
            return seconds
    try:
        return max(0.0, email.utils.parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _connection(error: Exception, host: str) -> PlaygroundError:
    import httpx2

    cause = error.__cause__
    if isinstance(cause, httpx2.ConnectError):
        if "certificate" in str(cause).lower():
            return EndpointUnreachable(
                f"The certificate of {host} could not be checked: correct the base URL or SSL_CERT_FILE."
            )
        return EndpointUnreachable(
            capital(f"{host} cannot be reached: check the address, the network, and that the server runs.")
        )
    if isinstance(cause, httpx2.UnsupportedProtocol | httpx2.InvalidURL):
        return EndpointUnreachable(capital(f"{host} cannot be reached: correct the base URL."))
    return EndpointUnreachable(capital(f"{host} closed the connection without an answer: run again."))


def cut(host: str) -> StreamCut:
    return StreamCut(f"The reply of {host} broke off in the middle: run again.")


def _quoted(said: str) -> str:
    return f", saying “{said.rstrip('.')}”" if said else ""
