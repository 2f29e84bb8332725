"""The pictures in assets/images: `python -m tests.e2e.screenshots [FOLDER [NAME ...]]` starts app.py and takes them."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import sync_playwright

from playground.tasks import find_tasks
from tests.e2e.conftest import ARGUMENTS, CHROMIUM, ROOT, Server, Visitor, new_context
from tests.e2e.test_app import App

TASKS = find_tasks()
EXAMPLES = TASKS.get("sentiment").examples
MEDICINE = TASKS.get("ner").examples[1].text
FEELINGS = TASKS.get("topics").examples[0].text
QUESTION = TASKS.get("intent").examples[0].text
REVIEW = TASKS.get("pos").examples[4].text
SLANG = EXAMPLES[1].text
TOKENS = "#" + urlencode({"page": "tokens", "text": "Hi 👋🏽 from the 👨‍👩‍👧 in 🇳🇴: café, naïve, ﬁne Å ½"})
LOOK = "#" + urlencode(
    {
        "page": "attention",
        "model": "bundled/sentiment-general",
        "text": "I never said it was good.",
        "part": "encoder",
        "layer": 1,
        "head": 4,
        "token": "0:6",
    }
)
LINES = "\n".join(example.text for example in EXAMPLES)
PICTURES = {
    "wide-light": {"viewport": {"width": 1440, "height": 1080}},
    "wide-dark": {"viewport": {"width": 1440, "height": 1080}, "color_scheme": "dark"},
    "tablet-light": {"viewport": {"width": 900, "height": 1240}},
    "phone-light": {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2},
    "phone-dark": {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "color_scheme": "dark"},
    "projector-light": {"viewport": {"width": 1600, "height": 1000}, "fragment": "#task=sentiment&projector=1"},
    "welcome-light": {"viewport": {"width": 1440, "height": 900}, "seen": False, "text": None},
    "table-light": {"viewport": {"width": 1440, "height": 900}, "text": LINES},
    "entities-light": {"viewport": {"width": 1440, "height": 1240}, "text": MEDICINE, "fragment": "#task=ner"},
    "entities-dark": {
        "viewport": {"width": 1440, "height": 1240},
        "color_scheme": "dark",
        "text": MEDICINE,
        "fragment": "#task=ner",
    },
    "entities-phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "text": MEDICINE,
        "fragment": "#task=ner",
    },
    "words-light": {"viewport": {"width": 1440, "height": 1240}, "text": REVIEW, "fragment": "#task=pos"},
    "own-labels-light": {
        "viewport": {"width": 1440, "height": 1240},
        "example": 2,
        "fragment": "#task=zero-shot",
    },
    "own-labels-phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "example": 2,
        "fragment": "#task=zero-shot",
    },
    "topics-light": {"viewport": {"width": 1440, "height": 1240}, "text": FEELINGS, "fragment": "#task=topics"},
    "topics-dark": {
        "viewport": {"width": 1440, "height": 1240},
        "color_scheme": "dark",
        "text": FEELINGS,
        "fragment": "#task=topics",
    },
    "intent-light": {"viewport": {"width": 1440, "height": 1240}, "text": QUESTION, "fragment": "#task=intent"},
    "answers-light": {"viewport": {"width": 1440, "height": 1240}, "example": 0, "fragment": "#task=qa"},
    "answers-phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "example": 1,
        "fragment": "#task=qa",
    },
    "gaps-light": {"viewport": {"width": 1440, "height": 1240}, "example": 1, "fragment": "#task=fill-mask"},
    "gaps-dark": {
        "viewport": {"width": 1440, "height": 1240},
        "color_scheme": "dark",
        "example": 0,
        "fragment": "#task=fill-mask",
    },
    "writing-light": {
        "viewport": {"width": 1440, "height": 1240},
        "example": 0,
        "fragment": "#task=generation&v.details=1",
    },
    "writing-dark": {
        "viewport": {"width": 1440, "height": 1240},
        "color_scheme": "dark",
        "example": 2,
        "fragment": "#task=generation&v.details=1",
    },
    "writing-phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "example": 0,
        "fragment": "#task=generation",
    },
    "summaries-light": {"viewport": {"width": 1440, "height": 1240}, "example": 1, "fragment": "#task=summarization"},
    "translations-light": {"viewport": {"width": 1440, "height": 1240}, "example": 0, "fragment": "#task=translation"},
    "tokens-light": {"viewport": {"width": 1440, "height": 1000}, "text": None, "fragment": TOKENS},
    "tokens-dark": {
        "viewport": {"width": 1440, "height": 1000},
        "color_scheme": "dark",
        "text": None,
        "fragment": TOKENS,
    },
    "tokens-phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "text": None,
        "fragment": TOKENS,
    },
    "attention-light": {"viewport": {"width": 1440, "height": 1900}, "text": None, "fragment": LOOK},
    "attention-dark": {
        "viewport": {"width": 1440, "height": 1900},
        "color_scheme": "dark",
        "text": None,
        "fragment": LOOK,
    },
    "attention-phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "text": None,
        "fragment": LOOK,
    },
    "attention-off-light": {
        "viewport": {"width": 1440, "height": 1240},
        "text": None,
        "fragment": LOOK,
        "off": True,
    },
    "status-light": {"viewport": {"width": 1440, "height": 1200}, "then": "#page=status"},
    "status-dark": {"viewport": {"width": 1440, "height": 1200}, "color_scheme": "dark", "then": "#page=status"},
    "status-phone": {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "then": "#page=status"},
}


def take(
    browser,
    server: Server,
    name: str,
    folder: Path,
    *,
    text: str | None = SLANG,
    example: int | None = None,
    fragment: str = "",
    then: str = "",
    off: bool = False,
    **options,
) -> None:
    context = new_context(browser, server.url, **options)
    visitor = Visitor(context, server.url, fragment)
    visitor.page.set_default_timeout(60_000)
    if text is not None:
        for _ in range(2):  # the second time warm
            if example is None:
                visitor.type(text)
            else:
                visitor.tab.locator("[data-act=example]").nth(example).click()
            if "\n" in text:
                visitor.tab.locator("[data-act=lines]").check()
            visitor.press_run()
            visitor.settle()
    if fragment == TOKENS:
        visitor.page.wait_for_selector("#pg-tok-grid [role=gridcell]")
        visitor.page.wait_for_timeout(2000)
    if fragment == LOOK:
        visitor.page.wait_for_selector("#pg-att-head[data-drawn]")
        visitor.page.wait_for_timeout(2000)
    if off:  # the head that matters most, and the worth of all of them
        visitor.page.locator("#pg-att-ablate").scroll_into_view_if_needed()
        visitor.page.click("[data-act=abl-grid]")
        visitor.page.wait_for_function("document.getElementById('pg-abl-grid-summary').textContent")
        visitor.page.click("#pg-abl-grid [data-act=abl-cell] >> nth=16")
        visitor.page.wait_for_timeout(1500)
    if then:
        visitor.page.evaluate("there => { location.hash = there }", then)
        visitor.page.wait_for_timeout(3000)
    visitor.page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    if off:
        visitor.page.evaluate("document.querySelector('.pg-att-panel-ablate').scrollIntoView()")
    visitor.page.wait_for_timeout(600)
    visitor.page.screenshot(path=folder / f"{name}.png")
    context.close()


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "assets" / "images"
    only = sys.argv[2:]  # names; none: all
    app = App()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            for name, options in PICTURES.items():
                if only and name not in only:
                    continue
                take(browser, app, name, folder, **options)
            browser.close()
    finally:
        app.close()


if __name__ == "__main__":
    main()
