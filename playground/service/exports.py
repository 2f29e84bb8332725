"""Runs and tables as CSV that a spreadsheet opens without running anything in it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence

from playground.core.reading_types import Choices, ExtractedAnswer, GapWords, GoldAnswers
from playground.core.run import RunRecord, TierResult
from playground.core.types import Answer, Gold, Labels, MultiLabels, Span, Spans
from playground.core.writing_types import Foreseen, References, Text
from playground.service.table import TableRow

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(value: object) -> object:
    """Text that a spreadsheet would run as a formula gets a leading apostrophe (OWASP, CSV injection)."""
    return "'" + value if isinstance(value, str) and value.startswith(_FORMULA) else value


def to_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows([safe_cell(value) for value in row] for row in rows)
    return out.getvalue()


def answer_cell(output: Answer | None) -> str:
    """A label or, for a gap, a word; several as in "joy; love", spans as in "PER Anna; LOC Paris", an answer's words; "none" where
    nothing holds or was found, "no answer" where a context has none. Empty where the tier gave nothing.
    """
    match output:
        case None:
            return ""
        case Labels(label=label):
            return label
        case MultiLabels(labels=labels):
            return "; ".join(labels) or "none"
        case Spans(spans=spans):
            return _spans(spans)
        case ExtractedAnswer(answer=answer):
            return " ".join(answer.split()) or "no answer"
        case Choices():
            return "; ".join(output.words)
        case Text(text=text):
            return text
        case Foreseen():
            return f"{output.bits_per_byte:.3f} bits per byte"


def gold_cell(gold: Gold | None) -> str:
    """As `answer_cell`."""
    if gold is None:
        return ""
    if isinstance(gold, GoldAnswers):
        return "; ".join(" ".join(answer.split()) for answer in gold.answers) or "no answer"
    if isinstance(gold, frozenset):
        return "; ".join(sorted(gold)) or "none"
    if isinstance(gold, References):
        return "\n".join(gold.texts)
    if isinstance(gold, GapWords):
        return "; ".join(" or ".join(sorted(words)) for words in gold.gaps)
    return gold if isinstance(gold, str) else _spans(gold)


def _spans(spans: Sequence[Span]) -> str:
    return "; ".join(f"{span.label} {' '.join(span.text.split())}" for span in spans) or "none"


def table_csv(rows: Sequence[TableRow], tiers: Sequence[str]) -> str:
    """A line per input in the pasted order; per tier its answer, confidence (of a single label or answer), latency and error."""
    header = [
        "line",
        "text",
        *(f"{tier}_{field}" for tier in tiers for field in ("label", "confidence", "latency_ms", "source", "error")),
    ]

    def cells(row: TableRow) -> list[object]:
        by_tier = {result.tier: result for result in row.results}
        return [row.index + 1, row.text, *(value for tier in tiers for value in _cells(by_tier.get(tier)))]

    return to_csv(header, (cells(row) for row in sorted(rows, key=lambda row: row.index)))


def _confidence(output: Answer | None) -> float | None:
    match output:
        case Labels(confidence=confidence):
            return confidence
        case ExtractedAnswer(score=score):
            return score
    return None


def _cells(result: TierResult | None) -> list[object]:
    if result is None:
        return [""] * 5
    output, latency = result.output, result.stats.latency_seconds
    confidence = _confidence(output)
    return [
        answer_cell(output) or result.written,
        "" if confidence is None else round(confidence, 6),
        "" if latency is None else round(latency * 1000, 3),
        result.stats.source or "",
        str(result.error) if result.error else result.stopped if result.cancelled else "",
    ]


def history_csv(records: Sequence[RunRecord]) -> str:
    """A line per run and tier, newest run first, with everything that was measured."""
    header = [
        "run",
        "at",
        "task",
        "text",
        "values",
        "gold",
        "tier",
        "source",
        "model",
        "revision",
        "fingerprint",
        "label",
        "confidence",
        "latency_ms",
        "load_seconds",
        "tokens_in",
        "tokens_out",
        "cost_usd",
        "device",
        "dtype",
        "error",
    ]
    return to_csv(header, (_history_row(record, result) for record in records for result in record.results))


def _history_row(record: RunRecord, result: TierResult) -> list[object]:
    stats = result.stats
    label, confidence, latency, source, error = _cells(result)
    known = [stats.load_seconds, stats.tokens_in, stats.tokens_out, stats.cost_usd, stats.device, stats.dtype]
    return [
        record.id,
        record.at.isoformat(timespec="seconds"),
        record.task,
        record.text,
        json.dumps(dict(record.values), ensure_ascii=False) if record.values else "",
        gold_cell(record.gold),
        result.tier,
        source,
        stats.model or result.model or "",
        stats.revision or "",
        stats.fingerprint or "",
        label,
        confidence,
        latency,
        *("" if value is None else value for value in known),
        error,
    ]
