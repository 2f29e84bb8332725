"""The "code" of cards that label words is run as its reader would run it, and prints what the card shows.

Checkpoints of every kind are made here, with random weights and narrow windows; those that are bundled are run as well.
"""

import json
from pathlib import Path

import pytest

from playground.core.segment import words
from playground.settings import ROOT
from tests.app import made
from tests.app.made import executed

REPO = "test/names"
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
CLASSES = ["ADJ", "NOUN", "PROPN", "PUNCT", "VERB"]
TEXT = (
    "Ann said: \"it's \\great\\\",\n{braces} <b>Zoe\u0308</b> \u202e 👩‍🔬 didn't\tcome to 東京\n\n"
    + "Bob and Carla met Dr. Lee of St. Ives in New York, and again in Rome, or was it Paris? " * 3
)

ROWS = f"""
[[checkpoint]]
id = "{REPO}"
title = "Names of a test"
loader = "pipeline-tagger"
hub = true
licence = "CC0"
provenance = "made in a test"
size_mb = 1
max_length = 32
serves = [{{ task = "ner", tier = "pretrained" }}]

[[checkpoint]]
id = "made/lora"
title = "Adapter of a test"
loader = "lora-tagger"
folder = "checkpoints/lora"
base = "sentence-transformers/all-MiniLM-L6-v2"
licence = "CC0"
provenance = "made in a test"
size_mb = 1
max_length = 32
labels = {json.dumps(TAGS)}
serves = [{{ task = "ner", tier = "finetuned" }}]

[[checkpoint]]
id = "made/scratch"
title = "Scratch of a test"
loader = "scratch-tagger"
folder = "checkpoints/scratch"
licence = "CC0"
provenance = "made in a test"
size_mb = 1
max_length = 32
labels = {json.dumps(CLASSES)}
serves = [{{ task = "pos", tier = "scratch" }}]
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    import torch
    from transformers import AutoModelForTokenClassification, BertForTokenClassification

    from playground.scratch.model import EncoderTagger, TaggerConfig

    torch.manual_seed(3)
    home = tmp_path_factory.mktemp("playground")
    folder = made.home_with(home, ROWS)
    own = {"target_modules": ["query", "key", "value", "dense"], "modules_to_save": ["classifier"]}
    made.lora("TOKEN_CLS", AutoModelForTokenClassification, folder / "lora", 0.1, own, num_labels=len(TAGS))
    small = {"dim": 24, "layers": 2, "heads": 2, "hidden": 48, "max_length": 48}
    made.scratch(EncoderTagger, lambda size: TaggerConfig(size, len(CLASSES), **small), folder / "scratch", TEXT, 8)
    made.bert_in_cache(home, REPO, BertForTokenClassification, 64, dict(enumerate(TAGS)))
    return home


def lines_of(spans):
    return [f"{span.label:>10}  {span.score:.3f}  [{span.start}:{span.end}]  {span.text}" for span in spans]


def answer(service, task, tier, model):
    handle = service.start(task, TEXT, session="code", emit=lambda event: None, tiers=[tier], models={tier: model})
    assert handle.wait(60)
    (result,) = handle.record().results
    assert result.error is None, result.error
    return result


@pytest.mark.parametrize(
    ("task", "tier", "model"),
    [("ner", "pretrained", REPO), ("ner", "finetuned", "made/lora"), ("pos", "scratch", "made/scratch")],
)
def test_it_prints_the_cards_own_spans(service, warm, home, task, tier, model, tmp_path):
    result = answer(service, task, tier, model)
    assert "windows" in result.stats.note  # the text is longer than one
    assert len(result.output.spans) > 5
    code = service.snippet(task, tier, TEXT, model)
    assert str(home) not in code
    found = warm(code, home, tmp_path)
    assert found.returncode == 0, found.stderr
    said, shown = found.stdout.splitlines(), lines_of(result.output.spans)
    assert [line.split(maxsplit=2)[::2] for line in said] == [line.split(maxsplit=2)[::2] for line in shown]
    scores = [float(line.split()[1]) for line in said]
    assert scores == pytest.approx([span.score for span in result.output.spans], abs=3e-3)


@pytest.mark.parametrize(
    ("task", "tier"), [(task, tier) for task in ("ner", "pos") for tier in ("pretrained", "finetuned", "scratch")]
)
def test_so_does_that_of_what_is_bundled(service, warm, task, tier, tmp_path):
    """The folder is that of the playground."""
    model = next(row.id for row in service.choices(task, tier) if row.id.startswith("bundled/"))
    result = answer(service, task, tier, model)
    folder = Path(service.catalog.get(model).folder)  # absolute here; in a catalog beside it, relative
    code = service.snippet(task, tier, TEXT, model).replace(repr(f"assets/{folder.name}"), repr(str(folder)))
    found = warm(code, ROOT, tmp_path)
    assert found.returncode == 0, found.stderr
    said, shown = found.stdout.splitlines(), lines_of(result.output.spans)
    assert len(said) == len(shown)
    same = sum(a.split(maxsplit=2)[::2] == b.split(maxsplit=2)[::2] for a, b in zip(said, shown, strict=True))
    assert same >= 0.97 * len(shown)  # two labels may be as likely to the last digit


@pytest.mark.parametrize("task", ["ner", "pos"])
def test_the_hosted_one_prints_where_the_words_stand(service, home, task, tmp_path):
    from tests.tiers.scripted_server import ScriptedServer, whole

    chosen = service.tasks.get(task)
    label = chosen.labels[0].name
    if task == "ner":
        expected = [("Rome", 2), ("Ann", 1)]
        rows = [{"text": text, "label": label, "occurrence": nth} for text, nth in expected]
        starts = [TEXT.index("Rome", TEXT.index("Rome") + 1), 0]
    else:
        rows = [{"text": TEXT[a:b], "label": label} for a, b in words(TEXT)]
        starts = [a for a, _ in words(TEXT)]
    code = service.snippet(task, "hosted", TEXT)
    server = ScriptedServer(whole(json.dumps({"spans": rows})))
    try:
        found = executed(code, home, tmp_path, OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=server.base_url)
    finally:
        server.close()
    assert found.returncode == 0, found.stderr
    *printed, usage = found.stdout.splitlines()
    assert [int(line.split("[")[1].split(":")[0]) for line in printed] == starts
    assert "tokens in" in usage
    (asked,) = server.asked
    assert asked["response_format"]["json_schema"]["schema"] == chosen.schema()
    assert asked["messages"][1]["content"] == TEXT
