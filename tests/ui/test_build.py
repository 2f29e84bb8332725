"""The page as it leaves the server: built without torch, from our own files, for every task there is."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from playground.views.attention.page import PANELS as LOOKS
from playground.views.tokens.page import PANELS

ROOT = Path(__file__).resolve().parents[2]

# In a process of its own: gradio is imported there, and what it imports can be seen.
BUILD = """
import json, sys
from tests.fakes.service import FakePlayground, toy_task
from playground.ui import build, launch_options
service = FakePlayground()
service.tasks.add("weather", toy_task())
demo = build(service)
options = launch_options(service)
config = demo.get_config_file()
config.pop("theme_hash", None)
print(json.dumps({
    "heavy": sorted({"torch", "transformers", "peft", "sentence_transformers"} & set(sys.modules)),
    "ids": [c["props"].get("elem_id") for c in config["components"]],
    "kinds": [c["type"] for c in config["components"]],
    "events": [[d["targets"][0][1] if d["targets"] else "", d["api_visibility"], d["queue"], d["show_progress"]]
               for d in config["dependencies"]],
    "limits": [fn.concurrency_limit for fn in demo.fns.values() if fn.name == "run"],
    "options": {k: v for k, v in options.items() if isinstance(v, (bool, str, list)) or v is None},
    "head": options["app_kwargs"]["middleware"][0].kwargs["head"],
}))
"""


@pytest.fixture(scope="module")
def built():
    done = subprocess.run([sys.executable, "-c", BUILD], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_no_model_library_is_imported(built):
    assert built["heavy"] == []


def test_every_task_has_a_tab_of_few_components(built):
    assert [name for name in built["ids"] if name and name.startswith("pg-tab-")] == [
        "pg-tab-sentiment",
        "pg-tab-weather",
        "pg-tab-tokens",
        "pg-tab-attention",
        "pg-tab-status",
    ]
    assert built["kinds"].count("html") == 2 + 2 * 11 + (1 + len(PANELS)) + (3 + len(LOOKS)) + 2
    assert set(built["kinds"]) <= {"html", "column", "row", "state", "api"}


def test_the_page_needs_gradio_for_two_events_and_programs_for_one(built):
    assert sorted(name for name, _, _, _ in built["events"]) == ["", "tell", "unload"]
    tell = next(event for event in built["events"] if event[0] == "tell")
    assert tell[1:] == ["private", False, "hidden"]
    assert built["limits"] == [None]  # no program waits behind another


def test_nothing_is_recorded_shared_or_shown_that_should_not_be(built):
    options = built["options"]
    assert options["run_history"] is False
    assert options["footer_links"] == []
    assert options["show_error"] is False
    assert options["share"] is False
    assert options["server_name"] == "127.0.0.1"


def test_the_head_names_our_files_alone_and_relative(built):
    addresses = re.findall(r'(?:href|src)="([^"]+)"', built["head"])
    assert len(addresses) > 10
    for address in addresses:
        path = address.split("?")[0]
        if re.fullmatch(r"assets/HTML-[\w-]+\.js", path):
            continue  # Gradio's own, asked for early
        assert path.startswith(("assets/css/", "assets/js/", "assets/fonts/"))
        assert (ROOT / path).is_file()


def test_no_file_of_the_page_names_another_host():
    for path in [*(ROOT / "assets/css").glob("*.css"), *(ROOT / "assets/js").glob("*.js")]:
        assert not re.search(r"https?://|//cdn|@import", path.read_text(encoding="utf-8")), path.name


def test_fonts_are_small_and_licensed():
    fonts = list((ROOT / "assets/fonts").glob("*.woff2"))
    assert sum(font.stat().st_size for font in fonts) < 200_000
    assert "SIL Open Font License" in (ROOT / "assets/fonts/inter-LICENSE.txt").read_text()


def test_every_tier_has_its_colour_in_both_themes():
    from playground.core.types import TIERS

    css = (ROOT / "assets/css/base.css").read_text()
    for tier in TIERS:
        assert len(re.findall(rf"--pg-{tier}: #", css)) == 2
        assert f'[data-tier="{tier}"]' in css
