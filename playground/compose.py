"""The one place that chooses a runtime and a gateway, for `app.py` and the command line."""

from __future__ import annotations

import logging
import os
import sys

from playground.catalog import Catalog
from playground.core.errors import NotHere, PlaygroundError, UnknownName
from playground.core.protocols import Runtime
from playground.core.types import ModelRef, Source
from playground.engine.runtime_local import LocalRuntime
from playground.gateway import LocalGateway, start_gateway
from playground.inspection.embeddings import LocalEmbeddings
from playground.inspection.tokens import ChildTrainer, LocalInspector
from playground.service import Playground
from playground.settings import Settings

log = logging.getLogger(__name__)

# Libraries that log a line per request or per missing optional part.
_CHATTY = ("httpx", "httpx2", "httpcore", "uvicorn.access", "asyncio", "matplotlib", "PIL")


def compose(settings: Settings) -> Playground:
    """Imports no torch and starts no model, but for those that the settings pin; the runtime does, when it is first asked.

    Raises, each with its one sentence: BadFile for a catalog that cannot be read, UnknownName for a pinned model that is
    not in it, NotHere for one that is not on this machine, TooLarge where the pinned models do not fit together.
    """
    catalog = Catalog.read(settings.catalog)
    catalog.add_trained(settings.trained)
    pinned = _pinned(settings, catalog)
    runtime = LocalRuntime(settings)
    try:
        if pinned:
            runtime.warm(pinned, pin=True)
        stand_in = _stand_in(settings, catalog, runtime)
        inside = LocalInspector(), ChildTrainer(), LocalEmbeddings()
        return Playground(settings, catalog, runtime, stand_in, *inside)
    except PlaygroundError:
        runtime.close()
        raise


def compose_or_exit(settings: Settings) -> Playground:
    """For a program that opens a page: what cannot be started ends it with its sentence and status 2."""
    try:
        return compose(settings)
    except PlaygroundError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None


def _pinned(settings: Settings, catalog: Catalog) -> list[ModelRef]:
    unknown = [name for name in settings.pinned if name not in catalog.checkpoints]
    if unknown:
        raise UnknownName("model to pin (PLAYGROUND_PINNED)", unknown[0], list(catalog.checkpoints))
    return [catalog.ref(catalog.get(name)) for name in dict.fromkeys(settings.pinned)]


def _stand_in(settings: Settings, catalog: Catalog, runtime: Runtime) -> LocalGateway | None:
    """Starts to listen when the hosted tier first asks for its address."""
    try:
        encoder = catalog.ref(catalog.encoder)
    except NotHere as error:
        log.warning("no stand-in: %s", error)
        return None
    return start_gateway(runtime, encoder, _starter(catalog), deadline=settings.hosted_timeout, lazy=True)


def _starter(catalog: Catalog) -> ModelRef | None:
    """The bundled language model, with which the stand-in goes on with texts; None where it is not here."""
    rows = catalog.serving("generation", "pretrained")
    bundled = next((row for row in rows if row.source is Source.BUNDLED and catalog.here(row)), None)
    return None if bundled is None else catalog.ref(bundled)


def set_up_logging(level: str) -> None:
    """To standard error alone: standard output belongs to JSON."""
    logging.basicConfig(
        stream=sys.stderr, level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def quiet_network(settings: Settings) -> None:
    """Before gradio or huggingface_hub is imported: no analytics; and no hub where the owner said offline."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    if settings.offline:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
