"""Which pasted keys and base URLs are taken."""

from __future__ import annotations

from urllib.parse import urlsplit

from playground.core.credentials import Credential
from playground.core.errors import CredentialError, NotAllowed
from playground.settings import Settings, is_loopback


def checked(settings: Settings, key: str, base_url: str | None) -> Credential:
    """Raises CredentialError for what cannot be a key, NotAllowed for an address this server will not call."""
    key = key.strip()
    if not key:
        raise CredentialError("There is no key yet: paste one, or run without it.")
    if len(key) > 500 or not key.isascii() or not key.isprintable() or " " in key:
        raise CredentialError("That does not look like an API key: copy it again, without spaces or line breaks.")
    return Credential(key, checked_base_url(settings, base_url))


def checked_base_url(settings: Settings, base_url: str | None) -> str | None:
    """Without its trailing slash; None for the settings' own endpoint."""
    if base_url is None or not base_url.strip():
        return None
    url = base_url.strip().rstrip("/")
    if settings.public and url not in {allowed.rstrip("/") for allowed in settings.allowed_base_urls}:
        raise NotAllowed("This public server calls only the addresses its owner allows: leave the base URL empty.")
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
        parts = urlsplit("")
    if host is None or parts.scheme not in ("http", "https") or parts.username or parts.query or parts.fragment:
        raise NotAllowed("The base URL must look like https://host/v1: correct it.")
    if parts.scheme == "http" and not is_loopback(host):
        raise NotAllowed("A key must not travel unencrypted: use https, or an address on this machine.")
    return url
