"""Tiny models that compare a text with labels, made by transformers and peft themselves: LoRA without a head, our bi-encoder, and
models for entailment with their answers in different places.
"""

import json
import string
import warnings
from dataclasses import dataclass
from pathlib import Path

from playground.core.calls import Candidate
from playground.core.types import ModelRef

from .conftest import TinyModels

WORDS = (
    "this is about the a good bad film book plot very not was and i it loved hated every minute of music sport".split()
)
LABELS = ("a good film", "a bad book", "music, very good", "<b>sport</b>", "the plot of it")
TEXTS = [
    "I loved it",
    "the plot was not good and the film was very bad",
    "a",
    "hated every minute of it",
    "good book and music",
]
KINDS = {  # the logits of models for entailment
    "binary": {0: "entailment", 1: "not_entailment"},
    "three": {0: "CONTRADICTION", 1: "NEUTRAL", 2: "ENTAILMENT"},
    "turned": {0: "Entailment", 1: "neutral", 2: "contradiction"},
    "nameless": {0: "LABEL_0", 1: "LABEL_1"},
}


def candidates(labels=LABELS, template="this is about {}") -> tuple[Candidate, ...]:
    return tuple(Candidate(label, template.format(label)) for label in labels)


@dataclass(frozen=True)
class Matchers:
    """Folders by name; the encoder is `tiny`'s."""

    root: Path
    tiny: TinyModels

    @property
    def encoder(self) -> ModelRef:
        return self.tiny.encoder_ref

    @property
    def lora(self) -> ModelRef:
        """Trained over the encoder alone, its pooler left out."""
        return ModelRef("tiny/near", "lora-encoder", str(self.root / "lora"), base=self.encoder, max_length=32)

    @property
    def lora_with_pooler(self) -> ModelRef:
        return ModelRef("tiny/near2", "lora-encoder", str(self.root / "lora2"), base=self.encoder, max_length=32)

    @property
    def scratch(self) -> ModelRef:
        return ModelRef("tiny/ours-near", "scratch-encoder", str(self.root / "scratch"), max_length=32)

    def nli(self, kind: str = "binary") -> ModelRef:
        return ModelRef(f"tiny/nli-{kind}", "pipeline-nli", str(self.root / kind), max_length=40)

    @property
    def near(self) -> tuple[ModelRef, ...]:
        """Those that compare vectors."""
        return (self.encoder, self.lora, self.lora_with_pooler, self.scratch)

    @property
    def all(self) -> tuple[ModelRef, ...]:
        return (*self.near, self.nli())


def make(root: Path, tiny: TinyModels) -> Matchers:
    import torch
    import transformers
    from peft import LoraConfig, get_peft_model

    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(3)
    for name, excluded in (("lora", ["pooler.dense"]), ("lora2", None)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # peft 0.21 reads a name that transformers 5.23 deprecates
            model = get_peft_model(
                transformers.BertModel.from_pretrained(tiny.encoder),
                LoraConfig(
                    task_type="FEATURE_EXTRACTION",
                    r=4,
                    lora_alpha=8,
                    target_modules=["query", "key", "value", "dense"],
                    exclude_modules=excluded,
                ),
            )
        for parameter_name, parameter in model.named_parameters():
            if "lora_B" in parameter_name:
                torch.nn.init.normal_(parameter, std=0.5)
        model.save_pretrained(root / name)
    _ours(root / "scratch")
    for kind, names in KINDS.items():
        entailment(root / kind, names)
    return Matchers(root, tiny)


def _ours(folder: Path) -> None:
    import torch

    from playground.scratch.model import EmbedderConfig, EncoderEmbedder
    from playground.scratch.tokenizer import Tokenizer

    tokenizer = Tokenizer.train([" ".join(WORDS)] * 3, 300, lowercase=True)
    model = EncoderEmbedder(
        EmbedderConfig(vocabulary=len(tokenizer), dim=24, layers=2, heads=2, hidden=48, max_length=40, output=16)
    )
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=0.5)
    model.save(folder)
    tokenizer.save(folder / "tokenizer.json")


def entailment(folder: Path, names: dict[int, str]) -> None:
    """A tiny DeBERTa-v2 with the files that such a repository has. Its spm.model cannot be read, so that nobody does."""
    import transformers

    pieces = list(
        dict.fromkeys([*(f"▁{word}" for word in WORDS), *string.ascii_lowercase, "▁", ".", ",", "<", ">", "/"])
    )
    specials = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
    vocabulary = [(name, 0.0) for name in specials] + [(piece, -0.1 * place) for place, piece in enumerate(pieces, 1)]
    transformers.DebertaV2Tokenizer(vocab=vocabulary, unk_id=3).save_pretrained(folder)
    config = transformers.DebertaV2Config(
        vocab_size=len(vocabulary) + 1,  # and [MASK]
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.6,
        type_vocab_size=0,
        relative_attention=True,
        position_buckets=8,
        max_relative_positions=-1,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type=["p2c", "c2p"],
        position_biased_input=False,
        pooler_hidden_size=32,
        id2label=names,
        label2id={name: place for place, name in names.items()},
    )
    transformers.DebertaV2ForSequenceClassification(config).half().save_pretrained(folder)  # the published ones are
    settings = {
        "cls_token": "[CLS]",
        "do_lower_case": False,
        "mask_token": "[MASK]",
        "model_max_length": 64,
        "pad_token": "[PAD]",
        "sep_token": "[SEP]",
        "sp_model_kwargs": {},
        "split_by_punct": False,
        "tokenizer_class": "DebertaV2Tokenizer",
        "unk_token": "[UNK]",
        "vocab_type": "spm",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "spm.model").write_bytes(b"no model of sentencepiece's")
