"""Which endpoint answers, and with whose key: a pasted key, the owner's, a local server, else the stand-in."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playground.core.credentials import Credential
from playground.core.errors import (
    CredentialError,
    EndpointUnreachable,
    NotAllowed,
    NotSupported,
    PlaygroundError,
    UnknownName,
)
from playground.core.task import Task
from playground.core.types import Choice, Request, Source
from playground.core.words import STAND_IN_NOTE
from playground.settings import Settings, is_loopback
from playground.tiers.context import TierContext
from playground.tiers.hosted_budget import Budget, Reservation
from playground.tiers.hosted_errors import STAND_IN_CANNOT, STAND_IN_GOES_ON, STAND_IN_HAS_NO_WORDS
from playground.tiers.hosted_models import DEFAULT, ModelLists
from playground.tiers.hosted_prices import cost
from playground.tiers.hosted_request import most_tokens

STAND_IN = "stand-in"  # the model name that the bundled endpoint answers to
_NO_KEY = "not-needed"  # openai's client wants one; a server on this machine asks for none


@dataclass(frozen=True)
class Endpoint:
    """`owners_key`: whether the key is of the settings. `user`: whom the stand-in is fair to. `reservation`: a visitor's."""

    source: Source
    base_url: str
    model: str
    api_key: str = field(repr=False)
    owners_key: bool = False
    reservation: Reservation | None = None
    user: str = ""
    note: str | None = None


@dataclass
class Ask:
    """One run that looks for its endpoint. `refused`: why earlier endpoints were passed over."""

    task: Task
    request: Request
    refused: list[PlaygroundError] = field(default_factory=list)

    @property
    def model(self) -> str | None:
        """The model asked for by name."""
        return None if self.request.model in (None, "", DEFAULT) else self.request.model


Resolver = Callable[[Ask], Awaitable[Endpoint | None]]


class Endpoints:
    """`resolvers` are asked in order; the first that gives an endpoint is used."""

    def __init__(self, context: TierContext, models: ModelLists) -> None:
        self._settings = context.settings
        self._credentials = context.credentials
        self._gateway = context.gateway
        self._models = models
        self.budget = Budget(context.settings.visitor_budget_usd, context.settings.visitors_budget_usd)
        self.resolvers: list[Resolver] = [self._pasted, self._owners, self._local_server, self._stand_in]

    async def resolve(self, ask: Ask) -> Endpoint:
        """Raises CredentialError, NotAllowed, UnknownName or EndpointUnreachable."""
        for resolver in self.resolvers:
            endpoint = await resolver(ask)
            if endpoint is not None:
                return endpoint
        raise self._nothing(ask)

    def choices(self, session: str) -> list[Choice]:
        """The picker's rows, the default first. Asks no network."""
        settings = self._settings
        credential = self._credentials.get(session)
        if credential is not None:
            try:
                url = base_url_of(settings, credential)
            except NotAllowed as error:
                return [Choice(DEFAULT, "Your endpoint", Source.LIVE, False, str(error))]
            if self._reachable(url):
                if url == normalized(settings.openai_base_url):
                    return _rows(settings.hosted_models, Source.LIVE)
                return _rows(self._models.cached(url, credential.api_key, owners_key=False) or (DEFAULT,), Source.LIVE)
        owners_url = normalized(settings.openai_base_url)
        if settings.openai_api_key is not None and owners_url is not None and self._reachable(owners_url):
            if not settings.public:
                return _rows(settings.hosted_models, Source.LIVE)
            if self.budget.left(session) > 0:
                priced = [model for model in settings.hosted_models if cost(owners_url, model, 1, 1) is not None]
                if priced:
                    return _rows(priced, Source.LIVE)
        local = self._local_url()
        if local is not None:
            named = (settings.local_server_model,) if settings.local_server_model else ()
            listed = self._models.cached(local, _NO_KEY, owners_key=False)
            return _rows(tuple(dict.fromkeys((*named, *listed))) or (DEFAULT,), Source.LOCAL_SERVER)
        why_not = "" if self._gateway is not None else "no endpoint: paste a key, or name a local server"
        return [Choice(STAND_IN, "Stand-in, our own endpoint", Source.STAND_IN, not why_not, why_not)]

    def only_stand_in(self, session: str) -> bool:
        """Whether nobody else can answer this visitor."""
        return all(choice.source is Source.STAND_IN for choice in self.choices(session))

    def stand_in_cannot(self, task: Task) -> str:
        """Why, as its card says it; empty where it can."""
        if self._gateway is None:
            return ""
        if task.writing is not None and not task.continues:
            return STAND_IN_GOES_ON
        if self._gateway.serves(task.schema()):
            return ""
        return STAND_IN_CANNOT if task.writing is None else STAND_IN_HAS_NO_WORDS

    # -- the resolvers

    async def _pasted(self, ask: Ask) -> Endpoint | None:
        credential = self._credentials.get(ask.request.session)
        if credential is None or ask.model == STAND_IN:
            return None
        url = base_url_of(self._settings, credential)
        if not self._reachable(url):
            ask.refused.append(_offline(url))
            return None
        model = ask.model
        if model is None and url == normalized(self._settings.openai_base_url) and self._settings.hosted_models:
            model = self._settings.hosted_models[0]
        if model is None:
            listed = await self._models.get(url, credential.api_key, owners_key=False)
            if not listed:
                host = urlsplit(url).netloc
                raise EndpointUnreachable(f"{host} did not say which models it has: check the base URL and the key.")
            model = listed[0]
        return Endpoint(Source.LIVE, url, model, checked_key(credential.api_key))

    async def _owners(self, ask: Ask) -> Endpoint | None:
        settings = self._settings
        if settings.openai_api_key is None or ask.model == STAND_IN or not settings.hosted_models:
            return None
        url = normalized(settings.openai_base_url)
        if url is None:
            raise NotAllowed("OPENAI_BASE_URL must look like https://host/v1: correct it.")
        if not self._reachable(url):
            ask.refused.append(_offline(url))
            return None
        model = ask.model or settings.hosted_models[0]
        key = checked_key(settings.openai_api_key.get_secret_value())
        _no_clear_text(url)
        if not settings.public:
            return Endpoint(Source.LIVE, url, model, key, owners_key=True)
        if not self.budget.left(ask.request.session) or model not in settings.hosted_models:
            if settings.visitor_budget_usd > 0 and model in settings.hosted_models:
                ask.refused.append(
                    NotAllowed("The budget for visitors is used up: paste a key of your own for live answers.")
                )
            return None
        most = cost(url, model, *most_tokens(ask.task, ask.request.text, settings.max_new_tokens))
        if most is None:
            ask.refused.append(
                NotAllowed(f"{model} has no known price, so visitors cannot use it: choose another model.")
            )
            return None
        try:
            reservation = self.budget.reserve(ask.request.session, most.usd)
        except NotAllowed as error:
            ask.refused.append(error)
            return None
        return Endpoint(Source.LIVE, url, model, key, owners_key=True, reservation=reservation)

    async def _local_server(self, ask: Ask) -> Endpoint | None:
        url = self._local_url()
        if url is None or ask.model == STAND_IN:
            return None
        model = ask.model or self._settings.local_server_model
        if not model:
            listed = await self._models.get(url, _NO_KEY, owners_key=False)
            if not listed:
                raise EndpointUnreachable(
                    f"The local server {urlsplit(url).netloc} did not say which models it has: start it, "
                    "or set PLAYGROUND_LOCAL_SERVER_MODEL."
                )
            model = listed[0]
        return Endpoint(Source.LOCAL_SERVER, url, model, _NO_KEY)

    async def _stand_in(self, ask: Ask) -> Endpoint | None:
        if self._gateway is None or (ask.model is not None and ask.model.split("/")[0] != STAND_IN):
            return None
        cannot = self.stand_in_cannot(ask.task) if ask.task.writing is not None else ""  # of forms it says so itself
        if cannot:
            raise ask.refused[0] if ask.refused else NotSupported(cannot)
        user = hashlib.sha256(ask.request.session.encode()).hexdigest()[:16]
        note = STAND_IN_NOTE if not ask.refused else f"{ask.refused[0]} {STAND_IN_NOTE}"
        return Endpoint(Source.STAND_IN, self._gateway.base_url, STAND_IN, self._gateway.token, user=user, note=note)

    # -- rules

    def _nothing(self, ask: Ask) -> PlaygroundError:
        if ask.refused:
            return ask.refused[0]
        if ask.model is not None and ask.model in self._settings.hosted_models:
            return CredentialError(f"{ask.model} needs an API key: paste one, or choose another model.")
        if ask.model is not None:
            return UnknownName("hosted model", ask.model, [choice.id for choice in self.choices(ask.request.session)])
        return CredentialError("There is no endpoint to ask: paste an API key, or name a local server.")

    def _reachable(self, url: str) -> bool:
        return not self._settings.offline or is_loopback(urlsplit(url).hostname or "")

    def _local_url(self) -> str | None:
        url = self._settings.local_server_url
        normal = normalized(url) if url else None
        return normal if normal is not None and self._reachable(normal) else None


