"""Every "code" of every card is run as its reader would run it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from playground.catalog import Catalog
from playground.compose import compose
from playground.settings import Settings

ROOT = Path(__file__).resolve().parent.parent.parent
TEXT = 'She said: "it\'s \\great\\",\n{braces} <b>and</b> \u202e I loved it'


@pytest.fixture(scope="module")
def service():
    service = compose(Settings(space_id=None, openai_api_key=None, local_server_url=None))
    yield service
    service.close()


def executed(code, tmp_path, **environment):
    path = tmp_path / "snippet.py"
    path.write_text(code, encoding="utf-8")
    return subprocess.run(
        [sys.executable, str(path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=110,
    )


@pytest.mark.parametrize("tier", ["pretrained", "finetuned", "scratch"])
def test_a_local_snippet_prints_the_cards_own_scores(service, tier, tmp_path):
    model = next(choice.id for choice in service.choices("sentiment", tier) if choice.id.startswith("bundled/"))
    found = executed(service.snippet("sentiment", tier, TEXT, model), tmp_path)
    assert found.returncode == 0, found.stderr
    handle = service.start(
        "sentiment", TEXT, session="snippet", emit=lambda event: None, tiers=[tier], models={tier: model}
    )
    assert handle.wait(60)
    output = handle.record().results[0].output
    printed = {line.split()[1]: float(line.split()[0]) for line in found.stdout.splitlines()}
    assert printed == {row.label: pytest.approx(row.score, abs=2e-3) for row in output.scores}


def test_the_hosted_snippet_runs_against_an_openai_compatible_endpoint(service, tmp_path):
    code = service.snippet("sentiment", "hosted", TEXT)
    gateway = service._gateway
    assert gateway.token not in code
    found = executed(code, tmp_path, OPENAI_API_KEY=gateway.token, OPENAI_BASE_URL=gateway.base_url)
    assert found.returncode == 0, found.stderr
    assert "label" in found.stdout
    assert "tokens in" in found.stdout


def test_the_hub_snippet_compiles_and_names_its_model(service):
    code = service.snippet(
        "sentiment", "pretrained", TEXT, "distilbert/distilbert-base-uncased-finetuned-sst-2-english"
    )
    compile(code, "snippet.py", "exec")
    assert "distilbert/distilbert-base-uncased-finetuned-sst-2-english" in code


def test_no_snippet_shows_a_path_of_this_machine(service):
    assert isinstance(service.catalog, Catalog)
    for tier in ("hosted", "pretrained", "finetuned", "scratch"):
        for choice in service.choices("sentiment", tier):
            assert str(ROOT) not in service.snippet("sentiment", tier, TEXT, choice.id)
