"""Which tokenizers there are, by which names, and texts read by several of them."""

import time

import numpy as np
import pytest

from playground.catalog import Catalog
from playground.core.errors import (
    EmptyInput,
    InputError,
    InputTooLong,
    InternalError,
    NotHere,
    PlaygroundError,
    UnknownName,
)
from playground.core.token_types import Family, Opener, Reading
from playground.inspection.tokens import LocalInspector
from playground.service import hub_tokenizers, tokenizer_list
from playground.service.tokens import MOST_CHARS, TokenDesk
from playground.settings import Settings

ENCODER = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture(scope="module")
def desk() -> TokenDesk:
    settings = Settings()
    return TokenDesk(Catalog.read(settings.catalog), LocalInspector(), settings.hosted_models)


class Slow:
    """Reads after a while, or breaks."""

    def read(self, ref, text, **options):
        time.sleep(0.05)
        if ref.id == "split/words":
            raise RuntimeError("a bug")
        none = np.zeros(0, dtype=np.int32)
        return Reading(ref, Family.OTHER, text, none, none.reshape(0, 2), none.astype(np.uint8))


def test_every_tier_has_a_row_and_each_tokenizer_one(desk):
    rows = desk.choices()
    assert list(dict.fromkeys(row.tier for row in rows)) == [
        "hosted",
        "pretrained",
        "finetuned",
        "scratch",
        "",
    ]
    assert len({row.id for row in rows}) == len(rows)
    assert len({(row.tier, row.opener, row.name, row.folder) for row in rows}) == len(rows)
    by_id = {row.id: row for row in rows}
    assert "gpt-5-mini" in by_id[tokenizer_list.O200K].used_by
    assert len(by_id[ENCODER].used_by) > 1
    assert by_id["bundled/unigram"].opener is Opener.HUB
    tiers = [by_id[name].tier for name in desk.defaults()]
    assert tiers == ["hosted", "pretrained", "finetuned", "scratch", ""]
    assert desk.defaults()[1] == ENCODER


@pytest.mark.parametrize(
    ("tier", "model", "tokenizer"),
    [
        ("hosted", "gpt-5-mini", tokenizer_list.O200K),
        ("hosted", "gpt-4o-2024-08-06", tokenizer_list.O200K),
        ("hosted", "openai/gpt-4-turbo", tokenizer_list.CL100K),
        ("hosted", "gpt-3.5-turbo", tokenizer_list.CL100K),
        ("hosted", "llama3.2", None),
        ("pretrained", ENCODER, ENCODER),
        ("pretrained", "bundled/sentiment-general", ENCODER),
        ("finetuned", "bundled/generation-shakespeare", "bundled/generation-shakespeare"),
        ("finetuned", "bundled/spam", "bundled/sentiment-informal"),
        ("scratch", "bundled/spam-scratch", "bundled/spam-scratch"),
        ("pretrained", "nobody/knows", None),
    ],
)
def test_a_cards_model_has_its_tokenizer(desk, tier, model, tokenizer):
    assert desk.of_model(tier, model) == tokenizer
    if tokenizer is not None:
        assert desk.get(model).id == tokenizer


def test_an_adapter_reads_with_its_bases_tokenizer(desk):
    finetuned, base = desk.get("bundled/spam"), desk.get(ENCODER)
    assert (finetuned.folder, finetuned.model, finetuned.tier) == (base.folder, ENCODER, "finetuned")


def test_a_hub_id_is_found_in_the_cache_and_nowhere_else(desk, tmp_path, monkeypatch):
    from huggingface_hub import constants

    for name in ("nobody/here", "hub:gpt9"):
        with pytest.raises(NotHere, match="hf download"):
            desk.get(name)
    for name in ("nothing", "../etc/passwd", "bundled/none", "hub:../x", "a/b/c"):
        with pytest.raises(UnknownName):
            desk.get(name)
    snapshot = tmp_path / "models--some--one" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (tmp_path / "models--some--one" / "refs").mkdir()
    (tmp_path / "models--some--one" / "refs" / "main").write_text("abc")
    (snapshot / "tokenizer.json").write_text('{"model": {}}')
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(hub_tokenizers, "_cache", lambda: tmp_path)
    monkeypatch.setattr("huggingface_hub.file_download.HF_HUB_CACHE", str(tmp_path), raising=False)
    assert desk.get("some/one").folder == desk.get("hub:some/one").folder == str(snapshot)
    assert "some/one" in [row.id for row in desk.choices()]
    assert desk.defaults()[1] == ENCODER


def test_rows_are_read_side_by_side_and_one_that_fails_leaves_the_others(desk):
    rows = desk.read("Good 🦀", ["split/words", "nothing", tokenizer_list.O200K])
    assert [type(row) for row in rows] == [Reading, UnknownName, Reading]
    slow = TokenDesk(desk._catalog, Slow())
    started = time.perf_counter()
    found = slow.read("a", ["split/characters", "split/words", "split/sentences", tokenizer_list.O200K])
    assert isinstance(found[1], InternalError)
    assert sum(isinstance(row, PlaygroundError) for row in found) == 1
    assert found[0].ref.id == "split/characters"
    assert time.perf_counter() - started < 5


def test_warming_opens_the_defaults_in_the_background(desk):
    asked = []

    class Kept(Slow):
        def read(self, ref, text, **options):
            asked.append(ref.id)
            return super().read(ref, text, **options)

    fresh = TokenDesk(desk._catalog, Kept())
    fresh.warm()
    until = time.monotonic() + 20
    while sorted(asked) != sorted(desk.defaults()) and time.monotonic() < until:
        time.sleep(0.02)
    assert sorted(asked) == sorted(desk.defaults())


def test_what_cannot_be_read_is_said(desk):
    with pytest.raises(EmptyInput):
        desk.read("", ["split/words"])
    with pytest.raises(InputTooLong, match=f"{MOST_CHARS:,}"):
        desk.read("x" * 1_000_000, ["split/words"])
    for names in ([], ["split/words"] * 9):
        with pytest.raises(InputError, match="One to 8"):
            desk.read("a", names)
    assert desk.read("a\ud800b", ["split/characters"])[0].text == "a\ufffdb"


@pytest.mark.parametrize("text", ["</script><img onerror=x>", "\x00", "<|endoftext|>", "\u202e\u0301", " "])
def test_strange_texts_are_read_by_all(desk, text):
    names = [row.id for row in desk.choices()]
    for start in range(0, len(names), 8):
        assert all(isinstance(row, Reading) for row in desk.read(text, names[start : start + 8]))
