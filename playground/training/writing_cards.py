"""What the cards of the writing models say that no run can measure."""

import lzma
from functools import partial
from typing import Any

from playground.training import cards, data_cards
from playground.training.novels import Novels

READS = (
    "It sees {max_length} tokens of a text at most: of a longer one the older half is forgotten, again and again while it is "
    "written."
)
NOT_TRUE = "It knows how novels sound and nothing else: what it writes is not true, and soon loses its thread."
BIAS = "It repeats what its texts say of people, the prejudices of their time included."

_words = partial(cards.Words, task="generation", counted="texts", learned="tokens of text", reads=READS)


def general(books: Novels) -> cards.Words:
    return _words(
        title="A starter decoder: a small Llama on novels",
        tier="pretrained",
        trained_on="novels of 1839 to 1932",
        data=data_cards.WHOLE_NOVELS,
        license="CC0: the novels are in the public domain by age, and the weights are given away as they are",
        held_out=f"the whole novels {_listed(books.test)} (“test”) and {_listed(books.dev)} (“dev”)",
        limits=(
            "9.4 M parameters that have read a few million words: the smallest GPT-2 has 13 times as many, and has read a "
            "thousand times as much.",
            NOT_TRUE,
            BIAS,
            "English only.",
        ),
        counted="novels",
        repeats=", no window twice",
    )


def _listed(texts: dict[str, str]) -> str:
    return ", ".join(f"`{name}`" for name in texts)


def figures(bits: dict[str, float], texts: dict[str, str]) -> dict[str, Any]:
    """bits: of `bits_per_byte`. Beside it what a compressor that knows no language needs."""
    raw = "".join(texts.values()).encode()
    return {
        "n": len(texts),
        "bits_per_byte": round(bits["all"], 3),
        "xz_bits_per_byte": round(8 * len(lzma.compress(raw, preset=9)) / len(raw), 3),
        "each": {name: round(bits[name], 3) for name in texts},
    }
