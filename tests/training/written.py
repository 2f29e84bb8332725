"""What the tests of the writing recipes share: made-up novels and plays, a seed's worth of sentences, and small settings."""

from pathlib import Path
from random import Random

WHO = ["The captain", "Her sister", "Mr. Hale", "A stranger", "The old nurse"]
DID = ["walked", "waited", "laughed", "wrote a letter", "looked up"]
WHERE = ["by the river", "in the long hall", "at the gate", "under the elms", "on the stairs"]
SMALL_STARTER = {
    "vocabulary": 300,
    "dim": 32,
    "layers": 2,
    "heads": 2,
    "hidden": 48,
    "context": 32,
    "tokens": 1280,
    "batch": 128,
}
SMALL_STARTER |= {"lengths": ((0.5, 8), (0.5, 32)), "rate": 0.02}
SMALL_VOICE = {"epochs": 2, "batch": 512, "context": 32, "rank": 2, "rate": 0.01}
SMALL_GPT = {"dim": 16, "layers": 1, "heads": 2, "hidden": 32, "context": 16, "steps": 8, "batch": 4}


def sentences(seed: int, count: int) -> list[str]:
    random = Random(seed)
    return [" ".join(random.choice(part) for part in (WHO, DID, WHERE)) + "." for _ in range(count)]


def novel(seed: int, paragraphs: int = 4) -> str:
    """Paragraphs of lines as files break them, with a heading."""
    parts = ["CHAPTER I"]
    for number in range(paragraphs):
        parts.append("\n".join(sentences(100 * seed + number, 5)))
    return "\n\n".join(parts) + "\n"


def play(speeches: int = 40) -> str:
    names = ["First Citizen", "ISABELLA", "KING"]
    return "\n\n".join(f"{names[i % 3]}:\n" + "\n".join(sentences(i, 2)) for i in range(speeches)) + "\n"


def write(root: Path, novels: int = 7) -> Path:
    """The layout of the shared data: text/novels/*.txt and text/tinyshakespeare.txt."""
    folder = root / "text" / "novels"
    folder.mkdir(parents=True)
    for number in range(novels):
        (folder / f"Writer_{number}.txt").write_text(novel(number), encoding="utf-8")
    (root / "text" / "tinyshakespeare.txt").write_text(play(), encoding="utf-8")
    return root
