"""bertviz' head view and model view (Vig 2019, "A Multiscale Visualization of Attention in the Transformer Model", arXiv
1906.05714) as a document for a frame that may run scripts and nothing else.

Its scripts are version 1.4.1's own, but for the addresses of their libraries. They ask require.js for d3 and jQuery; a line stands
in for it, and the page puts both libraries in the place of `LIBRARIES`, so that the frame asks no server for anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any

import numpy as np

from playground.core.attention_types import AttentionMap, Head, Part
from playground.views.attention.look import TITLES
from playground.views.html import Html, el, escape

MOST_TOKENS = 48  # of a side in the head view
MOST_SMALL = 32  # of a side in the model view
MOST_LINES = 80_000  # of the model view: bertviz draws one for every weight of every head
MOST_WEIGHTS = 200_000  # of the head view; where all layers have more, the chosen one is sent alone
LIBRARIES = "<!-- libraries -->"
MARKER = "PYTHON_PARAMS"  # in bertviz' scripts; a comment holds it once more
_ROOT = "bertviz"
# What a token of blanks alone is drawn as, and a line's end anywhere.
_BLANKS = str.maketrans({" ": "␣", "\t": "⇥", "\r": "␍", "\n": "⏎", "\u00a0": "⍽", "\u2028": "⏎", "\u2029": "⏎"})
_LINE_ENDS = str.maketrans({"\t": "⇥", "\r": "␍", "\n": "⏎", "\u2028": "⏎", "\u2029": "⏎"})
# Nothing is loaded, sent or opened from inside the frame, whatever its scripts were made to do.
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'"
_STYLE = """:root { color-scheme: light; }
body { margin: 10px; background: #fff; color: #151a24; font: 15px system-ui, sans-serif; }
#bertviz { width: max-content; min-width: 100%; } label { margin-right: 16px; } select { font: inherit; } #vis { margin-top: 10px; }
#vis svg { min-width: 345px; display: block; }"""
_SHIM = "window.requirejs = (names, ready) => ready(window.jQuery, window.d3);"
# Where bertviz' scripts say from which hosts the libraries come: that part is left out, so that no address is in the document.
_HOSTS = re.compile(r"^require\.config\(\{.*?^\}\);?$", re.DOTALL | re.MULTILINE)
# The page gives the frame as much height as it needs; the horizontal bar's included, where there is one.
_HEIGHT = """const tell = () => parent.postMessage({ height: Math.ceil(document.body.getBoundingClientRect().height) + 20 +
  (document.documentElement.scrollWidth > document.documentElement.clientWidth ? 18 : 0) }, "*");
new ResizeObserver(tell).observe(document.body); tell();
"""


@dataclass(frozen=True)
class Drawn:
    """One part's weights as they are drawn. weights: by layer, float32 [heads, queries, keys], cut to the first tokens. numbers: of
    these layers, counted from 0.
    """

    part: Part
    numbers: tuple[int, ...]
    weights: tuple[np.ndarray, ...]


def head_view_tokens(found: AttentionMap) -> int:
    """Tokens of a side that the head view draws."""
    return min(MOST_TOKENS, max(map(len, found.sides)))


def model_view_tokens(found: AttentionMap) -> int:
    """Tokens of a side that the model view draws: of its largest part `MOST_LINES` holds so many."""
    heads = max(one.part.layers * one.part.heads for one in found.parts)
    return max(1, min(MOST_SMALL, isqrt(MOST_LINES // heads), max(map(len, found.sides))))


def all_layers(found: AttentionMap, tokens: int) -> bool:
    """Whether the head view is sent all layers of all parts."""
    drawn = 0
    for one in found.parts:
        queries, keys = (min(tokens, len(found.sides[side])) for side in (one.part.queries, one.part.keys))
        drawn += one.part.layers * one.part.heads * queries * keys
    return all(one.whole for one in found.parts) and drawn <= MOST_WEIGHTS


def head_view(found: AttentionMap, drawn: Sequence[Drawn], chosen: Head, tokens: int, script: str) -> str:
    """The document. drawn: the parts that can be chosen in it, with the same numbers of layers and heads. script: bertviz' own."""
    numbers = drawn[0].numbers
    params = {**_params(found, drawn, chosen, tokens), "layer": chosen.layer + 1, "heads": [chosen.head]}
    layer = el("label", "Layer ", el("select", id="layer"))
    return _document(
        "head view", [layer, _filter(drawn, chosen)], params | {"include_layers": _counted(numbers)}, script
    )


def model_view(found: AttentionMap, drawn: Sequence[Drawn], chosen: Head, tokens: int, script: str) -> str:
    """The document. drawn: the parts that can be chosen in it, with the same numbers of layers and heads. script: bertviz' own."""
    heads = drawn[0].part.heads
    params = {
        **_params(found, drawn, chosen, tokens),
        "display_mode": "light",
        "include_layers": _counted(drawn[0].numbers),
        "include_heads": _counted(range(heads)),
        "total_heads": heads,
    }
    return _document("model view", [_filter(drawn, chosen)], params, script)


def alike(drawn: Sequence[Drawn], chosen: Head) -> list[Drawn]:
    """The parts that bertviz can show in one view: those with as many layers and heads as the chosen one."""
    own = next(one for one in drawn if one.part.name == chosen.part)
    return [one for one in drawn if (one.numbers, one.part.heads) == (own.numbers, own.part.heads)]


def cut_note(found: AttentionMap, tokens: int) -> str:
    """Empty where every token is drawn."""
    longest = max(map(len, found.sides))
    if longest <= tokens:
        return ""
    return (
        f"bertviz draws a line for every weight: the first {tokens} tokens of {longest} are shown. "
        "Their weights are as they are, so that those of a row may sum to less than 1."
    )


def _params(found: AttentionMap, drawn: Sequence[Drawn], chosen: Head, tokens: int) -> dict[str, Any]:
    """As `bertviz.head_view` and `bertviz.model_view` hand them to their scripts."""
    return {
        "attention": [
            {
                "name": TITLES[one.part.name],
                "attn": [_rounded(weights) for weights in one.weights],
                "left_text": _shown(found.sides[one.part.queries].tokens[:tokens]),
                "right_text": _shown(found.sides[one.part.keys].tokens[:tokens]),
            }
            for one in drawn
        ],
        "default_filter": str([one.part.name for one in drawn].index(chosen.part)),
        "root_div_id": _ROOT,
    }


def _rounded(weights: np.ndarray) -> Any:
    """With four digits: a fifth is not seen in a line's opacity, and takes as much again to send."""
    return np.round(weights.astype(np.float64), 4).tolist()


def _counted(numbers: Sequence[int] | range) -> list[int]:
    """As they are counted on screen, from 1. bertviz finds layers and heads by their place; these are their names."""
    return [number + 1 for number in numbers]


def _shown(tokens: Sequence[str]) -> list[str]:
    return [token.translate(_LINE_ENDS if token.strip() else _BLANKS) for token in tokens]


def _filter(drawn: Sequence[Drawn], chosen: Head) -> Html | None:
    if len(drawn) == 1:
        return None
    options = [
        el("option", TITLES[one.part.name], value=number, selected=one.part.name == chosen.part)
        for number, one in enumerate(drawn)
    ]
    return el("label", "Attention ", el("select", options, id="filter"))


def _document(title: str, controls: Sequence[Html | None], params: dict[str, Any], script: str) -> str:
    """script: holds `MARKER`; its first place alone is filled, so that the data is there once."""
    filled = _HOSTS.sub("", script, count=1).replace(MARKER, _json(params), 1)
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">',
            f"<title>{escape(title)}</title>",
            LIBRARIES,
            f"<style>{_STYLE}</style></head><body>",
            el("div", el("div", list(controls)), el("div", id="vis"), id=_ROOT),
            f"<script>{_SHIM}</script>",
            f"<script>{filled}</script>",
            f"<script>{_HEIGHT}</script>",
            "</body></html>",
        )
    )


def _json(value: Any) -> str:
    """JSON that can stand in a script in HTML: nothing in it ends the script, opens a comment, or ends a line (U+2028)."""
    text = json.dumps(value, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
