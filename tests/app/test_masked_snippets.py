"""The "code" of cards that fill gaps is run as its reader would run it, and prints what the card shows.

Checkpoints of every kind are made here, with random weights and narrow windows; those that are bundled are run as well.
"""

import json
from pathlib import Path

import pytest

from playground.catalog import Catalog
from playground.settings import ROOT
from tests.app import made
from tests.app.made import executed

REPO, BYTES = "test/masked", "test/bytes"
ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
START = 'Ann said: "it\'s \\great\\",\n{braces} <b>Zoe\u0308</b> \u202e 👩‍🔬 [MASK] \tcame by ___. '
TEXT = START + "And so on. " * 30 + "Then the <mask> came."
OTHER = "Bob said that [MASK] {came} by 'train'."


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    import torch
    from transformers import BertForMaskedLM

    from playground.scratch.model import EncoderMasked, MaskedConfig
    from tests.engine.fillers import roberta

    torch.manual_seed(3)
    home = tmp_path_factory.mktemp("playground")
    rows = [
        made.row(REPO, "pipeline-masked", "fill-mask", "pretrained", hub=True),
        made.row(BYTES, "pipeline-masked", "fill-mask", "pretrained", hub=True),
        made.row("made/lora", "lora-masked", "fill-mask", "finetuned", folder="checkpoints/lora", base=ENCODER),
        made.row("made/own", "scratch-masked", "fill-mask", "scratch", folder="checkpoints/own"),
    ]
    folder = made.home_with(home, "".join(rows))
    made.masked(folder / "lora")
    small = {"dim": 24, "layers": 2, "heads": 2, "hidden": 48, "max_length": 48}
    made.scratch(EncoderMasked, lambda size: MaskedConfig(size, **small), folder / "own", TEXT, 4)
    made.bert_in_cache(home, REPO, BertForMaskedLM, 64, {0: "none"})
    made.bert_in_cache(home, BYTES, BertForMaskedLM, 64, {0: "none"})
    snapshot = next((home / "hub" / "models--test--bytes").glob("snapshots/*"))
    for file in snapshot.iterdir():
        file.unlink()
    roberta(snapshot)
    return home


def compared(service, tier, model, found, values=None):
    """The lines that were printed are the five likeliest words of each gap of the card."""
    assert found.returncode == 0, found.stderr
    handle = service.start(
        "fill-mask", TEXT, session="code", emit=lambda event: None, tiers=[tier], models={tier: model}, values=values
    )
    assert handle.wait(100)
    (result,) = handle.record().results
    assert result.error is None, result.error
    gaps = [*result.output.masks, *result.output.other]
    lines = [line.split("  ", 2) for line in found.stdout.splitlines()]
    assert len(lines) == 5 * len(gaps) == (20 if values else 15)
    for place, gap in enumerate(gaps):
        known = {row.token: row.score for row in gap}
        for score, number, word in lines[5 * place : 5 * place + 5]:
            assert int(number) == (place % 3) + 1
            assert known[word] == pytest.approx(float(score), abs=2e-3)
    return result


@pytest.mark.parametrize(
    ("tier", "model"),
    [("pretrained", REPO), ("pretrained", BYTES), ("finetuned", "made/lora"), ("scratch", "made/own")],
)
def test_it_prints_the_cards_own_words(service, warm, home, tier, model, tmp_path):
    values = {"other": OTHER}
    code = service.snippet("fill-mask", tier, TEXT, model, values=values)
    assert str(home) not in code
    result = compared(service, tier, model, warm(code, home, tmp_path), values)
    assert "around it" in result.stats.note  # the text is longer than a window


CATALOG = Catalog.read(ROOT / "assets" / "catalog.toml")
TIERS = [
    tier
    for tier in ("pretrained", "finetuned", "scratch")
    if any(row.id.startswith("bundled/") for row in CATALOG.serving("fill-mask", tier))
]


@pytest.mark.parametrize("tier", TIERS)
def test_so_does_that_of_what_is_bundled(service, warm, tier, tmp_path):
    """The folder is that of the playground."""
    model = next(row.id for row in service.choices("fill-mask", tier) if row.id.startswith("bundled/"))
    folder = Path(service.catalog.get(model).folder)  # absolute here; in a catalog beside it, relative
    code = service.snippet("fill-mask", tier, TEXT, model).replace(repr(f"assets/{folder.name}"), repr(str(folder)))
    compared(service, tier, model, warm(code, ROOT, tmp_path))


def test_the_hosted_one_prints_the_reply_and_asks_for_the_other_sentence(service, home, tmp_path):
    from tests.tiers.scripted_server import ScriptedServer, whole

    values = {"other": OTHER}
    gap = {"words": [{"word": "it", "probability": 0.4}]}
    code = service.snippet("fill-mask", "hosted", TEXT, values=values)
    server = ScriptedServer(whole(json.dumps({"gaps": [gap] * 3, "other_gaps": [gap]})))
    try:
        found = executed(code, home, tmp_path, OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=server.base_url)
    finally:
        server.close()
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith("{'gaps': [")
    (asked,) = server.asked
    assert asked["response_format"]["json_schema"]["schema"] == service.task("fill-mask", values).schema()
    assert asked["messages"][1]["content"] == TEXT
