"""How good translations are: sacreBLEU (Post 2018, arXiv 1804.08771) beside that of the sentences as they were."""

from collections.abc import Sequence
from typing import Any

import torch
from sacrebleu.metrics import BLEU
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from playground.training.tatoeba import Referenced


def figures(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, held: Sequence[Referenced], context: int
) -> dict[str, Any]:
    """Of greedy translations: against all references, and against the first alone."""
    said = translate(model, tokenizer, [one.source for one in held], context)
    return {
        "n": len(held),
        "sacrebleu": bleu(said, [one.references for one in held]),
        "one_reference_sacrebleu": bleu(said, [one.references[:1] for one in held]),
        "copied_sacrebleu": bleu([one.source for one in held], [one.references for one in held]),
    }


def bleu(said: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Corpus BLEU, 0..100, of sacreBLEU's default settings."""
    most = max(map(len, references))
    columns = [[each[at] if at < len(each) else None for each in references] for at in range(most)]
    return round(BLEU().corpus_score(list(said), columns).score, 2)


@torch.inference_mode()
def translate(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], context: int, rows: int = 100
) -> list[str]:
    """Greedily, in batches of similar lengths."""
    order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    found = {}
    for begin in range(0, len(order), rows):
        part = order[begin : begin + rows]
        batch = tokenizer(
            [texts[at] for at in part], return_tensors="pt", padding=True, truncation=True, max_length=context
        )
        written = model.generate(
            input_ids=batch["input_ids"],
            attention_mask=batch["attention_mask"],
            max_new_tokens=context,
            num_beams=1,
            do_sample=False,
        )
        found |= dict(zip(part, tokenizer.batch_decode(written, skip_special_tokens=True), strict=True))
    return [found[at] for at in range(len(texts))]
