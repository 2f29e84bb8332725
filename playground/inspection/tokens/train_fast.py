"""BPE, WordPiece and Unigram learned from a text by the package `tokenizers`. Imported in a process of its own: see `train_worker`.

The library can be asked how far it is only where merges are learned: `progress_format="json"` writes lines to standard error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from playground.core.token_training import TrainingKind

LEAST = 2  # times that a pair must occur to be merged, as in our own BPE
END = "<|endoftext|>"
BERT = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
UNIGRAM = ("<unk>", "<s>", "</s>")
CONTINUES, UNKNOWN = "##", BERT[1]

Tell = Callable[[str, float | None], None]


def learn(text: str, kind: TrainingKind, size: int, tell: Tell) -> Tokenizer:
    """A tokenizer with at most `size` tokens, where the text's characters are not more than that themselves.

    Raises what the library raises where the text is too small for its method.
    """
    return {TrainingKind.BPE: _bpe, TrainingKind.WORDPIECE: _wordpiece, TrainingKind.UNIGRAM: _unigram}[kind](
        text, size, tell
    )


def _bpe(text: str, size: int, tell: Tell) -> Tokenizer:
    """As GPT-2's: over bytes, a blank belongs to the word after it. The text is one sequence: a line's end can be in a piece."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tell("reading the text", None)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=LEAST,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=True,
        progress_format="json",
    )
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


def _wordpiece(text: str, size: int, tell: Tell) -> Tokenizer:
    """As BERT's: lowered, accents off, “##” before what goes on with a word.

    Merges are learned, and their tokens are the vocabulary: this is what the library's WordPieceTrainer does as well (tested),
    which cannot be asked how far it is. A third of the vocabulary at most is for characters, each of which has two forms.
    """
    learned = Tokenizer(models.BPE(unk_token=UNKNOWN, continuing_subword_prefix=CONTINUES))
    learned.normalizer = normalizers.BertNormalizer(lowercase=True)
    learned.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=LEAST,
        special_tokens=list(BERT),
        limit_alphabet=alphabet(size),
        continuing_subword_prefix=CONTINUES,
        show_progress=True,
        progress_format="json",
    )
    learned.train_from_iterator(_lines(text, tell), trainer)
    vocabulary = learned.get_vocab(with_added_tokens=False)
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=UNKNOWN, continuing_subword_prefix=CONTINUES))
    tokenizer.add_special_tokens(list(BERT))
    tokenizer.normalizer, tokenizer.pre_tokenizer = learned.normalizer, learned.pre_tokenizer
    tokenizer.decoder = decoders.WordPiece(prefix=CONTINUES)
    ends = [(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return tokenizer


def alphabet(size: int) -> int:
    return (size - len(BERT)) // 3


def _unigram(text: str, size: int, tell: Tell) -> Tokenizer:
    """As SentencePiece's (Kudo 2018, arXiv 1804.10959): NFKC, blanks as “▁”, pieces scored by a language model and the least
    useful of them taken away until `size` are left.
    """
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=size, special_tokens=list(UNIGRAM), unk_token=UNIGRAM[0], show_progress=False
    )

    def lines() -> Iterator[str]:
        yield from _lines(text, tell)
        tell("scoring pieces and taking the least useful away", None)  # from here on the library says nothing

    tokenizer.train_from_iterator(lines(), trainer)
    return tokenizer


def _lines(text: str, tell: Tell) -> Iterator[str]:
    done = 0
    for line in text.splitlines(keepends=True):
        tell("reading the text", done / len(text))
        yield line
        done += len(line)
