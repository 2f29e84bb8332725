"""Tiny models that label words, made by transformers and peft themselves: WordPiece, byte-level BPE, LoRA, and our own."""

import string
import warnings
from dataclasses import dataclass
from pathlib import Path

from playground.core.types import ModelRef

GENERAL = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-MISC", "I-MISC")
MEDICAL = ("O", "B-Chemical", "I-Chemical", "B-Disease", "I-Disease")
CLASSES = ("ADJ", "NOUN", "PROPN", "PUNCT", "VERB")
WINDOW = 24
TEXTS = [
    "Ada King wrote to Charles Babbage in London.",
    "On 3 May 1843 she sent him 7.5 pages of notes, and he didn't answer.",
    "aspirin",
    "The Analytical Engine was never built; the Science Museum has a part of it.",
]
_PIECES = "an in on er th ing ed the and of to was is ada king london charles engine museum science".split()


@dataclass(frozen=True)
class Taggers:
    """Folders by name."""

    root: Path

    @property
    def encoder(self) -> ModelRef:
        return ModelRef("tiny/words", "encoder", str(self.root / "encoder"), revision="r1", max_length=WINDOW)

    def _adapter(self, name: str, loader: str, labels: tuple[str, ...]) -> ModelRef:
        folder = str(self.root / name)
        return ModelRef(f"tiny/{name}", loader, folder, base=self.encoder, labels=labels, max_length=WINDOW)

    @property
    def general(self) -> ModelRef:
        return self._adapter("general", "lora-tagger", GENERAL)

    @property
    def medical(self) -> ModelRef:
        return self._adapter("medical", "lora-tagger", MEDICAL)

    @property
    def classifier(self) -> ModelRef:
        """On the same encoder."""
        return self._adapter("classifier", "lora-classifier", ("negative", "positive"))

    @property
    def bert(self) -> ModelRef:
        return ModelRef("tiny/bert", "pipeline-tagger", str(self.root / "bert"), max_length=WINDOW)

    @property
    def roberta(self) -> ModelRef:
        return ModelRef("tiny/roberta", "pipeline-tagger", str(self.root / "roberta"), max_length=WINDOW)

    @property
    def scratch(self) -> ModelRef:
        folder = str(self.root / "scratch")
        return ModelRef("tiny/ours", "scratch-tagger", folder, labels=CLASSES, max_length=WINDOW)

    @property
    def all(self) -> tuple[ModelRef, ...]:
        return (self.general, self.medical, self.bert, self.roberta, self.scratch)


def make(root: Path) -> Taggers:
    import torch
    import transformers
    from peft import LoraConfig, get_peft_model

    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()  # it reports that heads are new
    torch.manual_seed(1)
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    shape |= {"max_position_embeddings": 66, "initializer_range": 0.4}
    tokenizer = wordpiece()

    def bert(**more):
        return transformers.BertConfig(vocab_size=len(tokenizer), **shape, **more)

    def save(model, name, with_tokenizer=tokenizer):
        model.save_pretrained(root / name)
        with_tokenizer.save_pretrained(root / name)

    save(transformers.BertModel(bert()), "encoder")
    save(transformers.BertForTokenClassification(bert(**named(GENERAL))), "bert")
    pieces = byte_level(root)
    config = transformers.RobertaConfig(vocab_size=len(pieces), pad_token_id=1, **shape, **named(GENERAL))
    save(transformers.RobertaForTokenClassification(config), "roberta", pieces)
    kinds = (
        ("general", "TOKEN_CLS", transformers.BertForTokenClassification, len(GENERAL)),
        ("medical", "TOKEN_CLS", transformers.BertForTokenClassification, len(MEDICAL)),
        ("classifier", "SEQ_CLS", transformers.BertForSequenceClassification, 2),
    )
    for name, task, kind, labels in kinds:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # peft 0.21 reads a name that transformers 5.23 deprecates
            base = kind.from_pretrained(root / "encoder", num_labels=labels)
            lora = LoraConfig(
                task_type=task,
                r=4,
                lora_alpha=8,
                target_modules=["query", "key", "value", "dense"],
                exclude_modules=["pooler.dense"]
                if name == "general"
                else None,  # as our recipes say, and as others may not
                modules_to_save=["classifier"],
            )
            model = get_peft_model(base, lora)
        for parameter_name, parameter in model.named_parameters():
            if "lora_B" in parameter_name or "modules_to_save" in parameter_name:
                torch.nn.init.normal_(parameter, std=0.4)
        model.save_pretrained(root / name)
    ours(root / "scratch")
    return Taggers(root)


def named(labels: tuple[str, ...]) -> dict:
    return {
        "num_labels": len(labels),
        "id2label": dict(enumerate(labels)),
        "label2id": {label: place for place, label in enumerate(labels)},
    }


def wordpiece():
    """Every word of ASCII letters has pieces; other scripts are unknown."""
    import transformers

    letters = string.ascii_lowercase + string.digits
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *string.punctuation, *letters, *_PIECES]
    vocabulary += [f"##{piece}" for piece in [*letters, *_PIECES]]
    places = {piece: place for place, piece in enumerate(dict.fromkeys(vocabulary))}
    return transformers.BertTokenizerFast(vocab=places, model_max_length=64)


def byte_level(root: Path):
    import transformers
    from tokenizers import ByteLevelBPETokenizer

    trained = ByteLevelBPETokenizer()
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trained.train_from_iterator(TEXTS * 3, vocab_size=330, special_tokens=specials)
    folder = root / "bpe"
    folder.mkdir()
    trained.save_model(str(folder))
    return transformers.RobertaTokenizerFast(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=64
    )


def ours(folder: Path) -> None:
    from playground.scratch.model import EncoderTagger, TaggerConfig
    from playground.scratch.tokenizer import Tokenizer

    tokenizer = Tokenizer.train([" ".join(TEXTS)] * 3, 330)
    shape = TaggerConfig(vocabulary=len(tokenizer), labels=5, dim=24, layers=2, heads=2, hidden=48, max_length=40)
    model = EncoderTagger(shape)
    for parameter in model.parameters():
        parameter.data *= 8  # so that the answers differ
    model.save(folder)
    tokenizer.save(folder / "tokenizer.json")
