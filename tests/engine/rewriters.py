"""Tiny encoder-decoders with random weights: T5, Marian, BART, and a LoRA adapter over the T5."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path

from playground.core.calls import Rewrite
from playground.core.types import ModelRef
from playground.core.writing_types import Writing

from .writers import finish, work_of

CONTEXT = 64
TEXT = "Once upon a time there was a good film, and the cafe was not bad. "
PAD, END, START = "<pad>", "</s>", "<s>"


@dataclass(frozen=True)
class Rewriters:
    root: Path

    def ref(self, name: str, loader: str = "pipeline-seq2seq", base: ModelRef | None = None, **more) -> ModelRef:
        return ModelRef(f"tiny/{name}", loader, str(self.root / name), base=base, **more)

    @property
    def lora(self) -> ModelRef:
        return self.ref("lora", "lora-seq2seq", base=self.ref("t5"))


def rewritten(model, ref: ModelRef, text: str, **how):
    return finish(work_of(model, Rewrite(ref, text=text, writing=Writing(**how)))[0])


def make(root: Path) -> Rewriters:
    import torch
    import transformers
    from peft import LoraConfig, get_peft_model
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    from playground.engine import stack

    stack.silence()
    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(4)
    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    specials = [PAD, END, START]  # and no bytes beyond the text's: whatever is drawn is whole characters
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=specials, show_progress=False)
    plain.train_from_iterator([TEXT, *TEXT] * 4, trainer)
    plain.post_processor = processors.TemplateProcessing(single=f"$A {END}", special_tokens=[(END, 1)])
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=plain, pad_token=PAD, eos_token=END, bos_token=START, model_max_length=CONTEXT
    )
    wide = {"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48}
    wide |= {
        "encoder_attention_heads": 4,
        "decoder_attention_heads": 4,
        "max_position_embeddings": CONTEXT,
        "init_std": 0.3,
    }
    bart_ids = {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2, "decoder_start_token_id": 1}
    marian_ids = {"pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0, "forced_eos_token_id": 1}
    made = {
        "t5": transformers.T5ForConditionalGeneration(
            transformers.T5Config(
                vocab_size=len(tokenizer),
                d_model=32,
                d_kv=8,
                d_ff=48,
                num_layers=2,
                num_heads=4,
                initializer_factor=1.5,
                feed_forward_proj="gated-gelu",
                pad_token_id=0,
                eos_token_id=1,
                decoder_start_token_id=0,
            )
        ),
        "bart": transformers.BartForConditionalGeneration(
            transformers.BartConfig(vocab_size=len(tokenizer), **wide, **bart_ids)
        ),
        "marian": transformers.MarianMTModel(
            transformers.MarianConfig(vocab_size=len(tokenizer), **wide, **marian_ids)
        ),
    }
    said = {
        "t5": {},
        "bart": {
            "forced_bos_token_id": 2,
            "forced_eos_token_id": 1,
            "no_repeat_ngram_size": 3,
            "min_length": 6,
            "length_penalty": 2.0,
            "early_stopping": True,
            "num_beams": 4,
        },
        "marian": {"bad_words_ids": [[0]], "forced_eos_token_id": 1, "renormalize_logits": True, "num_beams": 4},
    }
    with torch.no_grad():
        for name in ("bart", "marian"):  # the end is likely enough to come by itself
            made[name].final_logits_bias[0, made[name].config.eos_token_id] = 4.5
    for name, model in made.items():
        for key, value in said[name].items():
            setattr(model.generation_config, key, value)
        model.save_pretrained(root / name)
        tokenizer.save_pretrained(root / name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft 0.21 reads a name that transformers 5.23 deprecates
        base = transformers.AutoModelForSeq2SeqLM.from_pretrained(root / "t5")
        adapted = get_peft_model(
            base, LoraConfig(task_type="SEQ_2_SEQ_LM", r=4, lora_alpha=8, target_modules=["q", "v", "wo"])
        )
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.3)
        adapted.save_pretrained(root / "lora", save_embedding_layers=False)
    return Rewriters(root)


def marian_tokenizer(folder: Path):
    """As the hub's checkpoints of its kind have it: a SentencePiece model for each language, and one list of tokens for both."""
    import sentencepiece
    import transformers

    folder.mkdir()
    sides = {"source": TEXT, "target": "Il était une fois un bon film, et le café n'était pas mauvais. "}
    pieces = ["</s>", "<unk>"]
    for side, text in sides.items():
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter([text] * 9),
            model_prefix=str(folder / side),
            vocab_size=90,
            hard_vocab_limit=False,
            minloglevel=2,
        )
        (folder / f"{side}.model").rename(folder / f"{side}.spm")
        (folder / f"{side}.vocab").unlink()
        found = sentencepiece.SentencePieceProcessor(str(folder / f"{side}.spm"))
        pieces += [found.id_to_piece(at) for at in range(3, found.get_piece_size())]
    pieces = [*dict.fromkeys(pieces), "<pad>"]
    (folder / "vocab.json").write_text(json.dumps({piece: at for at, piece in enumerate(pieces)}))
    return transformers.MarianTokenizer(
        str(folder / "source.spm"), str(folder / "target.spm"), str(folder / "vocab.json"), model_max_length=CONTEXT
    )
