"""HTML in which escaping is the default: text becomes a node only through `el`, and only `Html` passes unescaped.

>>> el("b", "<script>", cls="x")
'<b class="x">&lt;script&gt;</b>'
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

# What HTML may not hold (NUL and other controls) and UTF-8 cannot encode (lone surrogates): shown as U+FFFD.
_UNSHOWABLE_CHARS = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff"
UNSHOWABLE = re.compile(f"[{_UNSHOWABLE_CHARS}]")
_TO_ESCAPE = re.compile(f"[&<>\"'{_UNSHOWABLE_CHARS}]")
_VOID = frozenset({"br", "hr", "img", "input", "meta", "path", "rect", "line", "wbr"})
_NAME = re.compile(r"[a-z][a-z0-9-]*\Z")


class Html(str):
    """A string that is HTML already. Made by this module; elsewhere only from literals."""

    __slots__ = ()


Child = str | int | Iterable["Child"] | None


def escape(text: object) -> Html:
    plain = str(text)
    if _TO_ESCAPE.search(plain) is None:  # most text: a card is some hundred pieces
        return Html(plain)
    return Html(html.escape(UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", plain), quote=True))


def join(children: Child, separator: str = "") -> Html:
    """Children side by side; None is nothing, text is escaped."""
    if isinstance(children, Html):
        return children
    if children is None or isinstance(children, str | int):
        return Html("") if children is None else escape(children)
    return Html(separator.join(join(child) for child in children))


def el(name: str, /, *children: Child, **attributes: str | int | float | bool | None) -> Html:
    """One element. `cls` is class, `for_` is for, `data_x` is data-x; True is a bare attribute, None and False leave it out."""
    pieces = ["<", name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        pieces += (" ", _NAMES.get(key) or _attribute_name(key))
        if value is not True:
            pieces += ('="', escape(value), '"')
    pieces.append(">")
    if name not in _VOID:
        _add(pieces, children)
        pieces += ("</", name, ">")
    return Html("".join(pieces))


def _add(pieces: list[str], children: Iterable[Child]) -> None:
    for child in children:
        if isinstance(child, Html):
            pieces.append(child)
        elif isinstance(child, str | int):
            pieces.append(escape(child))
        elif child is not None:
            _add(pieces, child)


_NAMES: dict[str, str] = {}  # keyword to attribute; the views' own words, so it stays small


def _attribute_name(key: str) -> str:
    name = {"cls": "class"}.get(key, key.rstrip("_").replace("_", "-"))
    if not _NAME.match(name) or name.startswith("on"):
        raise ValueError(f"not an attribute for a view: {key}")
    return _NAMES.setdefault(key, name)
