"""The "code" of cards whose models make a text of a text: the templates. What is in double braces is the file's own.

A file begins with its model's part and ends with the loop over the parts of the text: its sentences, where the model reads one at a
time, else the whole of it.
"""

from __future__ import annotations

from playground.catalog import Catalog, Checkpoint
from playground.core.calls import Rewrite
from playground.core.sentences import parts
from playground.core.task import Task
from playground.core.types import ModelRef, Request
from playground.core.writing_types import Writing
from playground.service.snippet_parts import Render, relative, written
from playground.service.writing_snippets import choosing

_ASKED = """parts = {parts}  # each with what stands before it
left = {length}  # tokens that may be written
"""

_LOOP = """
for between, text in parts:
    inputs = tokenizer(text, truncation=True, max_length={max_length}, return_tensors="pt")
    torch.manual_seed({seed})
    written = model.generate(
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        max_new_tokens=left,
{settings}
    )
    print(between + tokenizer.decode(written[0], skip_special_tokens=True), end="", flush=True)
    left -= written.shape[1] - 1  # it begins with a token of its own
    if left <= 0:
        break
print()
"""

_IMPORTS = """import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

"""

HUB = (
    '''"""{title} by {name}. Needs: pip install torch transformers sentencepiece"""
'''
    + _IMPORTS
    + _ASKED
    + """
tokenizer = AutoTokenizer.from_pretrained({model}, revision={revision})
model = AutoModelForSeq2SeqLM.from_pretrained({model}, revision={revision}).float().eval()
"""
    + _LOOP
)

BUNDLED = (
    '''"""{title} by {name}. Needs: pip install torch transformers

Run it in the playground's folder.
"""
'''
    + _IMPORTS
    + _ASKED
    + """
tokenizer = AutoTokenizer.from_pretrained({folder})
model = AutoModelForSeq2SeqLM.from_pretrained({folder}).float().eval()
"""
    + _LOOP
)

LORA = (
    '''"""{title} by {name}: an adapter over an encoder-decoder. Needs: pip install torch transformers peft

Run it in the playground's folder.
"""
import torch
from peft import PeftModel
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

'''
    + _ASKED
    + """
tokenizer = AutoTokenizer.from_pretrained({base})
model = AutoModelForSeq2SeqLM.from_pretrained({base}).float()
model = PeftModel.from_pretrained(model, {folder}).eval()
"""
    + _LOOP
)

SCRATCH = (
    '''"""{title} by our own encoder-decoder, trained from random weights. Needs: pip install torch

Run it in the playground's folder; the model is playground/scratch/seq2seq.py, how texts are written scratch/decoding.py.
"""
import json
from pathlib import Path

from playground.scratch.decoding import stream
from playground.scratch.sampling import Sampling
from playground.scratch.seq2seq import Seq2Seq
from playground.scratch.tokenizer import Tokenizer

'''
    + _ASKED
    + """
folder = Path({folder})
tokenizer = Tokenizer.load(folder / "tokenizer.json")
model = Seq2Seq.load(folder)
start, end = tokenizer.special("<start>"), tokenizer.special("<end>")
record = json.loads((folder / "checkpoint.json").read_text(encoding="utf-8"))
plain = str.maketrans(record.get("plain", {{}}))  # signs that it reads as others

for between, text in parts:
    source = [*tokenizer.encode(text.translate(plain))[: {max_length} - 1], end]
    sampling = Sampling(
        length=min(left, model.config.context - 1),
{settings}
    )
    written = [step.token for step in stream(model.read(source), [start], sampling, [end])]
    print(between + tokenizer.decode([token for token in written if token != end]), end="", flush=True)
    left -= len(written)
    if left <= 0:
        break
print()
"""
)


def asked(text: str, by_sentence: bool) -> list[tuple[str, str]]:
    """A text as the model gets it."""
    return parts(text) if by_sentence else [("", text)]


def hub_settings(writing: Writing) -> str:
    """The settings as arguments of transformers' `generate`, but for the length."""
    return "".join(f"        {name}={value!r},\n" for name, value in choosing(writing).items())


def scratch_settings(writing: Writing) -> str:
    """The settings as arguments of `Sampling`, but for the length."""
    names = ("temperature", "top_k", "top_p", "repetition_penalty", "seed", "beams")
    return "".join(f"        {name}={getattr(writing, name)!r},\n" for name in names)


def rewriter(template: str) -> Render:
    """A text made of a text, with the settings of the card."""

    def render(catalog: Catalog, task: Task, checkpoint: Checkpoint, text: str) -> str:
        call = task.call(ModelRef(checkpoint.id, checkpoint.loader, ""), Request(text))
        assert isinstance(call, Rewrite)
        base = None if checkpoint.base is None else catalog.get(checkpoint.base)
        ours = template is SCRATCH
        settings = (scratch_settings if ours else hub_settings)(call.writing)
        return template.format(
            title=task.title,
            name=checkpoint.title,
            parts=written(asked(call.text, checkpoint.sentences)),
            length=call.writing.length,
            model=repr(checkpoint.id),
            revision=repr(checkpoint.revision or "main"),
            folder=repr(relative(catalog, checkpoint)) if checkpoint.folder is not None else "",
            base=repr(relative(catalog, base)) if base is not None else "",
            max_length=checkpoint.max_length,
            seed=call.writing.seed,
            settings=settings.rstrip("\n"),
        )

    return render


def pretrained(catalog: Catalog, task: Task, checkpoint: Checkpoint, text: str) -> str:
    template = HUB if checkpoint.hub else BUNDLED
    return rewriter(template)(catalog, task, checkpoint, text)
