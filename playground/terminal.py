"""A run on a terminal: a line for each tier, and under it what it found."""

from __future__ import annotations

from playground.core.reading_types import Choices, ExtractedAnswer
from playground.core.run import RunRecord, TierResult
from playground.core.types import MultiLabels, Spans
from playground.core.words import TIER_TITLES
from playground.core.writing_types import Foreseen, Text

SHOWN = 5  # labels of several, words for a gap: the likeliest first


def print_record(record: RunRecord, noun: tuple[str, str]) -> None:
    for result in record.results:
        print(f"{TIER_TITLES[result.tier]:<13} {_line(result, noun)}")
        if isinstance(result.output, MultiLabels):
            for row in result.output.scores[:SHOWN]:
                score = "   –" if row.score is None else f"{row.score:.2f}"
                needed = "" if row.threshold is None else f"  (holds from {row.threshold:.2f})"
                print(f"    {score}  {'*' if row.label in result.output.labels else ' '} {row.label}{needed}")
        if isinstance(result.output, ExtractedAnswer):
            for row in (result.output, *result.output.others):
                score = "   –" if row.score is None else f"{row.score:.2f}"
                if row.answer:
                    print(f"    {score}  {_short(row.answer)}  [{row.start}:{row.end}]")
        if isinstance(result.output, Choices):
            for gap, rows in enumerate(result.output.masks, 1):
                for row in rows[:SHOWN]:
                    score = "   –" if row.score is None else f"{row.score:.2f}"
                    print(f"    {score}  {gap}  {row.token}")
            for word in result.output.weighed:
                sides = "  ".join("   –" if side is None else f"{side:.2f}" for side in (word.here, word.there))
                print(f"    {sides}  {word.token}  (here, and in the other sentence)")
        if isinstance(result.output, Text):
            print(*(f"    {line}" for line in result.output.text.splitlines()), sep="\n")
        if isinstance(result.output, Spans):
            width = max((len(span.label) for span in result.output.spans), default=0)
            for span in result.output.spans:
                score = "" if span.score is None else f"{span.score:.2f}"
                print(
                    f"    {score:>4}  {span.label:<{width}}  {' '.join(span.text.split())}  [{span.start}:{span.end}]"
                )


def _short(answer: str, most: int = 80) -> str:
    """In one line."""
    words = " ".join(answer.split())
    return words if len(words) <= most else words[: most - 1] + "…"


def _line(result: TierResult, noun: tuple[str, str]) -> str:
    output, latency = result.output, result.stats.latency_seconds
    if output is None:
        return str(result.error or "stopped")
    milliseconds = "–" if latency is None else f"{latency * 1000:.0f} ms"
    if isinstance(output, Spans):
        said, shown = f"{len(output.spans)} {noun[len(output.spans) != 1]}", ""
        said += f", {output.unplaced} not in the text" if output.unplaced else ""
    elif isinstance(output, MultiLabels):
        said, shown = ", ".join(output.labels) or "none", ""
    elif isinstance(output, ExtractedAnswer):
        said, shown = _short(output.answer) or "no answer", "–" if output.score is None else f"{output.score:.2f}"
        said += "" if output.placed else " (not in the context)"
    elif isinstance(output, Choices):
        said, shown = ", ".join(output.words), ""
    elif isinstance(output, Text):
        said, shown = f"{len(output.text):,} characters", ""
    elif isinstance(output, Foreseen):
        said, shown = f"{output.bits_per_byte:.3f} bits per byte", ""
    else:
        said, shown = output.label, "–" if output.confidence is None else f"{output.confidence:.2f}"
    return f"{said:<12} {shown:>5} {milliseconds:>9}   {result.stats.model} ({result.stats.source})"
