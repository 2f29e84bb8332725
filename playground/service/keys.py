"""Which pasted keys and base URLs are taken."""

from __future__ import annotations

from playground.core.credentials import Credential
from playground.core.errors import CredentialError
from playground.settings import Settings
from playground.tiers.hosted_endpoints import base_url_of, checked_key

LONGEST = 500  # characters


def checked(settings: Settings, key: str, base_url: str | None) -> Credential:
    """Raises CredentialError for what cannot be a key, NotAllowed for an address this server will not call."""
    if not key.strip():
        raise CredentialError("There is no key yet: paste one, or run without it.")
    if len(key) > LONGEST:
        raise CredentialError("That is too long for an API key: copy it again.")
    named = base_url is not None and bool(base_url.strip())
    credential = Credential(checked_key(key), base_url if named else None)
    url = base_url_of(settings, credential)  # the rule the tier itself follows at every run
    return Credential(credential.api_key, url if named else None)
