"""Byte-level byte-pair encoding, trained and applied in plain Python.

Sennrich et al. 2016 (arXiv 1508.07909) on the bytes of UTF-8, as in GPT-2: every text has tokens, none is unknown, and
decoding gives the text back. Standard library only. The merges and their order equal those of `tokenizers`' BpeTrainer (tested).

    ids 0 .. S-1        the special tokens; no text ever turns into one
    ids S .. S+255      the single bytes, in GPT-2's order: printable ones first
    ids from S+256      one per merge, in the order learned
"""

import heapq
import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from random import Random

from playground.scratch import characters
from playground.scratch.merging import Merging

PAD, CLS, MASK = "<pad>", "<cls>", "<mask>"
SEP = "<sep>"  # between a question and its context; only a reader's tokenizer has it
FORMAT = "four-tiers-bpe"
BYTE_ORDER = (*range(33, 127), *range(161, 173), *range(174, 256), *range(33), *range(127, 161), 173)
# GPT-2's pattern in the standard library's dialect: contractions; words, numbers and other signs with one blank before; blanks.
# No merge crosses a border of these pieces.
PIECES = re.compile(r"'(?:s|t|re|ve|m|ll|d)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")
CACHED_PIECES, CACHED_LENGTH = 50_000, 64
LONGEST_WORD = 16  # tokens of a word that a tagger reads


