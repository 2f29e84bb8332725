"""One matrix of attention as a plotly figure. Tokens are users' text: plotly reads tags in its texts, so they are escaped."""

from __future__ import annotations

from typing import Any

import numpy as np

from playground.views.attention.shown import Shown
from playground.views.attention.token_names import isolated

LONGEST = 14  # characters of a label on an axis
STRONGEST = 3  # links that are told in words


def figure(found: Shown) -> dict[str, Any]:
    """As JSON can hold it: `data` and `layout` of plotly. z is float32 in base64, NaN where blank; rows run from top to bottom.

    The colour scale, sizes and fewer labels where there is no room for all are the page's: it knows its theme and its width.
    """
    import plotly.graph_objects as go

    rows, columns = found.weights.shape
    drawn = go.Figure(
        go.Heatmap(
            z=np.ascontiguousarray(found.weights, np.float32),
            zmin=0,
            zmax=1,
            zsmooth=False,
            showscale=False,
            hoverinfo="none",  # the page says it itself, in text
            hoverongaps=False,
        ),
        go.Layout(
            template=None,
            margin={"l": 8, "r": 8, "t": 8, "b": 8},
            xaxis=_axis(found.column_names, [-0.5, columns - 0.5]) | {"side": "top"},
            yaxis=_axis(found.row_names, [rows - 0.5, -0.5]),
        ),
    )
    made: dict[str, Any] = drawn.to_plotly_json()
    return {"data": made["data"], "layout": made["layout"]}


def _axis(names: tuple[str, ...], ends: list[float]) -> dict[str, Any]:
    return {
        "range": ends,
        "tickmode": "array",
        "tickvals": list(range(len(names))),
        "ticktext": [label(name) for name in names],
        "showgrid": False,
        "zeroline": False,
        "ticks": "",
        "ticklabeloverflow": "allow",  # else plotly measures every label at every drawing
    }


def label(name: str) -> str:
    """A name on an axis, as plotly shows it as it is: short, and no tag or entity of it is read.

    >>> label("<b>"), label("a&amp;b")
    ('&lt;b&gt;', 'a&amp;amp;b')
    """
    short = name
    if len(short) > LONGEST:
        short = short[: LONGEST - 1] + "…"
    return short.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def sentence(found: Shown) -> str:
    """The strongest links in words, for those who do not see the picture."""
    weights = np.nan_to_num(found.weights, nan=-1.0)
    first = np.argsort(-weights, axis=None, kind="stable")[:STRONGEST]
    cells = [divmod(int(at), weights.shape[1]) for at in first]
    links = [
        f"“{isolated(found.row_names[row])}” to “{isolated(found.column_names[column])}” {weights[row, column]:.2f}"
        for row, column in cells
        if weights[row, column] > 0
    ]
    if not links:
        return "No weight is shown."
    return f"Strongest: {', '.join(links)}."
