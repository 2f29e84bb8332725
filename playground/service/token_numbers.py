"""A text's numbers, tokenizer by tokenizer: counted, priced, and as CSV."""

from __future__ import annotations

from collections.abc import Sequence

from playground.core.errors import PlaygroundError
from playground.core.token_counts import Size, counts, size
from playground.core.token_panels import Numbers, NumbersRow
from playground.core.token_types import Opener, Reading, TokenizerRef
from playground.service.exports import to_csv
from playground.service.token_prices import priced
from playground.service.tokens import TokenDesk
from playground.settings import Settings

CUTS = ("split/characters", "split/words")


def numbers(
    desk: TokenDesk,
    settings: Settings,
    text: str,
    names: Sequence[str],
    session: str = "",
    *,
    control: bool = False,
    special: bool = True,
) -> Numbers:
    """In the order of `names`. Raises what `TokenDesk.read` raises."""
    found = desk.read(text, names, session, control=control, special=special)
    characters, words = (_reading(one) for one in desk.read(text, CUTS, session))
    rows = []
    for name, one in zip(names, found, strict=True):
        if isinstance(one, Reading):
            counted = counts(one, characters, len(words))
            rows.append(NumbersRow(one.ref, counted, tuple(priced(settings, one.ref, counted.own))))
        else:
            ref = desk.known(name, session) or TokenizerRef(name, name, Opener.HUB)  # as it is called
            rows.append(NumbersRow(ref, None, error=str(one)))
    return Numbers(size(characters, words), tuple(rows))


def _reading(found: Reading | PlaygroundError) -> Reading:
    if isinstance(found, Reading):
        return found
    raise found


def csv(found: Numbers) -> str:
    """A row per tokenizer, and one more for each further hosted model. What is not known is empty."""
    header = (
        "tokenizer", "tier", "tokens", "tokens_without_specials", "characters", "code_points", "utf8_bytes", "words",
        "bytes_per_token", "tokens_per_word", "unknown_tokens", "unknown_bytes", "characters_not_read",
        "characters_over_several_tokens",
        "code_points_cut_in_bytes", "vocabulary", "round_trip", "context", "model", "input_usd", "price_date", "context_window",
        "error",
    )  # fmt: skip
    return to_csv(header, [line for row in found.rows for line in _lines(found.size, row)])


def _lines(of: Size, row: NumbersRow) -> list[Sequence[object]]:
    head = (row.ref.id, row.ref.tier)
    text = (of.characters, of.code_points, of.bytes, of.words)
    one = row.counts
    if one is None:
        return [(*head, None, None, *text, *[None] * 14, row.error)]
    trip = {True: "exact", False: "differs", None: None}[one.exact]
    main = (
        *head, one.tokens, one.own, *text, one.bytes_per_token, one.tokens_per_word, one.unknown, one.unknown_bytes,
        one.unread, one.cut, one.halved, one.vocabulary, trip, row.ref.context,
    )  # fmt: skip
    return [(*main, model, usd, date, window, None) for model, usd, date, window in _models(row)]


def _models(row: NumbersRow) -> list[tuple[object, ...]]:
    return [(one.model, one.usd, one.date, one.context) for one in row.priced] or [(None,) * 4]
