"""The code of a hosted card that writes a text is run as its reader would run it, and writes what the card wrote."""

import contextlib

import pytest

from playground.catalog import Catalog
from playground.core.calls import Generate
from playground.core.types import Choice, Source
from playground.gateway import start_gateway
from playground.service.snippets import snippet
from playground.settings import ROOT
from playground.tasks.generation import TASK
from tests.app.made import executed
from tests.fakes.runtime import FakeRuntime, answer
from tests.gateway.step_runtime import DECODER
from tests.gateway.word_runtime import ENCODER

TEXT = 'She said: "it\'s \\great\\",\n{braces} <b>and</b> \u202e I loved'
CHOICES = [Choice("stand-in", "Stand-in", Source.STAND_IN)]


@pytest.mark.parametrize("details", ["", "1"])
def test_it_writes_the_text_with_the_cards_settings(tmp_path, details):
    values = {"temperature": "0.7", "top_p": "0.9", "seed": "7", "length": "20", "details": details}
    code = snippet(Catalog.read(ROOT / "assets" / "catalog.toml"), TASK.bound(values), CHOICES, TEXT, None)
    runtime = FakeRuntime()
    with contextlib.closing(start_gateway(runtime, ENCODER, DECODER)) as gateway:
        found = executed(code, tmp_path, tmp_path, OPENAI_API_KEY=gateway.token, OPENAI_BASE_URL=gateway.base_url)
    assert found.returncode == 0, found.stderr
    (call,) = runtime.calls
    writing = TASK.bound(values).writing
    assert isinstance(call, Generate)
    assert call.text == TEXT
    assert (call.writing.temperature, call.writing.top_p) == (writing.temperature, writing.top_p)
    assert (call.writing.seed, call.writing.length, call.writing.details) == (7, 20, bool(details))
    written = answer(call)
    assert found.stdout == written.text
    assert "tokens in" in found.stderr
    assert found.stderr.count(" of ") == len(written.tokens)
