"""Tiny Shakespeare, the characters that small language models are tried on, from a folder with the layout of the project's shared
data: `text/tinyshakespeare.txt`. No torch.

Cut as nanoGPT cuts it (Karpathy, github.com/karpathy/nanoGPT, data/shakespeare_char/prepare.py): the first nine tenths of its
characters to train on, the last to test on.
"""

from dataclasses import dataclass
from pathlib import Path

from playground.core.errors import BadFile

TRAINED = 0.9  # of all characters
DEV = 0.05  # of all characters, the last ones of what is trained on, for who needs a dev part


@dataclass(frozen=True)
class Plays:
    """`train` is what nanoGPT trains on; `first` and `dev` are its two parts, for who must choose something while training."""

    train: str
    test: str

    @property
    def first(self) -> str:
        return self.train[: self._cut]

    @property
    def dev(self) -> str:
        return self.train[self._cut :]

    @property
    def _cut(self) -> int:
        """At the last blank line before the dev part, so that it begins with a speaker."""
        most = round(len(self.train) * (1 - DEV / TRAINED))
        return self.train.rfind("\n\n", 0, most) + 2


def read(data: Path | None) -> Plays:
    """Raises BadFile without a folder, or with too little text."""
    if data is None:
        raise BadFile(
            "Tiny Shakespeare has no home on the hub that can be read as it is: give --data the folder that holds text/."
        )
    text = (data / "text" / "tinyshakespeare.txt").read_text(encoding="utf-8")
    cut = int(TRAINED * len(text))
    if len(text) - cut < 100:
        raise BadFile("The file tinyshakespeare.txt is too short to hold a tenth of it out: check --data.")
    return Plays(text[:cut], text[cut:])
