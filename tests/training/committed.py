"""What holds of every committed checkpoint, whatever its task."""

import json
import tempfile
from pathlib import Path

from playground.bundled import ENCODER_ID, ENCODER_REVISION, ENCODER_SHA256, sha256_of

ROOT = Path(__file__).resolve().parents[2]
CHECKPOINTS = ROOT / "assets" / "checkpoints"


def record(name: str) -> dict:
    return json.loads((CHECKPOINTS / name / "checkpoint.json").read_text(encoding="utf-8"))


def card(name: str) -> str:
    return (CHECKPOINTS / name / "README.md").read_text(encoding="utf-8")


def assert_files_are_whole(name: str, limit: int) -> None:
    """They have the digests in the record, no other file lies beside them, and all take at most `limit` bytes."""
    folder, found = CHECKPOINTS / name, record(name)
    for file, digest in found["files"].items():
        assert sha256_of(folder / file) == digest, file
    assert sum(path.stat().st_size for path in folder.rglob("*")) <= limit
    known = {*found["files"], "checkpoint.json", "README.md", "loss.json", "loss.svg"}
    assert {path.name for path in folder.iterdir()} == known


def assert_card_is_whole(name: str) -> None:
    """It has every section, tells of no departure from the recipe, and names no folder of this machine."""
    text, found = card(name), record(name)
    for part in ("## Data", "## Figures", "## How it was made", "## Limits", "## Licence", "loss.svg", f"train {name}"):
        assert part in text, part
    assert "Departures" not in text
    for place in (ROOT, Path.home(), tempfile.gettempdir()):
        assert str(place) not in text + json.dumps(found)


def assert_adapts_the_bundled_encoder(name: str) -> None:
    known = {"id": ENCODER_ID, "revision": ENCODER_REVISION, "sha256": ENCODER_SHA256}
    assert known.items() <= record(name)["base"].items()
    assert adapter_config(name)["base_model_name_or_path"] == ENCODER_ID


def adapter_config(name: str) -> dict:
    return json.loads((CHECKPOINTS / name / "adapter_config.json").read_text())
