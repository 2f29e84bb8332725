"""HTML in which escaping is the default: text becomes a node only through `el`, and only `Html` passes unescaped.

>>> el("b", "<script>", cls="x")
'<b class="x">&lt;script&gt;</b>'
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

# What HTML may not hold (NUL and other controls) and UTF-8 cannot encode (lone surrogates): shown as U+FFFD.
_UNSHOWABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_VOID = frozenset({"br", "hr", "img", "input", "meta", "path", "rect", "line"})
_NAME = re.compile(r"[a-z][a-z0-9-]*\Z")


class Html(str):
    """A string that is HTML already. Made by this module; elsewhere only from literals."""

    __slots__ = ()


Child = str | int | Iterable["Child"] | None


def escape(text: object) -> Html:
    return Html(html.escape(_UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", str(text)), quote=True))


def join(children: Child, separator: str = "") -> Html:
    """Children side by side; None is nothing, text is escaped."""
    if children is None:
        return Html("")
    if isinstance(children, Html):
        return children
    if isinstance(children, str | int):
        return escape(children)
    return Html(separator.join(join(child) for child in children))


def el(name: str, /, *children: Child, **attributes: str | int | float | bool | None) -> Html:
    """One element. `cls` is class, `for_` is for, `data_x` is data-x; True is a bare attribute, None and False leave it out."""
    attrs = "".join(
        _attribute(key, value) for key, value in attributes.items() if value is not None and value is not False
    )
    if name in _VOID:
        return Html(f"<{name}{attrs}>")
    return Html(f"<{name}{attrs}>{join(children)}</{name}>")


def _attribute(key: str, value: str | int | float | bool) -> str:
    name = {"cls": "class"}.get(key, key.rstrip("_").replace("_", "-"))
    if not _NAME.match(name) or name.startswith("on"):
        raise ValueError(f"not an attribute for a view: {key}")
    return f" {name}" if value is True else f' {name}="{escape(value)}"'
