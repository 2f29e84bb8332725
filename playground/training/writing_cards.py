"""What the cards of the writing models say that no run can measure."""

import lzma
from collections.abc import Mapping
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

SHAKESPEARES = "CC0: the plays are in the public domain by age, and the weights are given away as they are"
SHAKESPEARE_TEST = "the last tenth of its characters, as nanoGPT does (“test”); all of it is measured, not samples"

_words = partial(cards.Words, task="generation", counted="texts", learned="tokens of text", curve="tokens", reads=READS)


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


VOICE = _words(
    title="Shakespeare's voice: a LoRA adapter over the starter decoder",
    tier="finetuned",
    trained_on="Tiny Shakespeare, after novels",
    data=data_cards.SHAKESPEARE + data_cards.WHOLE_NOVELS,
    license=SHAKESPEARES,
    held_out=(
        "the last tenth of its characters, as nanoGPT does (“test”), all of it measured; and what stands before that, a twentieth "
        "(“dev”), by which training was stopped"
    ),
    limits=(
        "It learned the manner of the plays, lines and speakers' names in capitals, from words that the novels had taught it. On "
        "any other text `generation-general` is the better one.",
        "It knows how plays sound and nothing else: what it writes is not true, and soon loses its thread.",
        BIAS,
        "English only.",
    ),
    counted="bytes",
    repeats=", the same ones again in each epoch",
)
SCRATCH = _words(
    title="Letters of Shakespeare: a GPT from scratch",
    tier="scratch",
    trained_on=f"Tiny Shakespeare, letter by letter, {data_cards.NOTHING_ELSE}",
    data=data_cards.SHAKESPEARE,
    license=SHAKESPEARES,
    held_out=SHAKESPEARE_TEST,
    limits=(
        "Counting which character follows which four foretells the next one better, as the figures say, and takes a second: this "
        "is nanoGPT's recipe for a few minutes on a CPU. Its recipe for a GPU, 13 times as large, reaches 1.47.",
        "nanoGPT's learning rate is 1e-3, a third of this one's; with it, tried first, the loss of the same test part was 1.93 "
        "nats. nanoGPT reports 1.88, of blocks drawn by chance.",
        "It knows 65 characters and sees 64 of them at a time. Other ones of a prompt (figures but for 3, brackets, other scripts, "
        "emoji) are left out; accents are taken off letters, and quotation marks and dashes become plain ones.",
        "It learned how such lines look, and to spell. What it writes has no meaning.",
        BIAS,
    ),
    counted="characters",
    learned="characters",
    repeats=", in windows that begin anywhere",
    reads=READS.replace("tokens", "characters"),
    curve="characters",
)


def _listed(texts: dict[str, str]) -> str:
    return ", ".join(f"`{name}`" for name in texts)


def figures(bits: dict[str, float], texts: Mapping[str, str]) -> dict[str, Any]:
    """bits: of `bits_per_byte`. Beside it what a compressor that knows no language needs."""
    return {
        "n": len(texts),
        "bits_per_byte": round(bits["all"], 3),
        "xz_bits_per_byte": compressed(texts),
        "each": {name: round(bits[name], 3) for name in texts},
    }


def compressed(texts: Mapping[str, str]) -> float:
    """Bits per byte of all of them together, by xz."""
    raw = "".join(texts.values()).encode()
    return round(8 * len(lzma.compress(raw, preset=9)) / len(raw), 3)
