"""The Status tab in Chromium, over a runtime with models in memory: looked at, pinned, unloaded, refused, refreshed."""

import sys
import time
import urllib.request

import pytest

from tests.e2e.conftest import Server, Visitor, free_port, new_context
from tests.e2e.layout import CONTRAST

pytestmark = pytest.mark.e2e
TOKEN = "a-token-that-nobody-guesses"
ENTRY = "a[data-page=status]"
ROW = "#pg-tab-status tr[data-key='{}']"


class Memory(Server):
    def __init__(self, *options: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.start([sys.executable, "-m", "tests.fakes.memory", str(self.port), *options], {})

    def become(self, how: str) -> None:
        with urllib.request.urlopen(f"{self.url}fake/{how}", timeout=5) as reply:
            reply.read()


class Looker(Visitor):
    """A visitor who comes for the Status tab. `asked`: how often the page asked for it."""

    START, READY = "#page=status", "#pg-tab-status[data-shown] .pg-figure"

    @property
    def asked(self) -> int:
        return len(self.questions("status"))

    def wait_asked(self, times: int) -> None:
        deadline = time.monotonic() + 20
        while self.asked < times and time.monotonic() < deadline:
            self.page.wait_for_timeout(50)  # requests pass through this thread: it must not sleep
        assert self.asked >= times

    def row(self, key: str):
        return self.page.locator(ROW.format(key))

    def toast(self) -> str:
        self.page.wait_for_selector(".pg-toast[data-shown]")
        return self.page.locator(".pg-toast").inner_text()

    @property
    def focused(self) -> str:
        return self.page.evaluate("document.activeElement.dataset.key || document.activeElement.dataset.part || ''")


@pytest.fixture(scope="module")
def loopback():
    server = Memory()
    yield server
    server.close()


@pytest.fixture
def memory(loopback):
    loopback.become("new")
    return loopback


@pytest.fixture(scope="module")
def publicly():
    server = Memory("--public", "--token", TOKEN)
    yield server
    server.close()


@pytest.fixture
def public(publicly):
    publicly.become("new")
    return publicly


@pytest.fixture
def look(browser):
    lookers: list[Looker] = []

    def start(server: Server, fragment: str = "", **options) -> Looker:
        lookers.append(Looker(new_context(browser, server.url, **options), server.url, fragment))
        return lookers[-1]

    yield start
    for looker in lookers:
        looker.context.close()
    assert not [problem for looker in lookers for problem in looker.problems]


def test_it_is_reached_by_the_sidebar_and_left_by_back(memory, look):
    looker = look(memory)
    page = looker.page
    assert page.locator(ENTRY).get_attribute("aria-current") == "page"
    page.click("[data-task=sentiment]")
    page.wait_for_selector("#pg-tab-sentiment[data-shown]")
    assert not page.locator("#pg-tab-status").is_visible()
    page.click(ENTRY)
    page.wait_for_selector("#pg-tab-status[data-shown]")
    assert page.url.endswith("#page=status")
    page.go_back()
    page.wait_for_selector("#pg-tab-sentiment[data-shown]")
    page.go_forward()
    page.wait_for_selector("#pg-tab-status[data-shown]")
    page.keyboard.press("Control+Enter")  # runs nothing from here
    page.wait_for_timeout(500)
    assert page.url.endswith("#page=status")
    assert page.locator(".pg-tab[data-running]").count() == 0


def test_pin_and_unload_with_the_keyboard(memory, look):
    looker = look(memory)
    scratch = looker.row("scratch")
    assert "next to go" in scratch.inner_text()
    scratch.locator("[data-act=pin]").focus()
    looker.page.keyboard.press("Enter")
    assert looker.toast() == "Pinned: it stays in memory."
    looker.page.wait_for_selector(ROW.format("scratch") + " [data-pinned]")
    assert looker.focused == "pin scratch"
    assert "next to go" in looker.row("general").inner_text()
    unload = scratch.locator("[data-act=unload]")
    assert unload.get_attribute("aria-disabled") == "true"
    unload.focus()
    looker.page.keyboard.press("Enter")
    looker.page.wait_for_function("document.querySelector('.pg-toast').textContent.includes('unpin it first')")
    scratch.locator("[data-act=pin]").press("Enter")
    looker.page.wait_for_selector(ROW.format("scratch") + " [data-act=unload]:not([aria-disabled])")
    unload.press("Enter")
    scratch.wait_for(state="detached")
    assert looker.focused == "models"  # the button is gone: its part has the focus, and not the page's beginning
    assert "bundled/sentiment-scratch" in looker.page.locator("[data-part=events] li").first.inner_text()


def test_unload_all_idle(memory, look):
    looker = look(memory)
    looker.page.click("[data-act=unload-idle]")
    assert looker.toast() == "4 models were unloaded."
    looker.page.wait_for_function("document.querySelectorAll('#pg-tab-status tbody tr').length === 1")
    assert looker.focused == "unload-idle"


def test_what_is_in_use_stays(memory, look):
    looker = look(memory)
    memory.become("busy")
    looker.page.wait_for_function(
        "document.querySelector(\"tr[data-key='scratch']\").innerText.includes('in use by 2')"
    )
    looker.row("scratch").locator("[data-act=unload]").click(force=True)
    assert looker.toast() == "It is in use: wait until its requests have ended."
    assert looker.row("scratch").count() == 1


def test_a_refresh_keeps_focus_and_nodes(memory, look):
    looker = look(memory)
    looker.row("scratch").locator("[data-act=unload]").focus()
    looker.page.evaluate("window.before = document.activeElement")
    memory.become("idle")
    looker.page.wait_for_function("!document.querySelector(\"tr[data-key='distilbert']\")")
    assert looker.page.evaluate("document.activeElement === window.before")
    assert "the server is idle" in looker.page.locator("[data-part=queue]").inner_text()


def test_it_asks_only_while_somebody_looks(memory, look):
    looker = look(memory)
    looker.wait_asked(2)
    looker.page.click("[data-task=sentiment]")
    looker.page.wait_for_selector("#pg-tab-sentiment[data-shown]")
    before = looker.asked
    looker.page.wait_for_timeout(3000)
    assert looker.asked == before
    looker.page.click(ENTRY)
    looker.wait_asked(before + 1)
    hidden = """Object.defineProperty(document, 'visibilityState', {value: '%s', configurable: true});
        document.dispatchEvent(new Event('visibilitychange'))"""
    looker.page.evaluate(hidden % "hidden")
    looker.page.wait_for_timeout(300)
    before = looker.asked
    looker.page.wait_for_timeout(3000)
    assert looker.asked == before
    looker.page.evaluate(hidden % "visible")
    looker.wait_asked(before + 1)


def test_a_server_that_is_gone_leaves_what_it_said_last(memory, look):
    looker = look(memory)
    looker.page.route("**/playground/ask", lambda route: route.abort())
    looker.page.wait_for_selector("#pg-tab-status[data-old]")
    said = looker.page.locator(".pg-as-of").inner_text()
    assert said.startswith("as of ")
    assert looker.row("scratch").is_visible()
    looker.page.unroute("**/playground/ask")
    looker.page.wait_for_selector("#pg-tab-status:not([data-old])")
    assert looker.page.locator(".pg-as-of").inner_text() == ""
    looker.problems[:] = [problem for problem in looker.problems if "ERR_FAILED" not in problem]


def test_a_visitor_of_a_public_server_looks_and_cannot_touch(public, look):
    looker = look(public)
    assert looker.page.locator("#pg-tab-status tbody tr").count() == 5
    assert looker.page.locator("#pg-tab-status button:visible").count() == 0
    reply = looker.page.evaluate("playground.ask('unload_idle', {})")
    assert "owner may do that" in reply["error"]
    assert looker.page.locator("#pg-tab-status tbody tr").count() == 5


def test_the_owners_link_makes_the_owner_and_leaves_no_trace(public, look):
    looker = look(public, f"#page=status&owner={TOKEN}")
    assert looker.page.url.endswith("#page=status")
    looker.page.wait_for_selector("#pg-tab-status [data-act=unload]")
    looker.row("scratch").locator("[data-act=unload]").click()
    looker.row("scratch").wait_for(state="detached")
    kept = looker.page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, location.href, document.body.innerHTML])"
    )
    assert TOKEN not in kept
    looker.page.reload()
    looker.page.wait_for_selector("#pg-tab-status[data-shown] .pg-figure")
    assert looker.page.locator("#pg-tab-status button:visible").count() == 0  # it was in memory alone


