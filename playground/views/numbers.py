"""Measured numbers as people read them. What was not measured is "–", never 0."""

from __future__ import annotations

import math

UNKNOWN = "–"
_THIN = "\N{NO-BREAK SPACE}"


def seconds(value: float | None) -> str:
    """
    >>> seconds(0.0093), seconds(1.26), seconds(75), seconds(None)
    ('9.3\\xa0ms', '1.3\\xa0s', '1\\xa0min\\xa015\\xa0s', '–')
    """
    if value is None:
        return UNKNOWN
    milliseconds = value * 1000
    if milliseconds < 0.1:
        return f"<{_THIN}0.1{_THIN}ms"
    if milliseconds < 9.95:
        return f"{milliseconds:.1f}{_THIN}ms"
    if milliseconds < 999.5:
        return f"{milliseconds:.0f}{_THIN}ms"
    if value < 59.95:
        return f"{value:.1f}{_THIN}s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes}{_THIN}min" + (f"{_THIN}{rest}{_THIN}s" if rest else "")


def duration(value: float) -> str:
    """A rough time to wait: whole seconds, at least one; from two minutes on, minutes.

    >>> duration(0.6), duration(3.6), duration(150)
    ('1\\xa0s', '4\\xa0s', '3\\xa0min')
    """
    whole = max(1, math.ceil(value))
    return f"{whole}{_THIN}s" if whole < 120 else f"{math.ceil(whole / 60)}{_THIN}min"


def ago(value: float) -> str:
    """Seconds since something happened, as rough as people say it.

    >>> ago(2), ago(42.3), ago(190), ago(7300), ago(200_000)
    ('just now', '42\\xa0s ago', '3\\xa0min ago', '2\\xa0h ago', '2\\xa0days ago')
    """
    if value < 5:
        return "just now"
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min"), (1, "s")):
        if value >= size:
            count = int(value // size)
            return f"{count}{_THIN}{'day' if unit == 'days' and count == 1 else unit} ago"
    return "just now"


def usd(value: float | None) -> str:
    """
    >>> usd(0), usd(0.00012), usd(0.5), usd(None)
    ('$0', '$0.00012', '$0.50', '–')
    """
    if value is None:
        return UNKNOWN
    if value == 0:
        return "$0"
    if value < 1e-6:
        return "<$0.000001"
    if value < 0.01:
        return "$" + f"{value:.2g}" if value >= 1e-4 else "$" + f"{value:.6f}".rstrip("0")
    return f"${value:,.2f}"


def count(value: int | None) -> str:
    """
    >>> count(22713216), count(812), count(147_456), count(None)
    ('22.7\\xa0M', '812', '147\\xa0k', '–')
    """
    if value is None:
        return UNKNOWN
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= size * 0.9995:
            amount = value / size
            return f"{amount:.1f}{_THIN}{unit}" if amount < 99.95 else f"{amount:.0f}{_THIN}{unit}"
    return str(value)


def rate(value: float | None) -> str:
    """So many a second.

    >>> rate(0.52), rate(41.23), rate(1234.5), rate(None)
    ('0.5', '41', '1,234', '–')
    """
    if value is None:
        return UNKNOWN
    return f"{value:.1f}" if value < 9.95 else f"{value:,.0f}"


def size(value: int | None) -> str:
    """Bytes, decimal units.

    >>> size(90_900_000), size(4_200), size(None)
    ('91\\xa0MB', '4.2\\xa0kB', '–')
    """
    if value is None:
        return UNKNOWN
    for unit_size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= unit_size * 0.9995:
            amount = value / unit_size
            return f"{amount:.1f}{_THIN}{unit}" if amount < 9.95 else f"{amount:.0f}{_THIN}{unit}"
    return f"{value}{_THIN}B"


def score(value: float | None) -> str:
    """A probability with two digits, and never a rounded-up certainty.

    >>> score(0.924), score(0.9999), score(0.0001), score(1.0), score(None)
    ('0.92', '>0.99', '<0.01', '1.00', '–')
    """
    if value is None:
        return UNKNOWN
    if 0.995 <= value < 1:
        return ">0.99"
    if 0 < value < 0.005:
        return "<0.01"
    return f"{value:.2f}"


def delta(value: float | None, smallest: float = 0.005) -> str:
    """A change with its sign; nothing where there is none worth a mark.

    >>> delta(0.124), delta(-0.3), delta(0.001), delta(None)
    ('+0.12', '−0.30', '', '')
    """
    if value is None or abs(value) < smallest:
        return ""
    return f"{'+' if value > 0 else '−'}{abs(value):.2f}"
