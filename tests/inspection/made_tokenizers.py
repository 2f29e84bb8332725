"""Tokenizers to test with: the bundled ones, and published vocabularies from the shared data where it is."""

import base64
import json
from functools import cache
from pathlib import Path

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from playground.bundled import encoder_folder
from playground.core.token_types import Opener, TokenizerRef
from playground.inspection.tokens import LocalInspector

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data" / "tokenizers"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the published vocabularies in shared/data are not here")
INSPECTOR = LocalInspector()


def hub(folder: Path | str, name: str = "made") -> TokenizerRef:
    return TokenizerRef(name, name, Opener.HUB, folder=str(folder))


O200K = TokenizerRef("openai/o200k_base", "o200k", Opener.OPENAI, "hosted", "o200k_base")
CL100K = TokenizerRef("openai/cl100k_base", "cl100k", Opener.OPENAI, "hosted", "cl100k_base")
WORDPIECE = hub(encoder_folder(), "MiniLM")
STARTER = hub(ROOT / "assets/checkpoints/generation-general", "starter")
UNIGRAM = hub(ROOT / "assets/tokenizers/unigram", "unigram")
OURS = TokenizerRef("ours", "ours", Opener.SCRATCH, folder=str(ROOT / "assets/checkpoints/sentiment-scratch"))
OURS_AS_WRITTEN = TokenizerRef("pos", "pos", Opener.SCRATCH, folder=str(ROOT / "assets/checkpoints/pos-scratch"))
LETTERS = TokenizerRef("letters", "letters", Opener.SCRATCH, folder=str(ROOT / "assets/checkpoints/generation-scratch"))
SPLITS = [TokenizerRef(name, name, Opener.SPLIT, name=name) for name in ("characters", "words", "sentences")]
BUNDLED = [O200K, CL100K, WORDPIECE, STARTER, UNIGRAM, OURS, OURS_AS_WRITTEN, LETTERS, *SPLITS]


@cache
def gpt2() -> Tokenizer:
    """From the files that OpenAI published."""
    vocabulary = json.loads((SHARED / "gpt2/encoder.json").read_text(encoding="utf-8"))
    lines = (SHARED / "gpt2/vocab.bpe").read_text(encoding="utf-8").splitlines()[1:]
    tokenizer = Tokenizer(models.BPE(vocabulary, [tuple(line.split(" ")) for line in lines if line]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("<|endoftext|>", special=True)])
    return tokenizer


@cache
def bert() -> Tokenizer:
    words = (SHARED / "bert-base-uncased/vocab.txt").read_text(encoding="utf-8").splitlines()
    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 101), ("[SEP]", 102)]
    )
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    return tokenizer


def ranks(name: str) -> dict[bytes, int]:
    lines = (SHARED / "tiktoken" / f"{name}.tiktoken").read_bytes().splitlines()
    return {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines)}


def saved(tokenizer: Tokenizer, folder: Path) -> TokenizerRef:
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    return hub(folder, str(folder))
