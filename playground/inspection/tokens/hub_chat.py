"""A conversation as a hub tokenizer's chat template writes it, and whose text is where in it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from playground.core.errors import NotSupported
from playground.core.token_types import Conversation, Message, Reading
from playground.inspection.tokens import placing

LONGEST = 400_000  # characters that a template may write


def rendered(folder: Path, title: str, messages: Sequence[Message]) -> tuple[str, list[tuple[int, int]], str]:
    """The text, the characters [start, end) of each message's text in it, and the template. Raises NotSupported.

    The template runs in transformers' sandbox. Whose text is where is found by a second rendering, with a mark for each text.
    """
    template, signs = _template(folder)
    if template is None:
        raise NotSupported(f"{title} has no chat template: choose a chat model's tokenizer.")
    text = _render(title, template, signs, [(message.role, message.text) for message in messages])
    marks = [f"Q{secrets.token_hex(12)}Q" for _ in messages]
    try:
        marked = _render(
            title, template, signs, [(message.role, mark) for message, mark in zip(messages, marks, strict=True)]
        )
    except NotSupported:  # it looks into what messages say
        marked = ""
    return text, _places(text, marked, marks, [message.text for message in messages]), template


def conversation(
    reading: Reading, messages: Sequence[Message], places: Sequence[tuple[int, int]], template: str
) -> Conversation:
    """places: of the messages' texts, in characters. A token is of the message of whose text it holds a byte."""
    starts = placing.byte_starts(reading.text)
    owners = np.full(len(reading), -1, dtype=np.int32)
    begins, ends = reading.spans[:, 0], reading.spans[:, 1]
    for number, (first, last) in enumerate(places):
        start, end = int(starts[first]), int(starts[last])
        owners[(begins < end) & (np.maximum(ends, begins + 1) > start)] = number
    return Conversation(reading, tuple(messages), owners, template)


def _places(text: str, marked: str, marks: Sequence[str], messages: Sequence[str]) -> list[tuple[int, int]]:
    """By what stands between the marks; a template may strip a text. Else, each text's first place after the one before."""
    found: list[tuple[int, int]] = []
    at = read = 0
    for mark, message in zip(marks, messages, strict=True):
        place = marked.find(mark, read)
        at += max(place - read, 0) if place >= 0 else 0
        read = place + len(mark) if place >= 0 else read
        written = next((one for one in (message, message.strip()) if place >= 0 and text.startswith(one, at)), None)
        if written is None:
            start = max(text.find(message.strip(), found[-1][1] if found else 0), 0)
            written = message.strip() if text.startswith(message.strip(), start) else ""
            at = start
        found.append((at, at + len(written)))
        at += len(written)
    return found


def _template(folder: Path) -> tuple[str | None, dict[str, str]]:
    """The template (the default one of several) and the control tokens that it may name."""
    said = _read(folder / "tokenizer_config.json")
    template: Any = said.get("chat_template")
    if isinstance(template, list):
        named = {row.get("name"): row.get("template") for row in template if isinstance(row, dict)}
        template = named.get("default")
    if (folder / "chat_template.jinja").is_file():
        template = (folder / "chat_template.jinja").read_text(encoding="utf-8")
    signs = {}
    for name in ("bos_token", "eos_token", "pad_token", "unk_token"):
        sign = said.get(name)
        sign = sign.get("content") if isinstance(sign, dict) else sign
        if isinstance(sign, str):
            signs[name] = sign
    return (template if isinstance(template, str) else None), signs


def _read(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _render(title: str, template: str, signs: dict[str, str], messages: Sequence[tuple[str, str]]) -> str:
    from transformers.utils.chat_template_utils import render_jinja_template

    conversation = [{"role": role, "content": text} for role, text in messages]
    try:
        text = render_jinja_template([conversation], chat_template=template, add_generation_prompt=True, **signs)[0][0]
    except Exception as error:  # whatever a template raises, or does wrong
        said = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        raise NotSupported(
            f"The chat template of {title} does not take these messages ({said}): change them."
        ) from error
    if len(text) > LONGEST:
        raise NotSupported(
            f"The chat template of {title} writes more than {LONGEST:,} characters: shorten the messages."
        )
    return str(text)
