"""How the page stands: columns, nothing that moves, nothing that overflows, contrast, words for a screen reader."""

import pytest

from tests.e2e.layout import BOXES, CONTRAST, NAMELESS

pytestmark = pytest.mark.e2e

FOCUSED = """() => { const e = document.activeElement;
  return [e.dataset.act || e.dataset.pick || e.tagName, getComputedStyle(e).outlineStyle !== 'none' || e.matches('textarea')] }"""


@pytest.mark.parametrize(("width", "columns"), [(1440, 4), (1280, 4), (1100, 2), (900, 2), (390, 1)])
def test_four_two_or_one_column_and_nothing_overflows(visit, width, columns):
    visitor = visit(viewport={"width": width, "height": 900})
    visitor.run("great, but " + "averyveryverylongwordwithoutanybreak" * 8)
    lefts = {round(visitor.card(tier).bounding_box()["x"]) for tier in ("hosted", "pretrained", "finetuned", "scratch")}
    assert len(lefts) == columns
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", [1440, 1280, 390])
def test_nothing_jumps_while_the_cards_fill(visit, width):
    visitor = visit(viewport={"width": width, "height": 900})
    visitor.page.wait_for_function("document.fonts.status === 'loaded'")
    visitor.page.wait_for_timeout(300)
    before = visitor.page.evaluate(BOXES)
    visitor.type("slow and great")
    visitor.press_run()
    seen = set()
    while visitor.tab.get_attribute("data-running") is not None:
        assert visitor.page.evaluate(BOXES) == before
        seen |= {card.get_attribute("data-phase") for card in visitor.tab.locator(".pg-card").all()}
    assert seen & {"loading", "running"}  # a busy machine may show us one of them alone
    assert visitor.headline("scratch") == "positive"
    assert visitor.page.evaluate(BOXES) == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_aa(visit, scheme):
    visitor = visit(color_scheme=scheme, seen=False)
    assert visitor.page.evaluate(CONTRAST) == []
    visitor.page.click("text=informal praise")
    visitor.press_run()
    visitor.settle()
    visitor.tab.locator(".pg-history summary").click()
    visitor.page.wait_for_timeout(300)
    assert visitor.page.evaluate(CONTRAST) == []
    visitor.run("break this great thing")
    visitor.page.wait_for_timeout(300)
    assert visitor.page.evaluate(CONTRAST) == []


def test_everything_has_a_name_and_answers_are_announced(visit):
    visitor = visit()
    visitor.run("great")
    assert visitor.page.evaluate(NAMELESS) == []
    status = visitor.tab.locator(".pg-status-part [role=status]")
    assert status.get_attribute("aria-live") == "polite"
    assert "Fine-tuned: positive, 0.96." in status.inner_text()
    assert "Hosted API (stand-in): positive" in status.inner_text()
    ids = visitor.page.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id).filter(Boolean)")
    assert len(ids) == len(set(ids))


def test_every_control_is_reached_by_tab_and_shows_its_focus(visit):
    visitor = visit()
    visitor.run("great")
    visitor.page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    reached = []
    for _ in range(60):
        visitor.page.keyboard.press("Tab")
        reached.append(visitor.page.evaluate(FOCUSED))
    names = [name for name, _ in reached]
    for wanted in (
        "home",
        "theme",
        "projector",
        "welcome",
        "link",
        "TEXTAREA",
        "example",
        "run",
        "pretrained",
        "finetuned",
        "snippet",
        "card",
        "request",
        "png",
        "png-plot",
        "SUMMARY",
    ):
        assert wanted in names, wanted
    assert all(visible for name, visible in reached if name != "BODY")


def test_reduced_motion_is_honoured(visit):
    visitor = visit(reduced_motion="reduce")
    visitor.type("hang")
    visitor.press_run()
    visitor.wait_card("pretrained", "done")
    moving = "document.getAnimations().filter(animation => animation.playState === 'running').length"
    assert visitor.page.evaluate(moving) == 0
