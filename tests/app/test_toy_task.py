"""Adding a task is one file plus catalog rows: a toy task is added at run time and seen in service, command line and page."""

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
from playground.core.task import Example, Label, LabelTask

TASK = LabelTask(
    name="weather", title="Weather", question="Is it wet or dry?", placeholder="Describe the sky.",
    labels=(Label("dry", "The sun shines and nothing falls."), Label("wet", "It rains or snows.")),
    instruction="Say whether the weather is wet or dry.",
    examples=(Example("rain", "It has rained all day.", "wet"),),
)
"""

ROW = """
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


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """One task file, one catalog row, and a checkpoint trained here from random weights."""
    import torch

    from playground.scratch.model import EncoderClassifier, EncoderConfig, pad
    from playground.scratch.tokenizer import CLS, Tokenizer

    root = tmp_path_factory.mktemp("toy")
    (root / "tasks").mkdir()
    (root / "tasks" / "weather.py").write_text(TASK_FILE)
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
    return root


@pytest.fixture
def with_toy_task(toy, monkeypatch):
    monkeypatch.setattr(playground.tasks, "__path__", [*playground.tasks.__path__, str(toy / "tasks")])
    yield toy
    sys.modules.pop("playground.tasks.weather", None)


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


def test_the_command_line_runs_it(toy):
    start = (
        "import sys, playground.tasks; playground.tasks.__path__.append(sys.argv.pop(1)); "
        "from playground.__main__ import app; app()"
    )
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            start,
            str(toy / "tasks"),
            "run",
            "weather",
            "blue sky and sun",
            "--tier",
            "scratch",
            "--json",
        ],
        cwd=Path(ROOT),
        env=os.environ | {"PLAYGROUND_CATALOG": str(toy / "catalog.toml")},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert found.returncode == 0, found.stderr
    (result,) = json.loads(found.stdout)["results"]
    assert result["output"]["label"] == "dry"
