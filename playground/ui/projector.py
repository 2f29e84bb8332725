"""The QR code by which a room joins: made here, so that no other server is asked for it."""

from __future__ import annotations

import io
from collections.abc import Sequence

import segno

from playground.views import shell
from playground.views.html import Html


def qr_code(urls: Sequence[str]) -> Html:
    """The first address as an SVG, or the sentence that says why there is none."""
    if not urls:
        return shell.qr("", urls)
    out = io.BytesIO()
    segno.make(urls[0], error="m").save(
        out, kind="svg", scale=1, border=2, xmldecl=False, svgns=True, omitsize=True, light="#fff"
    )
    return shell.qr(out.getvalue().decode(), urls)