def test_a_wrong_link_is_a_visitors(public, look):
    looker = look(public, "#page=status&owner=wrong")
    assert looker.page.url.endswith("#page=status")
    assert looker.page.locator("#pg-tab-status button:visible").count() == 0


@pytest.mark.parametrize("width", [1440, 1280, 1100, 900, 390])
def test_nothing_overflows(memory, look, width):
    looker = look(memory, viewport={"width": width, "height": 900})
    assert looker.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    cut = """() => [...document.querySelectorAll('#pg-tab-status .pg-scroll, #pg-tab-status .pg-panel, #pg-tab-status td')]
        .filter(box => box.scrollWidth > box.clientWidth + 1).map(box => box.className + ' ' + box.innerText.slice(0, 40))"""
    assert looker.page.evaluate(cut) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_aa(memory, look, scheme):
    looker = look(memory, color_scheme=scheme)
    assert looker.page.evaluate(CONTRAST) == []


def test_everything_has_a_name(memory, look):
    looker = look(memory)
    nameless = """() => [...document.querySelectorAll('#pg-tab-status button, #pg-tab-status [role=img]')].filter(e =>
      !(e.getAttribute('aria-label') || e.innerText)).map(e => e.outerHTML)"""
    assert looker.page.evaluate(nameless) == []
    assert looker.page.get_by_role("row", name="bundled/sentiment-scratch").count() == 1
    assert looker.page.get_by_role("button", name="Pin bundled/sentiment-scratch").count() == 1


def test_the_projector_can_be_left(memory, look):
    looker = look(memory, "#page=status&projector=1")
    looker.page.locator("#pg-tab-status").get_by_role("button", name="Leave projector").click()
    looker.page.wait_for_selector(".pg-side:visible")
    assert looker.page.url.endswith("#page=status")
