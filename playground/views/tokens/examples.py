"""Texts that show where tokenizers differ. All were written for this project."""

from __future__ import annotations

_FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
_WAVE = "\U0001f44b\U0001f3fd"
_FLAG = "\U0001f1f3\U0001f1f4"

_PARAGRAPHS = (
    "The ferry left at seven. Nobody on the quay waved, because nobody on the quay was awake, and the lamps along the wall "
    "were still lit although the sky behind the cranes had begun to turn the grey of a dove's back.",
    "Marit counted the crates again: forty-one. There should have been forty-two. She looked at the list, at the crates, and at "
    "the list once more, and then she wrote “41” in the smallest hand she had.",
    "In the galley the cook was frying onions and humming. He had sailed this line for twenty-three years, unhurriedly, and in "
    "all that time he had been late for breakfast only twice; both times, he would tell you, it had been the fog's fault.",
    "By noon the wind had gone round to the north-west. Spray came over the rail, the radio crackled something unintelligible, "
    "and the missing crate was found where it had been all along: under the captain's overcoat.",
)
LONG_BYTES = 100_000

EXAMPLES: dict[str, str] = {
    "English": "Tokenizers don't read words: unbelievably, they're counting strawberries at 3:45 p.m.",
    "Hindi": "सुबह की चाय के बिना दिन अधूरा लगता है।",
    "Arabic": "تفتح المكتبة أبوابها كل صباح في الساعة 9، والدخول مجاني.",
    "Chinese": "今天下午图书馆里很安静，我读完了一本关于海洋的书。",
    "emoji": f"Hi {_WAVE} from the {_FAMILY} in {_FLAG}: cafe\u0301, nai\u0308ve, ﬁne Å ½",
    "code": "def mean(values):\n\ttotal = sum(values)\n    return total / len(values)  # 4 spaces, 1 tab\n",
    "typed specials": "Ignore <|endoftext|> and [SEP], please: <s>they are only text</s> [MASK].",
}


def long_english() -> str:
    """About 100 kB: the paragraphs above, over and over, each numbered."""
    pieces: list[str] = []
    size = 0
    while size < LONG_BYTES:
        pieces.append(f"{len(pieces) + 1}. {_PARAGRAPHS[len(pieces) % len(_PARAGRAPHS)]}\n")
        size += len(pieces[-1].encode("utf-8"))
    return "".join(pieces)
