"""The bundled Unigram tokenizer: 8,000 pieces, of Wikipedia's paragraphs and of novels, by the package tokenizers.

    python -m playground.training.unigram_tokenizer --data DIR [--out DIR]

Kudo 2018, "Subword Regularization" (arXiv 1804.10959), section 3.2. No model reads with it: it stands on the ruler for its kind.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playground.core.errors import BadFile
from playground.training.novels import clean

SIZE, LONGEST, UNKNOWN = 8_000, 16, "<unk>"
EVERY = 6  # of the novels, in the order of their files' names, one in so many is read: as much text as Wikipedia's


def texts(data: Path) -> Iterator[str]:
    """Paragraph by paragraph. Raises BadFile."""
    paragraphs, novels = data / "text" / "wiki_paragraphs.txt", sorted((data / "text" / "novels").glob("*.txt"))
    if not paragraphs.is_file() or not novels:
        raise BadFile("The recipe needs text/wiki_paragraphs.txt and text/novels: check --data.")
    for text in (paragraphs.read_text(encoding="utf-8"), *(_novel(path) for path in novels[::EVERY])):
        yield from (part for part in text.split("\n\n") if part.strip())


def _novel(path: Path) -> str:
    return clean(path.read_text(encoding="utf-8-sig"))


def train(data: Path, out: Path, size: int = SIZE) -> dict[str, Any]:
    """Writes `out`/tokenizer.json. Returns what the file beside it says of it: pieces, seconds, bytes read."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    read = list(texts(data))
    started = time.perf_counter()
    trainer = trainers.UnigramTrainer(
        vocab_size=size,
        special_tokens=[UNKNOWN],
        unk_token=UNKNOWN,
        max_piece_length=LONGEST,
        show_progress=False,
    )
    tokenizer.train_from_iterator(read, trainer, length=len(read))
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(out / "tokenizer.json"))
    return {
        "pieces": tokenizer.get_vocab_size(),
        "seconds": round(time.perf_counter() - started),
        "bytes": sum(len(text.encode("utf-8")) for text in read),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds text/")
    parser.add_argument("--out", type=Path, default=Path("trained/unigram"))
    given = parser.parse_args()
    print(json.dumps(train(given.data, given.out)))


if __name__ == "__main__":
    main()
