"""How good translations are: sacreBLEU (Post 2018, arXiv 1804.08771) beside that of the sentences as they were."""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from playground.training.tatoeba import Referenced
from playground.training.translator_from_scratch import bleu

BEAMS = 4
ROWS = 100  # of a batch


def figures(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, held: Sequence[Referenced], context: int
) -> dict[str, Any]:
    """Of greedy translations, against all references and against the first alone; and of those by beams."""
    sources, references = [one.source for one in held], [one.references for one in held]
    said = translate(model, tokenizer, sources, context)
    return {
        "n": len(held),
        "sacrebleu": bleu(said, references),
        "beams_sacrebleu": bleu(translate(model, tokenizer, sources, context, beams=BEAMS), references),
        "one_reference_sacrebleu": bleu(said, [texts[:1] for texts in references]),
        "copied_sacrebleu": bleu(sources, references),
    }


@torch.inference_mode()
def translate(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], context: int, beams: int = 1
) -> list[str]:
    """Greedily, or by beams; in batches of similar lengths."""
    order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    found = {}
    for begin in range(0, len(order), ROWS):
        part = order[begin : begin + ROWS]
        batch = tokenizer(
            [texts[at] for at in part], return_tensors="pt", padding=True, truncation=True, max_length=context
        )
        written = model.generate(
            input_ids=batch["input_ids"],
            attention_mask=batch["attention_mask"],
            max_new_tokens=context,
            num_beams=beams,
            do_sample=False,
        )
        found |= dict(zip(part, tokenizer.batch_decode(written, skip_special_tokens=True), strict=True))
    return [found[at] for at in range(len(texts))]
