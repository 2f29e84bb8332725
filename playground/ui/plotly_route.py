"""plotly.js as the package plotly brings it: from our own server, compressed once, kept by the browser for good."""

from __future__ import annotations

import gzip
import importlib.util
from functools import cache
from importlib.metadata import version
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

KEPT = {
    "cache-control": "public, max-age=31536000, immutable",
    "vary": "accept-encoding",
    "x-content-type-options": "nosniff",
}


def address() -> str:
    """Relative to the page, with the version that it holds."""
    return f"assets/plotly/{version('plotly')}.js"


def plotly_route() -> Route:
    async def serve(request: Request) -> Response:
        if request.path_params["version"] != version("plotly"):
            return Response("This page is older than its server: reload it.", 404, media_type="text/plain")
        packed = "gzip" in request.headers.get("accept-encoding", "")
        body = await run_in_threadpool(_packed if packed else _plain)
        headers = KEPT | ({"content-encoding": "gzip"} if packed else {})
        return Response(body, media_type="text/javascript", headers=headers)

    return Route("/assets/plotly/{version}.js", serve)


def _plain() -> bytes:
    return _file().read_bytes()


@cache
def _packed() -> bytes:
    import plotly.graph_objects  # noqa: F401  (whoever asks for the script will want a figure next)

    return gzip.compress(_plain(), 6, mtime=0)


def _file() -> Path:
    """Found without importing the package."""
    spec = importlib.util.find_spec("plotly")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"
