"""What the load benchmark asks about: a DistilBERT-sized classifier with random weights, and texts of exactly 32 tokens.

The head is centred and widened over its own texts, so that half of them are positive and each answer is clear: a server
that mixes up its answers is caught by their labels. Texts near the border are left out.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

WORDS = 30_522  # entries of the vocabulary, BERT's number
TOKENS = 32  # [CLS], 30 words, [SEP]
MARGIN = 0.3  # difference of the logits below which a text is left out
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LABELS = ("negative", "positive")


def words(number: int) -> list[str]:
    """Made-up words of two to four syllables, each once."""
    rng = random.Random(7)
    syllables = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
    found: dict[str, None] = {}
    while len(found) < number:
        found["".join(rng.choices(syllables, k=rng.choice((2, 3, 3, 4))))] = None
    return list(found)


def make(folder: Path, texts: int, seed: int = 0) -> None:
    """Writes a checkpoint, and beside its weights `texts.json`: [text, label] pairs."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import DistilBertConfig, DistilBertForSequenceClassification, PreTrainedTokenizerFast

    torch.manual_seed(seed)
    known = words(WORDS - len(SPECIALS))
    plain = Tokenizer(models.WordPiece({word: i for i, word in enumerate(SPECIALS + known)}, unk_token="[UNK]"))
    plain.normalizer = normalizers.BertNormalizer()
    plain.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    plain.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIALS, strict=True))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, model_max_length=512, **names)
    tokenizer.model_input_names = ["input_ids", "attention_mask"]
    shape = {"n_layers": 6, "dim": 768, "n_heads": 12, "hidden_dim": 3072, "vocab_size": WORDS}
    named = {"id2label": dict(enumerate(LABELS)), "label2id": {name: i for i, name in enumerate(LABELS)}}
    model = DistilBertForSequenceClassification(DistilBertConfig(num_labels=2, **shape, **named)).eval()

    rng = random.Random(seed)
    drawn = [" ".join(rng.choices(known, k=TOKENS - 2)) for _ in range(int(1.2 * texts) + 32)]
    with torch.inference_mode():
        logits = torch.cat([_logits(model, tokenizer, drawn[at : at + 32]) for at in range(0, len(drawn), 32)])
        margin = logits[:, 1] - logits[:, 0]
        middle, width = margin.median(), margin.std()
        head = model.classifier
        head.bias += torch.tensor([0.5, -0.5]) * middle
        head.weight *= 2 / width
        head.bias *= 2 / width
        margin = (margin - middle) * 2 / width
    clear = [(text, LABELS[int(m > 0)]) for text, m in zip(drawn, margin.tolist(), strict=True) if abs(m) > MARGIN]
    assert len(clear) >= texts, f"only {len(clear)} of {len(drawn)} texts are clear"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "texts.json").write_text(json.dumps(clear[:texts]))


def _logits(model, tokenizer, texts):
    inputs = tokenizer(texts, return_tensors="pt")  # no padding: they are all of one length, or this fails
    assert inputs["input_ids"].shape[1] == TOKENS, inputs["input_ids"].shape
    assert not bool((inputs["input_ids"] == 1).any()), "a word is not in the vocabulary"
    return model(**inputs).logits


def read_texts(folder: Path) -> list[tuple[str, str]]:
    return [(text, label) for text, label in json.loads((folder / "texts.json").read_text())]


def catalog(folder: Path, assets: Path) -> str:
    """The playground's catalog, with this checkpoint as the first choice of sentiment's pretrained tier."""
    theirs = (assets / "catalog.toml").read_text(encoding="utf-8")
    theirs = theirs.replace('folder = "checkpoints/', f'folder = "{assets.as_posix()}/checkpoints/')
    return f"""
[[checkpoint]]
id = "load/distilbert"
title = "DistilBERT-sized, random"
loader = "pipeline-classifier"
folder = "{folder.as_posix()}"
licence = "CC0-1.0"
provenance = "made by the load benchmark"
size_mb = 268
labels = ["negative", "positive"]
max_length = 512
serves = [{{ task = "sentiment", tier = "pretrained" }}]

{theirs}"""
