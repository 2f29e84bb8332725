"""A conversation as OpenAI's chat models are given it.

Each message is <|im_start|>, its role, <|im_sep|>, its text, <|im_end|>; the answer begins with <|im_start|>assistant<|im_sep|>. So
a message costs 3 tokens beside its role and text, and the answer 3 at the end: openai/openai-cookbook, examples,
How_to_count_tokens_with_tiktoken.ipynb, section 6. The numbers of the control tokens: openai/tiktoken, README, “Extending tiktoken”
(cl100k), and dqbd/tiktokenizer, src/models/tokenizer.ts (o200k).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from playground.core.token_types import Conversation, Family, Flag, Message, Reading, TokenizerRef
from playground.inspection.tokens import placing

START, END, BETWEEN = "<|im_start|>", "<|im_end|>", "<|im_sep|>"
CONTROL = {
    "cl100k_base": {START: 100264, END: 100265, BETWEEN: 100266},
    "o200k_base": {START: 200264, END: 200265, BETWEEN: 200266},
}
TEMPLATE = f"{START}{{role}}{BETWEEN}{{text}}{END} … {START}assistant{BETWEEN}"


def converse(
    ref: TokenizerRef,
    messages: Sequence[Message],
    encode: Callable[[str], list[int]],
    lengths: np.ndarray,
    form: Callable[[int], str],
    vocabulary: int,
) -> Conversation:
    """encode: a text without control tokens; what a message's text spells out stays text. lengths: of tokens in bytes, by id."""
    control = CONTROL[ref.name]
    parts: list[tuple[str, int]] = []  # a text or a control token, and whose it is
    for number, message in enumerate(messages):
        parts += [(START, -1), (message.role, -1), (BETWEEN, -1), (message.text, number), (END, -1)]
    parts += [(START, -1), ("assistant", -1), (BETWEEN, -1)]
    ids: list[int] = []
    sizes: list[int] = []
    owners: list[int] = []
    for place, (text, owner) in enumerate(parts):
        template = place % 5 in (0, 2, 4)
        found = [control[text]] if template else encode(text)
        ids += found
        sizes += [len(text)] if template else lengths[np.array(found, dtype=np.int64)].tolist()
        owners += [owner] * len(found)
    rendered = "".join(text for text, _ in parts)
    numbers = np.array(ids, dtype=np.int32)
    spans = placing.in_row(np.array(sizes, dtype=np.int64))
    names = {number: name for name, number in control.items()}
    flags = placing.flags_by_place(rendered, spans)
    flags[np.isin(numbers, list(names))] = np.uint8(Flag.SPECIAL)
    reading = Reading(
        ref,
        Family.BYTE_BPE,
        rendered,
        numbers,
        spans.astype(np.int32),
        flags,
        vocabulary=vocabulary,
        forms={int(i): names.get(int(i)) or form(int(i)) for i in np.unique(numbers)},
        decoded="".join(text for place, (text, _) in enumerate(parts) if place % 5 in (1, 3)),
    )
    return Conversation(reading, tuple(messages), np.array(owners, dtype=np.int32), TEMPLATE)
