"""How a token of a hub tokenizer came to be: its piece of the text found, and cut again step by step."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from tokenizers import PreTokenizedString, Tokenizer

from playground.core.errors import NotSupported
from playground.core.token_text import shown
from playground.core.token_types import Derivation, Flag, Part, Reading, Step
from playground.inspection.tokens import derive_bpe, derive_unigram, derive_wordpiece, forms
from playground.inspection.tokens.hub_file import HubFile

LONGEST = 200  # signs of a piece whose steps are shown


def explain(file: HubFile, tokenizer: Tokenizer, reading: Reading, token: int) -> Derivation:
    """tokenizer: the one that read. Raises NotSupported."""
    if not 0 <= token < len(reading):
        raise NotSupported("There is no such token any more: read the text again.")
    form = reading.forms[int(reading.ids[token])]
    if reading.flags[token] & Flag.SPECIAL:
        raise NotSupported(f"{form} is a control token: it is cut from no text.")
    first, last, segment = _segment(reading, token)
    piece, start, count = _piece(tokenizer, segment, token - first)
    start += first
    if start + count > last or len(piece) > LONGEST:
        raise NotSupported(
            f"Its piece of the text has {len(piece):,} signs, and up to {LONGEST} are shown step by step."
        )
    steps, considered, seen, said, source = (
        _DERIVE[file.kind](file, piece) if file.kind in _DERIVE else _other(file.kind)
    )
    ids = reading.ids[start : start + count].tolist()
    if [part.id for part in steps[-1].parts] != ids:
        raise NotSupported(f"{form} cannot be explained: its tokenizer cuts by rules of its own.")
    spans = reading.spans[start : start + count]
    return Derivation(
        reading.family,
        (int(spans[:, 0].min()), int(spans[:, 1].max())),
        seen,
        steps,
        token - start,
        considered,
        said,
        source,
    )


def _segment(reading: Reading, token: int) -> tuple[int, int, str]:
    """The tokens [first, last) between two control tokens that hold this one, and the text that they are cut from."""
    special = np.flatnonzero(reading.flags & np.uint8(Flag.SPECIAL))
    before, after = special[special < token], special[special > token]
    data = reading.bytes
    first, last = int(before[-1]) + 1 if len(before) else 0, int(after[0]) if len(after) else len(reading)
    start = int(reading.spans[before[-1], 1]) if len(before) else 0
    end = int(reading.spans[after[0], 0]) if len(after) else len(data)
    return first, last, data[start:end].decode("utf-8", "replace")


def _piece(tokenizer: Tokenizer, segment: str, place: int) -> tuple[str, int, int]:
    """The piece that the token at this place of the segment is cut from, as the model sees it; the place of its first token; and
    how many it has.
    """
    pieces = PreTokenizedString(segment)
    if tokenizer.normalizer is not None:
        pieces.normalize(tokenizer.normalizer.normalize)
    if tokenizer.pre_tokenizer is not None:
        tokenizer.pre_tokenizer.pre_tokenize(pieces)
    at = 0
    for piece, _, _ in pieces.get_splits("original", "char"):
        count = len(tokenizer.model.tokenize(piece)) if piece else 0
        if at + count > place:
            return piece, at, count
        at += count
    raise NotSupported("This token cannot be explained: its tokenizer cuts by rules of its own.")


_Made = tuple[tuple[Step, ...], tuple[Part, ...], str, str, str]


def _other(kind: str) -> _Made:
    raise NotSupported(f"Tokens of the kind {kind} are looked up whole: there are no steps.")


def _bpe(file: HubFile, piece: str) -> _Made:
    model = file.model
    vocabulary, prefix, suffix = model["vocab"], file.prefix, model.get("end_of_word_suffix") or ""
    seen = shown(forms.byte_level(piece) or piece.encode("utf-8")) if file.byte_level else piece
    if model.get("ignore_merges") and piece in vocabulary:
        size = len(seen.encode("utf-8")) if not file.byte_level else len(piece)
        step = Step((Part(_named(file, piece)[0], vocabulary[piece], 0, size),), (0,), "The vocabulary has it whole")
        return (step,), (), seen, "A piece that the vocabulary has whole is not cut.", derive_bpe.SOURCE
    signs: list[str] = []
    sizes: list[int] = []
    for place, character in enumerate(piece):
        sign = (prefix if place else "") + character + (suffix if place == len(piece) - 1 else "")
        size = 1 if file.byte_level else len(character.encode("utf-8"))
        fallback = [f"<0x{byte:02X}>" for byte in character.encode("utf-8")]
        if sign in vocabulary:
            signs.append(sign)
            sizes.append(size)
        elif model.get("byte_fallback") and all(byte in vocabulary for byte in fallback):
            signs += fallback
            sizes += [1] * len(fallback)
        elif model.get("unk_token") is not None:
            if model.get("fuse_unk") and signs and signs[-1] == model["unk_token"]:
                sizes[-1] += size
            else:
                signs.append(model["unk_token"])
                sizes.append(size)
    ranks = _ranks(file)

    def merge(left: str, right: str) -> tuple[int, str] | None:
        rank = ranks.get((left, right))
        return None if rank is None else (rank, left + right.removeprefix(prefix))

    steps = derive_bpe.steps(signs, sizes, merge, lambda sign: _named(file, sign))
    said = "From single signs, always the pair that was learned first."
    return steps, (), seen, said, derive_bpe.SOURCE


def _wordpiece(file: HubFile, piece: str) -> _Made:
    model = file.model
    steps, tried = derive_wordpiece.steps(
        piece,
        model["vocab"],
        model.get("unk_token") or "[UNK]",
        prefix=file.prefix,
        longest=int(model.get("max_input_chars_per_word") or 100),
    )
    return steps, tried, piece, "From the left, always the longest piece there is.", derive_wordpiece.SOURCE


def _unigram(file: HubFile, piece: str) -> _Made:
    pieces, least = _scores(file)
    steps, edges = derive_unigram.steps(piece, pieces, file.unknown, least)
    if file.model.get("byte_fallback"):
        steps = (*steps, *_bytes_for_unknown(steps[-1].parts, pieces, file.unknown))
    return steps, edges, piece, "Of all ways through the vocabulary the likeliest.", derive_unigram.SOURCE


def _bytes_for_unknown(
    parts: tuple[Part, ...], pieces: dict[str, tuple[int, float]], unknown: int | None
) -> list[Step]:
    if all(part.id != unknown for part in parts):
        return []
    found: list[Part] = []
    for part in parts:
        names = [f"<0x{byte:02X}>" for byte in part.text.encode("utf-8")]
        if part.id != unknown or not all(name in pieces for name in names):
            found.append(part)
            continue
        found += [Part(name, pieces[name][0], part.start + i, part.start + i + 1) for i, name in enumerate(names)]
    return [Step(tuple(found), (), "What is unknown is written in bytes")]


_DERIVE = {"BPE": _bpe, "WordPiece": _wordpiece, "Unigram": _unigram}


def _named(file: HubFile, sign: str) -> tuple[str, int | None]:
    data = forms.byte_level(sign) if file.byte_level else None
    return (sign if data is None else shown(data)), file.model["vocab"].get(sign)


@lru_cache(maxsize=4)
def _ranks(file: HubFile) -> dict[tuple[str, str], int]:
    pairs: Any = (pair.split(" ") if isinstance(pair, str) else pair for pair in file.model["merges"])
    return {(left, right): rank for rank, (left, right) in enumerate(pairs)}


@lru_cache(maxsize=4)
def _scores(file: HubFile) -> tuple[dict[str, tuple[int, float]], float]:
    """Without the control tokens, which no text turns into; and the lowest score of all."""
    vocabulary: list[tuple[str, float]] = file.model["vocab"]
    least = min(score for _, score in vocabulary)
    return {piece: (i, score) for i, (piece, score) in enumerate(vocabulary) if i not in file.specials}, least
