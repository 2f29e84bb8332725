"""What a masked language model learns from: full windows of running text, and whole words of them hidden.

Every window begins where a sentence does and is full to its last place: nothing is spent on padding. Hidden are words that are
one piece of the vocabulary, so that one mask always stands for one whole word. numpy alone, no torch.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from playground.scratch.tokenizer import CLS, MASK, Tokenizer


@dataclass(frozen=True)
class Vocabulary:
    """What masking asks of a tokenizer. whole: bool [V], pieces that are words where no `inner` piece follows; inner: bool [V],
    pieces that go on a word. ends: ids after which a sentence begins. last: what ends a window, where anything does.
    """

    encode: Callable[[Sequence[str]], list[list[int]]]  # texts -> ids, without special tokens
    whole: np.ndarray
    inner: np.ndarray
    ends: tuple[int, ...]
    first: int
    last: int | None
    mask: int

    def __len__(self) -> int:
        return len(self.whole)

    def words(self, ids: np.ndarray) -> np.ndarray:
        """bool [..., T]: the places where a whole word is one piece. The last place never is: what follows it is not known."""
        found = self.whole[ids]
        found[..., :-1] &= ~self.inner[ids[..., 1:]]
        found[..., -1] = False
        return found


def wordpiece(tokenizer: Any) -> Vocabulary:
    """Of a WordPiece tokenizer of transformers, whose pieces inside words begin with "##"."""
    pieces = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    inner = np.array([piece.startswith("##") for piece in pieces])
    return Vocabulary(
        lambda texts: tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"],
        np.array([piece.isalnum() for piece in pieces]) & ~inner,
        inner,
        tuple(tokenizer.convert_tokens_to_ids([".", "?", "!"])),
        tokenizer.cls_token_id,
        tokenizer.sep_token_id,
        tokenizer.mask_token_id,
    )


def byte_pairs(tokenizer: Tokenizer) -> Vocabulary:
    """Of our own tokenizer, whose tokens hold the blank before a word."""
    words = [tokenizer.decode([id_]) for id_ in range(len(tokenizer))]
    return Vocabulary(
        lambda texts: [tokenizer.encode(text) for text in texts],
        np.array([word[:1] == " " and word[1:].isalnum() for word in words]),
        np.array([word[:1].isalnum() for word in words]),
        tuple(id_ for id_, word in enumerate(words) if word.strip() in (".", "?", "!")),
        tokenizer.special(CLS),
        None,
        tokenizer.special(MASK),
    )


class Stream:
    """Documents as one row of ids [N], and `starts`: where sentences begin that `room` places follow."""

    def __init__(self, vocabulary: Vocabulary, documents: Iterable[str], room: int) -> None:
        lines = [line for text in documents for line in text.splitlines() if line.strip()]
        rows = vocabulary.encode(lines)
        self.ids = np.concatenate([np.array(row, dtype=np.int32) for row in rows if row])
        begins = np.isin(self.ids[:-1], vocabulary.ends)
        found = np.concatenate(([0], np.flatnonzero(begins) + 1))
        self.starts = found[found + room <= len(self.ids)]

    def windows(self, starts: np.ndarray, vocabulary: Vocabulary, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Ids [B, length], special ones at both ends, and bool [B, length]: which of them may be hidden."""
        end = length if vocabulary.last is None else length - 1
        inner = self.ids[starts[:, None] + np.arange(end - 1)]
        ids = np.full((len(starts), length), vocabulary.last or 0)
        ids[:, 0], ids[:, 1:end] = vocabulary.first, inner
        may = np.zeros(ids.shape, dtype=bool)
        may[:, 1:end] = vocabulary.words(inner)
        return ids, may


@dataclass(frozen=True)
class Hidden:
    """A batch: ids int64 [B, T] with masks in place of words, `chosen` bool [B, T] where, `words` int64 [N]: the ids hidden
    there.
    """

    ids: np.ndarray
    chosen: np.ndarray
    words: np.ndarray


class Batches:
    """Step -> its batch of about `tokens` places; which windows and which words follows from the seed and the step alone.

    shares: how often a window comes from each stream. lengths: of windows, in turn. masked: the share of all places hidden. A batch
        of one length always hides as many, so that the shapes of all steps are few.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        streams: Sequence[Stream],
        shares: Sequence[float],
        *,
        tokens: int,
        lengths: Sequence[int],
        masked: float,
        seed: int,
    ) -> None:
        self.vocabulary, self.streams, self.shares = vocabulary, streams, shares
        self.tokens, self.lengths, self.masked, self.seed = tokens, lengths, masked, seed

    def __call__(self, step: int) -> Hidden:
        random = np.random.default_rng((self.seed, step))
        length = self.lengths[step % len(self.lengths)]
        rows = max(1, self.tokens // length)
        of = random.multinomial(rows, self.shares)
        parts = [
            stream.windows(random.choice(stream.starts, count), self.vocabulary, length)
            for stream, count in zip(self.streams, of, strict=True)
            if count
        ]
        ids, may = (np.concatenate(both) for both in zip(*parts, strict=True))
        places = np.flatnonzero(may)
        count = min(len(places), max(1, int(self.masked * ids.size)))
        return hide(ids, random.choice(places, count, replace=False), self.vocabulary.mask)


def one_each(vocabulary: Vocabulary, stream: Stream, length: int, count: int, seed: int) -> Hidden:
    """`count` windows [count, length] with one word hidden in each, chosen by the seed: what a reader of the page asks for.

    Raises ValueError for a stream that is too short.
    """
    random = np.random.default_rng(seed)
    if not len(stream.starts):
        raise ValueError("There is too little text to hold anything out of it.")
    starts = random.permutation(stream.starts)[:count]
    ids, may = stream.windows(starts, vocabulary, length)
    rows = [row for row in range(len(ids)) if may[row].any()]
    ids, may = ids[rows], may[rows]
    places = [row * length + random.choice(np.flatnonzero(may[row])) for row in range(len(ids))]
    return hide(ids, np.array(places), vocabulary.mask)


def hide(ids: np.ndarray, places: np.ndarray, mask: int) -> Hidden:
    """places: flat indices into ids [B, T]."""
    chosen = np.zeros(ids.shape, dtype=bool)
    chosen.flat[places] = True
    hidden = ids.astype(np.int64)
    words = hidden[chosen]
    hidden[chosen] = mask
    return Hidden(hidden, chosen, words)


def frequencies(vocabulary: Vocabulary, streams: Sequence[Stream], shares: Sequence[float]) -> np.ndarray:
    """How often each id stands as a whole word in what is read, float64 [V]; they sum to 1, and none is 0."""
    found = np.zeros(len(vocabulary))
    for stream, share in zip(streams, shares, strict=True):
        counts = np.bincount(stream.ids[vocabulary.words(stream.ids)], minlength=len(vocabulary)) + 0.02
        found += share * counts / counts.sum()
    return found / found.sum()
