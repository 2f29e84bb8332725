"""What `demo.launch` is given: our own files from our own server, and nothing from anywhere else."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from playground.service import Playground
from playground.ui.attention_export import export_routes
from playground.ui.attention_grid import grid_routes
from playground.ui.page_head import PageHead
from playground.ui.plotly_route import address, plotly_route
from playground.ui.routes import page_routes
from playground.ui.session import pages_of
from playground.ui.status_tab import status_routes
from playground.ui.theme import theme
from playground.ui.tokens_train import training_routes

ASSETS = Path(__file__).resolve().parents[2] / "assets"
STYLES = (
    "base",
    "shell",
    "cards",
    "writing",
    "tables",
    "status",
    "tokens",
    "tokens-train",
    "tokens-panels",
    "attention",
    "attention-ablate",
    "attention-layers",
    "attention-overview",
    "attention-head",
    "attention-kinds",
    "attention-frames",
    "projector",
)
SCRIPTS = ("core", "wire", "parts", "permalink", "fields", "page", "tokens", "dialogs", "export", "shell", "status")
SCRIPTS += tuple(
    f"tokens-{name}" for name in ("text", "layout", "labels", "cells", "grid", "find", "pin", "ruler", "page")
)
SCRIPTS += ("tokens-steps", "tokens-train")
SCRIPTS += tuple(f"tokens-{name}" for name in ("panels", "numbers", "languages", "chat", "map", "embeddings"))
SCRIPTS += ("attention",)
SCRIPTS += tuple(
    f"attention-{name}"
    for name in (
        *("colours", "overview", "plot", "lens", "head", "kind"),
        *("cells", "grid", "ablate", "layers", "frames", "export"),
    )
)
LONGEST_CACHE = "public, max-age=31536000, immutable"


class _Cached(StaticFiles):
    """Files whose address holds a digest of their content may be kept by the browser for good."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if scope.get("query_string"):
            response.headers["cache-control"] = LONGEST_CACHE
        return response


def launch_options(service: Playground) -> dict[str, Any]:
    """Keyword arguments for `gr.Blocks.launch`. The head's addresses are relative: a root path may stand before them."""
    settings = service.settings
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    return {
        "theme": theme(),
        "app_kwargs": {
            "routes": [
                *page_routes(service, pages_of(service)),
                *training_routes(service),
                *export_routes(service),
                *grid_routes(service, pages_of(service)),
                *status_routes(service),
                plotly_route(),
                *assets(),
            ],
            "middleware": [Middleware(PageHead, head=head())],
            "docs_url": None,
            "redoc_url": None,
            "openapi_url": None,
        },
        "favicon_path": ASSETS / "images" / "icon.svg",
        "server_name": settings.host,
        "server_port": settings.port,
        "max_file_size": f"{settings.max_upload_mb}mb",
        "footer_links": [],
        "run_history": False,
        "show_error": False,
        "share": False,
        "ssr_mode": False,
        "quiet": True,
    }


def assets() -> list[Mount]:
    """Only these folders of `assets` are served."""
    return [
        Mount(f"/assets/{name}", _Cached(directory=ASSETS / name), name=f"assets-{name}")
        for name in ("css", "js", "fonts")
    ]


def head() -> str:
    """Styles before the first paint, the theme before the styles: no flash of another colour, no shift of another font."""
    early = (ASSETS / "js" / "early.js").read_text(encoding="utf-8")
    parts = [
        f"<script>{early}</script>",
        '<link rel="preload" href="assets/fonts/inter-latin.woff2" as="font" type="font/woff2" crossorigin>',
        *_soon_needed(),
        *(f'<link rel="stylesheet" href="{asset_address("css", f"{name}.css")}">' for name in STYLES),
        f'<meta name="pg-plotly" content="{address()}">',
        *(f'<script src="{asset_address("js", f"{name}.js")}"></script>' for name in SCRIPTS),
    ]
    return "\n".join(parts)


def _soon_needed() -> list[str]:
    """Gradio's largest script that it asks for late; where a version names its files otherwise, nothing is lost."""
    found = list((Path(gr.__file__).parent / "templates" / "frontend" / "assets").glob("HTML-*.js"))
    return [f'<link rel="modulepreload" href="assets/{found[0].name}">'] if len(found) == 1 else []


def asset_address(folder: str, name: str) -> str:
    """Of a file, relative to the page's; it changes with the file."""
    digest = hashlib.sha256((ASSETS / folder / name).read_bytes()).hexdigest()[:12]
    return f"assets/{folder}/{name}?{digest}"
