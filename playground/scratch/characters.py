"""A tokenizer whose tokens are single characters: those of the text that it was made from, and no others.

So a model of a small text needs no more tokens than the text has characters. The price is that a text can hold characters that are
no token: `unknown` names them, and `encode` leaves them out. Standard library only.
"""

import json
import unicodedata
from collections.abc import Iterable
from pathlib import Path

FORMAT = "four-tiers-characters"
START = "\n"  # a text begins as a line does
# Signs that are written in several ways, where the plain one is meant.
PLAIN = {"’": "'", "‘": "'", "“": "'", "”": "'", '"': "'", "–": "-", "—": "-", "…": ".", "\t": " ", "\r": "\n"}


class CharacterTokenizer:
    """Text to ids and back, with the methods that `tokenizer.Tokenizer` has for decoders. Make one with `train` or `load`.

    characters: each once; their ids are their places.
    """

    specials: tuple[str, ...] = ()
    lowercase = False

    def __init__(self, characters: Iterable[str]) -> None:
        self.characters = tuple(characters)
        if any(len(character) != 1 for character in self.characters) or len(set(self.characters)) < len(
            self.characters
        ):
            raise ValueError("A tokenizer of characters takes single characters, each once.")
        self.tokens = [character.encode("utf-8") for character in self.characters]
        self._ids = {character: i for i, character in enumerate(self.characters)}

    def __len__(self) -> int:
        """Size of the vocabulary."""
        return len(self.characters)

    @property
    def start(self) -> int:
        """What a text begins after, where nothing stands before it: a line break, or the first token where there is none."""
        return self._ids.get(START, 0)

    def encode(self, text: str) -> list[int]:
        """The ids of a text. Unknown characters are left out."""
        return self.encode_with_offsets(text)[0]

    def encode_with_offsets(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Ids and their spans [start, end) in the text's UTF-8 bytes, in their order; between them lie the unknown characters."""
        ids, spans, at = [], [], 0
        for place, character in enumerate(text):
            size = len(character.encode("utf-8", "surrogatepass"))
            known = self._known(text, place)
            if known is not None:
                ids.append(known)
                spans.append((at, at + size))
            at += size
        return ids, spans

    def unknown(self, text: str) -> tuple[str, ...]:
        """The characters that `encode` leaves out, each once, in the order of the text."""
        found = (character for place, character in enumerate(text) if self._known(text, place) is None)
        return tuple(dict.fromkeys(found))

    def decode(self, ids: Iterable[int]) -> str:
        """The text of some ids."""
        return "".join(self.characters[i] for i in ids)

    def _known(self, text: str, place: int) -> int | None:
        """The id of the character at this place: its own, that of the plain sign, or that of the letter without its accent. Of a
        line break in two characters, CR and LF, the first is none.
        """
        character = text[place]
        if text[place : place + 2] == "\r\n":
            return None
        for one in (character, PLAIN.get(character, ""), unicodedata.normalize("NFD", character)[:1]):
            if one in self._ids:
                return self._ids[one]
        return None

    # -- files ---------------------------------------------------------------------------------------------------------

    @classmethod
    def train(cls, texts: Iterable[str]) -> "CharacterTokenizer":
        """The characters of these texts, by their numbers in Unicode."""
        return cls(sorted({character for text in texts for character in text}))

    def save(self, path: Path) -> None:
        """Write the tokenizer as plain JSON."""
        record = {"format": FORMAT, "version": 1, "characters": "".join(self.characters)}
        Path(path).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "CharacterTokenizer":
        """Read what `save` wrote. Raises ValueError for another kind of file."""
        record = json.loads(Path(path).read_text(encoding="utf-8"))
        if record.get("format") != FORMAT or record.get("version") != 1:
            raise ValueError(f"{Path(path).name} is not a tokenizer of characters of this project.")
        return cls(record["characters"])
