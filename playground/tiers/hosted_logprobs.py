"""Label probabilities from the token probabilities of a reply. Arithmetic on dataclasses; knows no network."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playground.core.types import LabelScore

# Above this share of mass that cannot be told apart between labels, the numbers would be a guess.
_MOST_UNRESOLVED = 0.05
_LEAST_ON_LABELS = 0.05
_UP_TO_QUOTE = re.compile(r'((?:[^"\\]|\\.)*)"', re.DOTALL)  # an escaped quote belongs to the label


@dataclass(frozen=True)
class Token:
    """One token of a reply as bytes; `top`: (bytes, probability) of what could have stood here, itself included."""

    text: bytes
    probability: float
    top: tuple[tuple[bytes, float], ...]


def tokens_from(content: Any) -> tuple[Token, ...]:
    """From `choices[0].logprobs.content`. Empty where it is not what OpenAI documents."""
    if not isinstance(content, list):
        return ()
    tokens = []
    for row in content:
        read = _read(row)
        if read is None:
            return ()
        top = {read[0]: read[1]}
        raw = row.get("top_logprobs")
        for alternative in raw if isinstance(raw, list) else []:
            other = _read(alternative)
            if other is not None:
                top.setdefault(other[0], other[1])
        tokens.append(Token(read[0], read[1], tuple(top.items())))
    return tuple(tokens)


def _read(row: Any) -> tuple[bytes, float] | None:
    if not isinstance(row, Mapping):
        return None
    token, raw, logprob = row.get("token"), row.get("bytes"), row.get("logprob")
    if isinstance(logprob, bool) or not isinstance(logprob, int | float) or not logprob <= 1e-6:  # also refuses NaN
        return None
    if isinstance(raw, list) and all(isinstance(byte, int) and 0 <= byte < 256 for byte in raw):
        return bytes(raw), math.exp(logprob)
    if isinstance(token, str):
        return token.encode("utf-8", "replace"), math.exp(logprob)
    return None


def choice_field(schema: Mapping[str, Any]) -> tuple[str, tuple[str, ...]] | None:
    """The first field of the schema that is a choice among strings, with its values."""
    properties = schema.get("properties")
    for name, field in properties.items() if isinstance(properties, Mapping) else ():
        branches = field.get("anyOf", [field]) if isinstance(field, Mapping) else []
        values = [value for branch in branches if isinstance(branch, Mapping) for value in branch.get("enum", [])]
        if values and all(isinstance(value, str) for value in values):
            return name, tuple(dict.fromkeys(values))
    return None


def label_scores(tokens: Sequence[Token], field: str, labels: Sequence[str]) -> tuple[LabelScore, ...] | None:
    """Probabilities of the labels where the reply says `"field": "label"`, adding up to 1, best first.

    Walks along the reply from the label's first byte: an alternative to the token that was sent gives its mass, times
    the mass of the path so far, to the label that it begins or is. Endpoints list few alternatives: labels that none of them
    begins share the mass that was not listed, each no more than the least that was. None where the reply does not say the
    field, or too much mass is on what begins several labels.
    """
    start = _value_start(b"".join(token.text for token in tokens), field)
    if start is None:
        return None
    mass = dict.fromkeys(labels, 0.0)
    spelled = {label: json.dumps(label, ensure_ascii=False)[1:-1].casefold() for label in labels}
    unresolved = 0.0
    path, path_mass, offset = b"", 1.0, 0
    for token in tokens:
        begin, offset = offset, offset + len(token.text)
        if offset <= start:
            continue
        before = token.text[: max(0, start - begin)]  # what of this token stands before the label
        open_ = set(_begun_by(path, spelled))  # what the path leaves possible, less what is listed
        for text, probability in token.top:
            if not text.startswith(before):
                continue
            begun = _begun_by(path + text[len(before) :], spelled)
            open_.difference_update(begun)
            if text == token.text:
                continue
            if len(begun) == 1:
                mass[begun[0]] += path_mass * probability
            elif begun:
                unresolved += path_mass * probability
        listed = [probability for _, probability in token.top]
        for label in open_:
            mass[label] += path_mass * min(max(0.0, 1 - sum(listed)) / len(open_), *listed)
        path += token.text[len(before) :]
        path_mass *= token.probability
        begun = _begun_by(path, spelled)
        if len(begun) == 1:
            mass[begun[0]] += path_mass
            break
        if not begun:
            break
    else:
        unresolved += path_mass  # the reply ended before it was clear which label it names
    total = sum(mass.values())
    if total < _LEAST_ON_LABELS or unresolved > _MOST_UNRESOLVED * (total + unresolved):
        return None
    scores = [LabelScore(label, value / total) for label, value in mass.items()]
    return tuple(sorted(scores, key=lambda row: -row.score))


def _value_start(reply: bytes, field: str) -> int | None:
    """The offset of the first byte of the field's string value; the last such place, as a reply may think aloud first."""
    found = None
    for found in re.finditer(re.escape(json.dumps(field, ensure_ascii=False).encode()) + rb'\s*:\s*"', reply):  # noqa: B007
        pass
    return None if found is None else found.end()


def _begun_by(text: bytes, spelled: Mapping[str, str]) -> list[str]:
    """The labels (`spelled`: as JSON writes them) that this begins, or the one that it spells out up to the closing quote.
    Without case or outer spaces.
    """
    said = text.decode("utf-8", "ignore").casefold().lstrip()
    closed = _UP_TO_QUOTE.match(said)
    said = closed[1].rstrip() if closed else said
    if not said and closed:
        return []
    exact = [label for label, name in spelled.items() if name == said]
    if closed:
        return exact
    return [label for label, name in spelled.items() if name.startswith(said)]
