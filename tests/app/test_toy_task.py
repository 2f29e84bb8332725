"""Adding a task is one file plus catalog rows: toy tasks, one of labels and one of spans, are added at run time and seen in
service, command line, bench and page.
"""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import playground.tasks
from playground.compose import compose
from playground.settings import ROOT, Settings

TASK_FILE = """
from playground.core.label_task import LabelTask
from playground.core.task import Example, Label

TASK = LabelTask(
    name="weather", title="Weather", question="Is it wet or dry?", placeholder="Describe the sky.",
    labels=(Label("dry", "The sun shines and nothing falls."), Label("wet", "It rains or snows.")),
    instruction="Say whether the weather is wet or dry.",
    examples=(Example("rain", "It has rained all day.", "wet"),),
)
"""

SPAN_TASK_FILE = """
from playground.core.span_task import LabelSet, SpanTask, spans_of
from playground.core.task import Example, Label

TEXT = "a red fox saw a cat"
TASK = SpanTask(
    name="zoo", title="Zoo", question="Which animals and colours?", placeholder="Describe a zoo.",
    labels=(Label("Animal", "An animal."), Label("Colour", "A colour.")),
    sets=(LabelSet("zoo", ("Animal", "Colour")),),
    instruction="List the animals and colours.",
    examples=(Example("fox", TEXT, spans_of(TEXT, ("red", "Colour"), ("fox", "Animal"), ("cat", "Animal"))),),
)
"""

ROW = """
[[checkpoint]]
id = "toy/zoo"
title = "Toy zoo"
loader = "scratch-tagger"
folder = "zoo"
licence = "CC0"
provenance = "made in a test"
size_mb = 1
labels = ["O", "B-Animal", "I-Animal", "B-Colour", "I-Colour"]
max_length = 32
serves = [{ task = "zoo", tier = "scratch" }]

[[checkpoint]]
id = "toy/weather"
title = "Toy weather"
loader = "scratch-classifier"
folder = "weather"
licence = "CC0"
provenance = "made in a test"
size_mb = 1
labels = ["dry", "wet"]
max_length = 32
serves = [{ task = "weather", tier = "scratch" }]
"""

TEXTS = [
    ("rain and snow", 1),
    ("it pours and rains", 1),
    ("wet wet rain", 1),
    ("sun and blue sky", 0),
    ("dry and hot sun", 0),
    ("bright sun", 0),
]


ZOO = [
    ("a red fox saw a cat", "0 3 1 0 0 1"),
    ("the polar bear and the cat", "0 1 2 0 0 1"),
    ("a blue cat on a red fox", "0 3 1 0 0 3 1"),
    ("one fox and one polar bear", "0 1 0 0 1 2"),
    ("the red and blue hat", "0 3 0 3 0"),
    ("nobody saw the hat", "0 0 0 0"),
]


def train_zoo(folder):
    """A tagger of words on a handful of sentences, by heart."""
    import torch

    from playground.scratch.model import EncoderTagger, TaggerConfig, pad
    from playground.scratch.tokenizer import Tokenizer

    torch.manual_seed(0)
    tokenizer = Tokenizer.train([text for text, _ in ZOO], size=300)
    model = EncoderTagger(TaggerConfig(len(tokenizer), 5, dim=32, heads=2, layers=1, hidden=64, max_length=32))
    read = [tokenizer.for_tagger(text.split()) for text, _ in ZOO]
    (ids, mask), (words, _) = pad([ids for ids, _ in read]), pad([words for _, words in read], padding=-1)
    gold, _ = pad([[int(tag) for tag in tags.split()] for _, tags in ZOO], padding=-100)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(ids, mask, words).flatten(0, 1), gold.flatten()).backward()
        optimizer.step()
    model.save(folder)
    tokenizer.save(folder / "tokenizer.json")


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """One task file, one catalog row, and a checkpoint trained here from random weights."""
    import torch

    from playground.scratch.model import EncoderClassifier, EncoderConfig, pad
    from playground.scratch.tokenizer import CLS, Tokenizer

    root = tmp_path_factory.mktemp("toy")
    (root / "tasks").mkdir()
    (root / "tasks" / "weather.py").write_text(TASK_FILE)
    (root / "tasks" / "zoo.py").write_text(SPAN_TASK_FILE)
    bundled = ROOT / "assets"
    catalog = (bundled / "catalog.toml").read_text().replace('folder = "', f'folder = "{bundled.as_posix()}/')
    (root / "catalog.toml").write_text(catalog + ROW)

    torch.manual_seed(0)
    tokenizer = Tokenizer.train([text for text, _ in TEXTS], size=300)
    model = EncoderClassifier(
        EncoderConfig(vocabulary=len(tokenizer), labels=2, dim=32, heads=2, layers=1, hidden=64, max_length=32)
    )
    ids, mask = pad([[tokenizer.special(CLS), *tokenizer.encode(text)] for text, _ in TEXTS])
    gold = torch.tensor([label for _, label in TEXTS])
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(ids, mask), gold).backward()
        optimizer.step()
    model.save(root / "weather")
    tokenizer.save(root / "weather" / "tokenizer.json")
    train_zoo(root / "zoo")
    return root