def base_url_of(settings: Settings, credential: Credential) -> str:
    """Where a pasted key may be sent. Raises NotAllowed."""
    default = normalized(settings.openai_base_url)
    url = default if credential.base_url is None else normalized(credential.base_url)
    if url is None:
        raise NotAllowed("The base URL must look like https://host/v1: correct it.")
    allowed = {default, *(normalized(address) for address in settings.allowed_base_urls)}
    if settings.public and url not in allowed:
        raise NotAllowed("This public server calls only the addresses its owner allows: leave the base URL empty.")
    _no_clear_text(url)
    return url


def normalized(url: str) -> str | None:
    """Scheme and host in lower case, no default port, no slash at the end. None where it is no plain http(s) address."""
    if any(character <= " " or character in "\\\x7f" for character in url.strip()):
        return None
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or not host.isascii():
        return None
    if "@" in parts.netloc or parts.query or parts.fragment or {".", ".."} & set(parts.path.split("/")):
        return None
    name = f"[{host}]" if ":" in host else host
    port = None if port == {"http": 80, "https": 443}[parts.scheme] else port
    return f"{parts.scheme}://{name}{'' if port is None else f':{port}'}{parts.path.rstrip('/')}"


def checked_key(key: str) -> str:
    """Raises CredentialError for what no HTTP header can carry; such a key would show up in the client's error."""
    key = key.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise CredentialError("The API key holds characters that no key has: paste it again.")
    return key


def _no_clear_text(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise NotAllowed("A key must not travel unencrypted: use https, or an address on this machine.")


def _offline(url: str) -> PlaygroundError:
    return NotAllowed(f"This playground runs offline, so {urlsplit(url).netloc} is not asked.")


def _rows(models: tuple[str, ...] | list[str], source: Source) -> list[Choice]:
    return [Choice(model, "The first it lists" if model == DEFAULT else model, source) for model in models]
