"""Tiny models that fill gaps, made by transformers and peft themselves: a LoRA adapter with a masked head over the tiny encoder, a
whole RoBERTa with byte-level pieces and a <mask> of its own, and ours.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path

from playground.core.types import ModelRef

from .conftest import WORDS, TinyModels


@dataclass(frozen=True)
class Fillers:
    """Folders by name; the encoder is `tiny`'s."""

    root: Path
    tiny: TinyModels

    @property
    def lora(self) -> ModelRef:
        base = self.tiny.encoder_ref
        return ModelRef("tiny/fill", "lora-masked", str(self.root / "lora"), base=base, max_length=32)

    @property
    def whole(self) -> ModelRef:
        return ModelRef("tiny/roberta", "pipeline-masked", str(self.root / "whole"), max_length=32)

    @property
    def scratch(self) -> ModelRef:
        return ModelRef("tiny/ours-fill", "scratch-masked", str(self.root / "scratch"), max_length=32)

    @property
    def all(self) -> tuple[ModelRef, ...]:
        return (self.lora, self.whole, self.scratch)


def masked_adapter(encoder: Path, folder: Path, rank: int = 4) -> None:
    """As the recipe saves it, with random weights."""
    import torch

    from playground.training import lora_masked, saved_adapters

    settings = lora_masked.MaskedSettings(rank=rank, alpha=rank, kept_rank=rank)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft 0.21 reads a name that transformers 5.23 deprecates
        model = lora_masked.new_adapter(lora_masked.base_model(encoder)[0], settings)
    for name, parameter in model.named_parameters():
        if "lora_B" in name or "modules_to_save" in name or name.endswith("predictions.bias"):
            torch.nn.init.normal_(parameter, std=0.5)
    saved_adapters.save(model, folder)


def roberta(folder: Path) -> None:
    """A tiny one with random weights and the files that `distilroberta-base` has."""
    import transformers
    from tokenizers import ByteLevelBPETokenizer

    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trained = ByteLevelBPETokenizer(add_prefix_space=False)
    trained.train_from_iterator([" ".join(WORDS), "good", "film book"] * 3, vocab_size=400, min_frequency=1,
                                special_tokens=specials, show_progress=False)  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    trained.save_model(str(folder))
    tokenizer = transformers.RobertaTokenizerFast(
        vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt"), model_max_length=48
    )
    tokenizer.save_pretrained(folder)
    config = transformers.RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=50,
        initializer_range=0.5,
        type_vocab_size=1,
        pad_token_id=tokenizer.pad_token_id,
    )
    transformers.RobertaForMaskedLM(config).save_pretrained(folder)


def make(root: Path, tiny: TinyModels) -> Fillers:
    import torch
    import transformers

    from playground.scratch.model import EncoderMasked, MaskedConfig
    from playground.scratch.tokenizer import Tokenizer

    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(5)
    masked_adapter(tiny.encoder, root / "lora")
    roberta(root / "whole")
    tokenizer = Tokenizer.train([" ".join(WORDS)] * 3, 330, lowercase=True)
    model = EncoderMasked(MaskedConfig(len(tokenizer), dim=24, layers=2, heads=2, hidden=48, max_length=40))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.5)
    model.save(root / "scratch")
    tokenizer.save(root / "scratch" / "tokenizer.json")
    return Fillers(root, tiny)