@pytest.fixture
def with_toy_task(toy, monkeypatch):
    monkeypatch.setattr(playground.tasks, "__path__", [*playground.tasks.__path__, str(toy / "tasks")])
    yield toy
    for name in ("weather", "zoo"):
        sys.modules.pop(f"playground.tasks.{name}", None)


@pytest.fixture
def service(with_toy_task):
    service = compose(
        Settings(space_id=None, openai_api_key=None, local_server_url=None, catalog=with_toy_task / "catalog.toml")
    )
    yield service
    service.close()


def test_the_service_runs_it(service):
    handle = service.start("weather", "it rains and rains", session="toy", emit=lambda event: None)
    assert handle.wait(60)
    results = {result.tier: result for result in handle.record().results}
    assert results["scratch"].output.label == "wet"
    assert results["hosted"].output.label in ("dry", "wet")  # the stand-in reads any labels from the schema
    for tier in ("pretrained", "finetuned"):
        assert results[tier].error.kind == "not_supported"
        assert "catalog" in str(results[tier].error)


def test_the_page_has_it(service):
    from playground.ui import build

    async def built():  # where no loop runs, Gradio makes several and leaves them open
        return build(service).get_config_file()

    page = json.dumps(asyncio.run(built()), default=str)
    assert "Describe the sky." in page
    assert "Is it wet or dry?" in page
    assert "Describe a zoo." in page


def test_the_service_runs_a_task_of_spans(service):
    text = "a polar bear 🐻 saw\n the blue fox"
    handle = service.start("zoo", text, session="toy", emit=lambda event: None)
    assert handle.wait(60)
    results = {result.tier: result for result in handle.record().results}
    assert [(span.text, span.label, span.start) for span in results["scratch"].output.spans] == [
        ("polar bear", "Animal", 2),
        ("blue", "Colour", text.index("blue")),
        ("fox", "Animal", text.index("fox")),
    ]
    assert all(results[tier].error.kind == "not_supported" for tier in ("hosted", "pretrained", "finetuned"))
    assert "toy/zoo" in [choice.id for choice in service.choices("zoo", "scratch")]
    compile(service.snippet("zoo", "scratch", text), "snippet.py", "exec")


COMMAND_LINE = (
    "import sys, playground.tasks; playground.tasks.__path__.append(sys.argv.pop(1)); "
    "from playground.__main__ import app; app()"
)


def command(toy, *arguments):
    return subprocess.run(
        [sys.executable, "-c", COMMAND_LINE, str(toy / "tasks"), *arguments],
        cwd=Path(ROOT),
        env=os.environ | {"PLAYGROUND_CATALOG": str(toy / "catalog.toml")},
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_the_command_line_runs_it(toy):
    found = command(toy, "run", "weather", "blue sky and sun", "--tier", "scratch", "--json")
    assert found.returncode == 0, found.stderr
    (result,) = json.loads(found.stdout)["results"]
    assert result["output"]["label"] == "dry"


def test_the_command_line_benches_a_task_of_spans(toy, tmp_path):
    golds = [
        {"text": "a blue cat", "spans": [{"start": 2, "end": 6, "label": "colour"}, {"start": 7, "end": 10, "label": "Animal"}]},
        {"text": "the hat", "spans": [{"start": 4, "end": 7, "label": "Animal"}]},
    ]  # fmt: skip
    data = tmp_path / "rows.jsonl"
    data.write_text("\n".join(map(json.dumps, golds)))
    found = command(toy, "bench", "zoo", "--data", str(data), "--json")
    assert found.returncode == 0, found.stderr  # tiers that cannot, and were not asked for, are no failure
    tiers = json.loads(found.stdout)["tiers"]
    assert tiers["scratch"]["metrics"] == {"f1": 0.8, "precision": 1.0, "recall": round(2 / 3, 6)}
    assert [tiers[tier]["supported"] for tier in ("hosted", "pretrained", "finetuned")] == [False] * 3
    assert command(toy, "bench", "zoo", "--data", str(data), "--tier", "finetuned").returncode == 1
