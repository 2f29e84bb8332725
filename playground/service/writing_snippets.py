"""The "code" of cards whose models go on with a text: the templates. What is in double braces is the file's own.

A file begins with its model's part and ends with the loop that writes, to the terminal and as it comes.
"""

from __future__ import annotations

from playground.core.writing_types import Writing

_ASKED = """text = {text}
"""

_HUB_LOOP = """
# A text begins after the token that stands between texts. Of a long one as much of the end is read as leaves room for what comes.
begin = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
ids = [*begin, *tokenizer(text, add_special_tokens=False)["input_ids"]]
ids = torch.tensor([ids[-{room}:]])

torch.manual_seed({seed})
written = model.generate(
    input_ids=ids,
    attention_mask=torch.ones_like(ids),
    pad_token_id=tokenizer.eos_token_id,
{settings}
)
"""
_STREAMED = """    streamer=TextStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True),  # prints it word by word
"""
_AT_ONCE = """print(tokenizer.decode(written[0, ids.shape[1] :], skip_special_tokens=True))  # beams are known when all are done
"""

HUB = (
    '''"""{title} by {name}. Needs: pip install torch transformers"""
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, TextStreamer

'''
    + _ASKED
    + """
tokenizer = AutoTokenizer.from_pretrained({model}, revision={revision})
model = AutoModelForCausalLM.from_pretrained({model}, revision={revision}).float().eval()
"""
    + _HUB_LOOP
)

BUNDLED = (
    '''"""{title} by {name}. Needs: pip install torch transformers

Run it in the playground's folder.
"""
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, TextStreamer

'''
    + _ASKED
    + """
tokenizer = AutoTokenizer.from_pretrained({folder})
model = AutoModelForCausalLM.from_pretrained({folder}).float().eval()
"""
    + _HUB_LOOP
)

LORA = (
    '''"""{title} by {name}: an adapter over a decoder. Needs: pip install torch transformers peft

Run it in the playground's folder.
"""
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, TextStreamer

'''
    + _ASKED
    + """
tokenizer = AutoTokenizer.from_pretrained({base})
model = AutoModelForCausalLM.from_pretrained({base}).float()
model = PeftModel.from_pretrained(model, {folder}).eval()
"""
    + _HUB_LOOP
)

SCRATCH = (
    '''"""{title} by our own GPT, trained from random weights. Needs: pip install torch

Run it in the playground's folder; the model is playground/scratch/gpt.py, the choice of each token playground/scratch/sampling.py.
"""
from pathlib import Path

from playground.scratch import tokenizer as tokenizers
from playground.scratch.decoding import stream
from playground.scratch.gpt import GPT
from playground.scratch.sampling import Sampling

'''
    + _ASKED
    + """
folder = Path({folder})
tokenizer = tokenizers.load(folder)
model = GPT.load(folder)

sampling = Sampling(
{settings}
)
ids = [tokenizer.start, *tokenizer.encode(text)]  # characters that it does not know are left out
for step in stream(model, ids, sampling):
    print(tokenizer.decode([step.token]), end="", flush=True)
print()
"""
)


def choosing(writing: Writing) -> dict[str, object]:
    """How each token is chosen, as arguments of transformers' `generate`. Beams are always said: a checkpoint may ask for some."""
    settings: dict[str, object] = {"repetition_penalty": writing.repetition_penalty, "num_beams": writing.beams}
    if writing.beams > 1 or writing.temperature == 0:
        return settings | {"do_sample": False}
    chance = {"temperature": writing.temperature, "top_k": writing.top_k, "top_p": writing.top_p}
    return settings | {"do_sample": True} | chance


def hub_settings(writing: Writing) -> tuple[str, str]:
    """The settings as arguments of transformers' `generate`, and what is printed afterwards."""
    settings = {"max_new_tokens": writing.length} | choosing(writing)
    lines = "".join(f"    {name}={value!r},\n" for name, value in settings.items())
    return (lines, _AT_ONCE) if writing.beams > 1 else (lines + _STREAMED, "")


def scratch_settings(writing: Writing) -> str:
    """The settings as arguments of `Sampling`."""
    names = ("length", "temperature", "top_k", "top_p", "repetition_penalty", "seed", "beams")
    return "".join(f"    {name}={getattr(writing, name)!r},\n" for name in names)


def room(writing: Writing, context: int) -> int:
    """Tokens of a prompt that leave room for as many as are asked for; half the context at least."""
    return max(context // 2, context - writing.length)
