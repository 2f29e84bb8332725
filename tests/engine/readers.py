"""Tiny models that find answers, made by transformers and peft themselves: WordPiece, byte-level BPE, LoRA, and our own."""

import warnings
from dataclasses import dataclass
from pathlib import Path

from playground.core.types import ModelRef

from .taggers import byte_level, wordpiece

WINDOW = 40
CONTEXT = "Ada King wrote to Charles Babbage in London. The Analytical Engine was never built; the museum has a part."
QUESTION = "Where did Charles live?"


@dataclass(frozen=True)
class Readers:
    """Folders by name."""

    root: Path

    @property
    def encoder(self) -> ModelRef:
        return ModelRef("tiny/readers", "encoder", str(self.root / "encoder"), revision="r1", max_length=WINDOW)

    @property
    def lora(self) -> ModelRef:
        folder = str(self.root / "lora")
        return ModelRef("tiny/reader", "lora-reader", folder, base=self.encoder, max_length=WINDOW, no_answer=1.01)

    def _hub(self, name: str) -> ModelRef:
        folder = str(self.root / name)
        return ModelRef(f"tiny/{name}", "pipeline-reader", folder, max_length=WINDOW, no_answer=1.01)

    @property
    def bert(self) -> ModelRef:
        return self._hub("bert")

    @property
    def roberta(self) -> ModelRef:
        return self._hub("roberta")

    @property
    def scratch(self) -> ModelRef:
        folder = str(self.root / "scratch")
        return ModelRef("tiny/ours", "scratch-reader", folder, max_length=WINDOW, no_answer=1.01)

    @property
    def all(self) -> tuple[ModelRef, ...]:
        return (self.lora, self.bert, self.roberta, self.scratch)


def make(root: Path) -> Readers:
    import torch
    import transformers
    from peft import LoraConfig, get_peft_model

    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()  # it reports that heads are new
    torch.manual_seed(5)
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    shape |= {"max_position_embeddings": 66, "initializer_range": 0.4}
    tokenizer = wordpiece()

    def save(model, name, with_tokenizer=tokenizer):
        model.save_pretrained(root / name)
        with_tokenizer.save_pretrained(root / name)

    config = transformers.BertConfig(vocab_size=len(tokenizer), **shape)
    save(transformers.BertModel(config), "encoder")
    save(transformers.BertForQuestionAnswering(config), "bert")
    pieces = byte_level(root)
    config = transformers.RobertaConfig(vocab_size=len(pieces), pad_token_id=1, **shape)
    save(transformers.RobertaForQuestionAnswering(config), "roberta", pieces)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft 0.21 reads a name that transformers 5.23 deprecates
        base = transformers.BertForQuestionAnswering.from_pretrained(root / "encoder")
        own = {"target_modules": ["query", "key", "value", "dense"], "modules_to_save": ["qa_outputs"]}
        model = get_peft_model(base, LoraConfig(task_type="QUESTION_ANS", r=4, lora_alpha=8, **own))
    for name, parameter in model.named_parameters():
        if "lora_B" in name or "modules_to_save" in name:
            torch.nn.init.normal_(parameter, std=0.4)
    model.save_pretrained(root / "lora")
    ours(root / "scratch")
    return Readers(root)


def ours(folder: Path) -> None:
    from playground.scratch.model import EncoderReader, ReaderConfig
    from playground.scratch.tokenizer import CLS, MASK, PAD, SEP, Tokenizer

    tokenizer = Tokenizer.train([CONTEXT, QUESTION] * 3, 330, (PAD, CLS, MASK, SEP), lowercase=True)
    model = EncoderReader(ReaderConfig(vocabulary=len(tokenizer), dim=24, layers=2, heads=2, hidden=48, max_length=66))
    for parameter in model.parameters():
        parameter.data *= 8  # so that the answers differ
    model.save(folder)
    tokenizer.save(folder / "tokenizer.json")
