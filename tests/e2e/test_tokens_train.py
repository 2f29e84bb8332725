"""A tokenizer trained on the page in Chromium: our own merge by merge, then a fast one; what came of it is used and downloaded."""

import json

import pytest

from playground.scratch.tokenizer import Tokenizer
from playground.views.tokens.train_sample import SAMPLE
from tests.e2e.conftest import Visitor
from tests.e2e.layout import CONTRAST, NAMELESS

pytestmark = pytest.mark.e2e
PAGE = "#page=tokens"


class Trainer(Visitor):
    """A visitor of the tokenizer's page."""

    START, READY = PAGE, "#pg-tab-tokens[data-shown] #pg-train-form"

    def open(self, fragment: str = ""):
        page = super().open(fragment)
        page.wait_for_function("window.playground.steps && document.querySelector('#pg-train-size')")
        return page

    def train(self, kind: str, size: int, name: str) -> None:
        self.page.check(f"[name=pg-train-kind][value={kind}]")
        self.page.fill("#pg-train-size", str(size))
        self.page.fill("#pg-train-name", name)
        self.page.click("#pg-train-start")

    def at(self) -> str:
        return self.page.locator("#pg-steps-said").inner_text()

    def cut(self) -> list[str]:
        return self.page.locator("#pg-steps-text bdi").all_inner_texts()


@pytest.fixture
def trainer(server, usual):
    visitor = Trainer(usual, server.url)
    visitor.page.emulate_media(reduced_motion="reduce")  # it does not play by itself
    yield visitor
    visitor.page.close()
    assert not visitor.problems


def test_our_own_is_trained_merge_by_merge_and_used(trainer):
    page = trainer.page
    page.click("[data-act=train-sample]")
    trainer.train("scratch", 300, "<b>river</b>")
    page.wait_for_selector("#pg-steps:not([hidden])")
    ours = Tokenizer.train([SAMPLE], 300)
    count = len(ours.merges)
    assert trainer.at().startswith("Before the first merge every byte is a token")
    assert "<b>river</b> · yours" in page.locator("#pg-train-kept b").inner_text()  # as it was typed, and as text

    page.click("[data-act=steps-on]")
    first = ours.tokens[ours.merges[0][0]] + ours.tokens[ours.merges[0][1]]
    assert trainer.at().startswith(f"Merge 1 of {count}.")
    made = page.locator("#pg-steps-merge .pg-steps-new").inner_text()
    assert made == first.decode().replace(" ", "␣")
    lit = page.locator("#pg-steps-text .pg-steps-new").all_inner_texts()
    assert lit
    assert set(lit) == {made}

    page.focus("#pg-steps-scrub")
    page.keyboard.press("End")
    assert trainer.at().startswith(f"Merge {count} of {count}.")
    shown = "".join(trainer.cut())
    text = SAMPLE[: len(shown.replace("⏎", "\n"))]
    expected = [ours.tokens[i].decode("utf-8", "replace") for i in ours.encode(text)]
    assert [one.replace("␣", " ").replace("⏎", "\n") for one in trainer.cut()][:60] == expected[:60]
    page.keyboard.press("ArrowLeft")
    assert trainer.at().startswith(f"Merge {count - 1} of {count}.")

    page.select_option("#pg-steps-speed", "20")
    page.click("[data-act=steps-first]")
    page.click("[data-act=steps-play]")
    page.wait_for_function("document.querySelector('#pg-steps-said').innerText.startsWith('Merge 3 ')")
    page.click("[data-act=steps-play]")
    stands = trainer.at()
    page.wait_for_timeout(200)
    assert trainer.at() == stands, "paused"

    name, content = trainer.download("[data-act=train-download]:not([data-shared])")
    assert name == "tokenizer.json"
    assert Tokenizer.from_json(content.decode()).merges == ours.merges
    page.click("[data-act=train-add]")
    page.wait_for_selector("#pg-tokens-ruler >> text=<b>river</b> · yours")
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate(NAMELESS) == []


def test_a_fast_one_and_what_cannot_be_trained(trainer, tmp_path):
    page = trainer.page
    trainer.train("unigram", 400, "")
    page.wait_for_selector("#pg-train-error:has-text('nothing in this text')")
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    page.set_input_files("#pg-train-file", picture)
    page.click("#pg-train-start")
    page.wait_for_selector("#pg-train-error:has-text('not text in UTF-8')")
    page.fill("#pg-train-size", "12")
    page.click("#pg-train-start")
    page.wait_for_selector("#pg-train-error:has-text('300 to 8,000')")

    story = tmp_path / "story.txt"
    story.write_text(SAMPLE * 20, encoding="utf-8")
    page.set_input_files("#pg-train-file", story)
    trainer.train("wordpiece", 400, "tale")
    page.wait_for_selector("#pg-train-progress:not([data-idle])")
    page.wait_for_selector("#pg-train-kept b:has-text('tale')")
    _, content = trainer.download("[data-act=train-download]")
    assert json.loads(content)["model"]["type"] == "WordPiece"
    page.click("[data-act=train-remove]")
    page.wait_for_selector("#pg-train-kept b", state="detached")
