"""Our own BPE learned from a text, with everything that is to be seen of it."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Sequence
from typing import Any

from playground.core.token_training import RIVALS
from playground.scratch.tokenizer import BYTE_ORDER, PIECES, Tokenizer

SHOWN = 600  # characters of the text whose cut is shown


def learn(text: str, size: int, tell: Callable[[str, float | None], None]) -> tuple[Tokenizer, dict[str, Any]]:
    """The tokenizer, and what `MergeSteps` holds: arrays as `array`, the rest as JSON has it."""
    tell("counting the pieces of the text", None)
    learning = Tokenizer.learning([text])
    merges, rivals, before = array("i"), array("i"), learning.length
    for count, step in enumerate(learning.steps(size, rivals=RIVALS), start=1):
        merges.extend((*step.pair, step.id, step.count, step.tokens))
        for pair, often in step.rivals:
            rivals.extend((*pair, often))
        rivals.extend([-1] * 3 * (RIVALS - len(step.rivals)))
        tell(f"merge {count:,}: pair found {step.count:,} times", len(learning.tokens) / size)
    tokenizer = Tokenizer(zip(merges[0::5], merges[1::5], strict=True))
    pieces, whole = beginning(text)
    first = len(tokenizer.specials)
    return tokenizer, {
        "merges": merges,
        "rivals": rivals,
        "first": first,
        "order": list(BYTE_ORDER),
        "pieces": pieces,
        "whole": whole,
        "tokens": before,
    }


def beginning(text: str, most: int = SHOWN) -> tuple[list[str], bool]:
    """Whole pieces of about `most` characters from the text's start, and whether these are all. A longer piece is cut."""
    pieces: list[str] = []
    shown = 0
    for match in PIECES.finditer(text):
        if shown + len(match[0]) > most:
            if not pieces:
                pieces.append(match[0][:most])
            return pieces, False
        pieces.append(match[0])
        shown += len(match[0])
    return pieces, True


# `PIECES` in the dialect of the package tokenizers. A letter, to Python, is whatever `str.isalnum` says and no decimal digit;
# Unicode's own blanks are joined by the four separators of ASCII. Both agree on every character of Python's Unicode (tested on
# each); one that is newer may be a letter to one and a sign to the other.
SHARED_PIECES = (
    r"'(?:s|t|re|ve|m|ll|d)| ?[\p{L}\p{Nl}\p{No}]+| ?\p{Nd}+| ?[^\s\x1c-\x1f\p{L}\p{N}]+"
    r"|[\s\x1c-\x1f]+(?![^\s\x1c-\x1f])|[\s\x1c-\x1f]+"
)


def shared_format(tokenizer: Tokenizer) -> str:
    """As the package tokenizers reads it, with the same ids for a text. Its special tokens are in the vocabulary and nothing
    else: no text turns into one, as in our own. Raises ValueError for a tokenizer that lowers letters, which is not the same there.
    """
    if tokenizer.lowercase:
        raise ValueError("Our lowering of letters keeps their length, which the package tokenizers cannot.")
    letters = _byte_letters()
    names = [*tokenizer.specials]
    names += ["".join(letters[byte] for byte in token) for token in tokenizer.tokens[len(tokenizer.specials) :]]
    record = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": SHARED_PIECES}, "behavior": "Isolated", "invert": False},
                {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False},
            ],
        },
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {name: i for i, name in enumerate(names)},
            "merges": [[names[a], names[b]] for a, b in tokenizer.merges],
        },
    }
    return json.dumps(record, ensure_ascii=False, indent=1)


def _byte_letters() -> Sequence[str]:
    """GPT-2's sign for each byte: itself where it can be printed, else one from U+0100 on."""
    printed = set(BYTE_ORDER[:188])
    found, next_ = [], 256
    for byte in range(256):
        found.append(chr(byte) if byte in printed else chr(next_))
        next_ += byte not in printed
    return found