class Tokenizer:
    """Text to ids and back. Make one with `train` or `load`.

    merges: pairs of ids, the earlier the stronger.   specials: their ids are their places.
    lowercase: letters are lowered first; then `decode` gives the lowered text.
    """

    def __init__(
        self, merges: Iterable[tuple[int, int]], specials: tuple[str, ...] = (PAD, CLS, MASK), lowercase: bool = False
    ) -> None:
        self.merges = [(int(a), int(b)) for a, b in merges]
        self.specials = tuple(specials)
        self.lowercase = lowercase
        self.tokens: list[bytes] = [b""] * len(specials) + [bytes([byte]) for byte in BYTE_ORDER]
        self.byte_ids = [0] * 256
        for place, byte in enumerate(BYTE_ORDER):
            self.byte_ids[byte] = len(specials) + place
        known = {token: i for i, token in enumerate(self.tokens)}
        self._ranks: dict[tuple[int, int], tuple[int, int]] = {}  # pair -> (rank, id of the merged token)
        for rank, (a, b) in enumerate(self.merges):
            merged = self.tokens[a] + self.tokens[b]
            if merged not in known:  # ab+c and a+bc are two merges and one token
                known[merged] = len(self.tokens)
                self.tokens.append(merged)
            self._ranks[a, b] = (rank, known[merged])
        self._cache: dict[str, list[int]] = {}

    def __len__(self) -> int:
        """Size of the vocabulary, specials included."""
        return len(self.tokens)

    def special(self, name: str) -> int:
        """Id of a special token, e.g. special("<pad>") -> 0."""
        return self.specials.index(name)

    # -- encoding ------------------------------------------------------------------------------------------------------

    def encode(self, text: str, dropout: float = 0.0, random: Random | None = None) -> list[int]:
        """The ids of a text, without specials. `dropout` drops merges by chance while a model is trained (BPE-dropout)."""
        ids: list[int] = []
        for piece in PIECES.findall(self._normal(text)):
            ids += self._merge(piece, dropout, random or Random()) if dropout else self._piece(piece)  # noqa: S311
        return ids

    def for_classifier(
        self, text: str, max_length: int, dropout: float = 0.0, random: Random | None = None
    ) -> list[int]:
        """What a classifier reads: <cls>, then as many of the text's tokens as fit into `max_length`. Never empty."""
        return [self.special(CLS), *self.encode(text, dropout, random)[: max_length - 1]]

    def for_tagger(
        self, words: Iterable[str], dropout: float = 0.0, random: Random | None = None
    ) -> tuple[list[int], list[int]]:
        """What a tagger reads: <cls>, then the tokens of each word, encoded one by one; and the place of the word that each token
        belongs to, -1 for <cls>. Of a word with more than 16 tokens the first 16 are read.
        """
        ids, places = [self.special(CLS)], [-1]
        for place, word in enumerate(words):
            tokens = self.encode(word, dropout, random)[:LONGEST_WORD]
            ids += tokens
            places += [place] * len(tokens)
        return ids, places

    def for_reader(self, text: str) -> tuple[list[int], list[tuple[int, int]], list[int]]:
        """What a reader needs of a text: ids and spans as `encode_with_offsets`, and the number of the piece that each token
        is of.
        """
        ids: list[int] = []
        spans: list[tuple[int, int]] = []
        pieces: list[int] = []
        at = 0
        for number, piece in enumerate(PIECES.findall(self._normal(text))):
            for i in self._piece(piece):
                ids.append(i)
                spans.append((at, at + len(self.tokens[i])))
                pieces.append(number)
                at += len(self.tokens[i])
        return ids, spans, pieces

    def encode_with_offsets(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Ids and their spans [start, end) in the text's UTF-8 bytes: one after the other, without gaps."""
        ids = self.encode(text)
        spans, start = [], 0
        for i in ids:
            end = start + len(self.tokens[i])
            spans.append((start, end))
            start = end
        return ids, spans

    def decode(self, ids: Iterable[int]) -> str:
        """The text of some ids; specials are left out. A cut character becomes the sign for one."""
        data = b"".join(self.tokens[i] for i in ids)
        try:
            return data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return data.decode("utf-8", "replace")

    def _normal(self, text: str) -> str:
        """Lower the letters that keep their length in bytes, so that spans hold in the text as it was written."""
        if not self.lowercase:
            return text
        return text.lower() if text.isascii() else "".join(map(_lower, text))

    def _piece(self, piece: str) -> list[int]:
        found = self._cache.get(piece)
        if found is None:
            found = self._merge(piece)
            if len(piece) <= CACHED_LENGTH:
                if len(self._cache) >= CACHED_PIECES:
                    self._cache = {}  # a new one: another thread may be reading the old
                self._cache[piece] = found
        return found

    def _merge(self, piece: str, dropout: float = 0.0, random: Random | None = None) -> list[int]:
        """Apply the merges to one piece, strongest first, leftmost first: O(n log n), since a piece can be 100 kB long.

        `ids` is a linked list: before[i] and after[i] are the neighbours of place i, and a merged-away place holds -1.
        """
        ids = [self.byte_ids[byte] for byte in piece.encode("utf-8", "surrogatepass")]
        n = len(ids)
        before, after = list(range(-1, n - 1)), list(range(1, n + 1))
        heap: list[tuple[int, int, int, int, int]] = []  # rank, place, left id, right id, merged id

        def offer(i: int, j: int) -> None:
            found = self._ranks.get((ids[i], ids[j]))
            if found and not (dropout and random and random.random() < dropout):
                heapq.heappush(heap, (found[0], i, ids[i], ids[j], found[1]))

        for i in range(n - 1):
            offer(i, i + 1)
        while heap:
            _, i, a, b, merged = heapq.heappop(heap)
            j = after[i]
            if ids[i] != a or j >= n or ids[j] != b:
                continue  # one of the two was merged with another meanwhile
            ids[i], ids[j], after[i] = merged, -1, after[j]
            if after[i] < n:
                before[after[i]] = i
                offer(i, after[i])
            if before[i] >= 0:
                offer(before[i], i)
        return [i for i in ids if i >= 0]

    # -- training ------------------------------------------------------------------------------------------------------

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        size: int,
        specials: tuple[str, ...] = (PAD, CLS, MASK),
        lowercase: bool = False,
        least: int = 2,
    ) -> "Tokenizer":
        """Learn merges until the vocabulary has `size` tokens or no pair occurs `least` times.

        Again and again the most frequent pair of neighbours becomes a token; of equals the one with the lower ids.
        """
        learning = cls.learning(texts, specials, lowercase)
        merges = [step.pair for step in learning.steps(size, least)]
        return cls(merges, specials, lowercase)

    @classmethod
    def learning(
        cls, texts: Iterable[str], specials: tuple[str, ...] = (PAD, CLS, MASK), lowercase: bool = False
    ) -> Merging:
        """The texts' pieces, each once, as single bytes: what `train` learns from, for who wants to see each merge."""
        blank = cls([], specials, lowercase)
        counts = Counter(piece for text in texts for piece in PIECES.findall(blank._normal(text)))
        words = [[blank.byte_ids[b] for b in piece.encode("utf-8", "surrogatepass")] for piece in counts]
        return Merging(words, list(counts.values()), blank.tokens)

    # -- files ---------------------------------------------------------------------------------------------------------

    def to_json(self) -> str:
        """The tokenizer as plain JSON."""
        record = {"format": FORMAT, "version": 1, "lowercase": self.lowercase, "specials": self.specials}
        merges = ",\n  ".join(json.dumps(pair) for pair in self.merges)
        head = json.dumps(record, indent=1)[:-2]
        return f'{head},\n "merges": [\n  {merges}\n ]\n}}\n'

    def save(self, path: Path) -> None:
        Path(path).write_text(self.to_json(), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Tokenizer":
        """Read what `save` wrote. Raises ValueError for another kind of file."""
        return cls.from_json(Path(path).read_text(encoding="utf-8"), Path(path).name)

    @classmethod
    def from_json(cls, text: str, name: str = "This") -> "Tokenizer":
        """Read what `to_json` made. Raises ValueError for anything else, which it calls `name`."""
        record = json.loads(text)
        if not isinstance(record, dict) or record.get("format") != FORMAT or record.get("version") != 1:
            raise ValueError(f"{name} is not a tokenizer of this project.")
        return cls(((a, b) for a, b in record["merges"]), tuple(record["specials"]), record["lowercase"])


KINDS = {FORMAT: Tokenizer, characters.FORMAT: characters.CharacterTokenizer}


def load(folder: Path) -> Tokenizer | characters.CharacterTokenizer:
    """The tokenizer of the checkpoint in this folder, of the kind that its tokenizer.json says. Raises ValueError."""
    path = Path(folder) / "tokenizer.json"
    kind = KINDS.get(json.loads(path.read_text(encoding="utf-8")).get("format"))
    if kind is None:
        raise ValueError(f"{path.name} is not a tokenizer of this project.")
    return kind.load(path)


def _lower(character: str) -> str:
    low = character.lower()
    same = len(low.encode("utf-8", "surrogatepass")) == len(character.encode("utf-8", "surrogatepass"))
    return low if same else character
