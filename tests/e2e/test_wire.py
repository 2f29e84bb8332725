"""When the line between page and server fails: a sentence, the text kept, no card that waits for ever, and the next Run works."""

import re
import select
import socket
import sys
import threading
import time
from contextlib import suppress

import pytest

from tests.e2e.conftest import Server, free_port

pytestmark = pytest.mark.e2e
GONE = "The server does not answer: look whether it still runs, then try again."
BROKEN = "The connection broke before all answers were here: try again."
LOST = re.compile(
    r"Failed to load resource: net::ERR_|net::ERR_|Failed to fetch|BodyStreamBuffer|network error", re.IGNORECASE
)


def only_lost_connections(visitor):
    """Chromium itself complains of a connection that was lost; of nothing else."""
    problems = [problem for problem in visitor.problems if not LOST.search(problem)]
    visitor.problems.clear()
    return problems == []


def restart(server):
    server.start([sys.executable, "-m", "tests.fakes.service", str(server.port)], {})


@pytest.fixture
def own():
    server = Server()
    yield server
    server.close()


class Proxy:
    """Between page and server, so that a line can be cut while both live."""

    def __init__(self, port: int) -> None:
        self._target, self.port = port, free_port()
        self._lines: list[tuple[socket.socket, socket.socket]] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._start(self._accept)

    def _start(self, work, *about) -> None:
        self._threads.append(threading.Thread(target=work, args=about, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target))
            self._lines.append((near, far))
            self._start(self._carry, near, far)

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        with near, far, suppress(OSError):
            while True:
                for ready in select.select([near, far], [], [])[0]:
                    data = ready.recv(65536)
                    if not data:
                        return
                    (far if ready is near else near).sendall(data)

    def cut(self) -> None:
        for line in [line for pair in self._lines for line in pair]:
            with suppress(OSError):  # closed already
                line.shutdown(socket.SHUT_RDWR)
        self._lines.clear()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join(5)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(5)


def test_a_server_killed_in_the_middle_of_a_run_is_a_sentence_and_the_next_run_works(visit, own):
    visitor = visit(url=own.url)
    visitor.run("great")
    visitor.type("hang, great")
    visitor.press_run()
    visitor.wait_begun()
    visitor.wait_card("pretrained", "done")
    own.process.kill()
    own.process.wait()
    visitor.settle()
    assert visitor.error == BROKEN
    assert visitor.page.input_value(".pg-tab[data-shown] textarea") == "hang, great"
    assert visitor.headlines() == {
        "hosted": "stopped",
        "pretrained": "positive",
        "finetuned": "stopped",
        "scratch": "stopped",
    }
    assert "The connection broke before it answered." in visitor.card("scratch").inner_text()
    assert visitor.tab.locator("[aria-busy=true]").count() == 0
    visitor.type("great again")
    visitor.press_run()  # nobody is there
    visitor.tab.locator(".pg-input-error:not(:empty)").wait_for()
    assert visitor.error == GONE
    visitor.settle()
    assert visitor.page.input_value(".pg-tab[data-shown] textarea") == "great again"
    visitor.tab.locator("[data-act=snippet][data-tier=scratch]").click()
    visitor.page.wait_for_selector(".pg-toast[data-shown]")
    assert visitor.page.inner_text(".pg-toast") == GONE
    restart(own)
    visitor.page.evaluate("window.same = true")
    visitor.press_run()
    visitor.settle()
    assert visitor.error == ""
    assert set(visitor.headlines().values()) == {"positive"}
    assert visitor.tab.locator(".pg-open").count() == 1  # the old server's history went with it
    visitor.run("and great once more")
    assert visitor.tab.locator(".pg-open").count() == 2
    assert visitor.page.evaluate("window.same") is True  # the page was never loaded again
    assert only_lost_connections(visitor)


def test_a_line_that_is_cut_while_the_server_lives_ends_the_run_and_shows_how_it_stands(visit, own):
    proxy = Proxy(own.port)
    try:
        visitor = visit(url=f"http://127.0.0.1:{proxy.port}/")
        visitor.run("great")
        visitor.type("hang, great")
        visitor.press_run()
        visitor.wait_begun()
        visitor.wait_card("pretrained", "done")
        proxy.cut()
        visitor.settle()
        assert visitor.error == BROKEN
        visitor.page.wait_for_selector(".pg-tab[data-shown] :not([aria-busy=true])")
        assert visitor.headline("pretrained") == "positive"
        assert visitor.headline("scratch") == "stopped"
        deadline = time.monotonic() + 20
        while own.running and time.monotonic() < deadline:
            time.sleep(0.05)
        assert own.running == 0
        visitor.run("great, loved it")
        assert set(visitor.headlines().values()) == {"positive"}
        assert visitor.error == ""
        assert only_lost_connections(visitor)
    finally:
        proxy.close()


def test_a_table_that_breaks_off_keeps_its_rows(visit, own):
    visitor = visit(url=own.url)
    visitor.type("great\nhang\nawful")
    visitor.tab.locator("[data-act=lines]").check()
    visitor.press_run()
    visitor.tab.locator(".pg-table tbody tr").nth(1).wait_for()
    own.process.kill()
    own.process.wait()
    visitor.settle()
    assert visitor.error == BROKEN
    assert visitor.tab.locator(".pg-table tbody tr").count() >= 2
    assert only_lost_connections(visitor)
    restart(own)


def test_a_slow_line_shows_the_same_answers_later(visit):
    visitor = visit()
    visitor.run("awful, bad, dull, gone")
    devtools = visitor.page.context.new_cdp_session(visitor.page)
    slow = {"offline": False, "latency": 300, "downloadThroughput": 20_000, "uploadThroughput": 20_000}
    devtools.send("Network.emulateNetworkConditions", slow)
    visitor.run("slow but great")
    assert set(visitor.headlines().values()) == {"positive"}
    assert visitor.tab.locator(".pg-open").count() == 2


def test_offline_is_said_at_once(visit):
    visitor = visit(viewport={"width": 1300, "height": 900})  # a context of its own
    visitor.run("great")
    visitor.context.set_offline(True)
    visitor.type("great again")
    visitor.press_run()
    visitor.tab.locator(".pg-input-error:not(:empty)").wait_for()
    assert visitor.error == GONE
    visitor.context.set_offline(False)
    visitor.press_run()
    visitor.settle()
    assert visitor.error == ""
    assert visitor.tab.locator(".pg-open").count() == 2
    assert only_lost_connections(visitor)


def test_who_leaves_for_another_task_while_the_page_mounts_gets_there(visit):
    """A console that is mounted late does not take the visitor back to where the link led."""
    visitor = visit(fragment="#task=sentiment&text=great")
    visitor.page.evaluate("""() => {
        const late = playground.consoles.get("weather");
        playground.consoles.delete("weather");
        location.hash = "task=weather&text=rain";
        const mount = () => { playground.consoles.set("weather", late); playground.mounted(); };
        addEventListener("hashchange", mount, { once: true });
    }""")
    visitor.page.wait_for_selector("#pg-tab-weather[data-shown]")
    assert visitor.tab.locator("textarea").first.input_value() == "rain"
    visitor.page.evaluate("playground.mounted()")
    assert visitor.page.locator("#pg-tab-weather[data-shown]").count() == 1


def test_another_task_is_not_shown_while_the_first_one_still_mounts(visit):
    """What somebody types there would be left behind."""
    visitor = visit()
    shown = visitor.page.evaluate("""() => {
        const first = playground.consoles.get("sentiment");
        playground.consoles.delete("sentiment");
        for (const tab of document.querySelectorAll(".pg-tab")) tab.removeAttribute("data-shown");
        playground.mounted();
        const shown = [document.querySelectorAll(".pg-tab[data-shown]").length];
        playground.consoles.set("sentiment", first);
        playground.mounted();
        return [...shown, document.querySelector(".pg-tab[data-shown]").id];
    }""")
    assert shown == [0, "pg-tab-sentiment"]


def test_who_runs_while_cards_still_mount_sees_every_answer(visit):
    """Answers that come before their card wait for it."""
    visitor = visit()
    visitor.card("finetuned").wait_for()  # the input is there before the last card is, on a busy machine
    visitor.page.evaluate("""() => {
        const part = document.querySelector("#pg-tab-sentiment .pg-at-card-finetuned:not(.block)");
        window.late = [part, part.innerHTML];
        part.replaceChildren();
    }""")
    visitor.type("great")
    visitor.press_run()
    visitor.page.wait_for_timeout(400)  # by now the answers are here, on an idle machine
    visitor.page.evaluate("() => { const [part, idle] = window.late; part.innerHTML = idle; }")
    visitor.settle()
    assert set(visitor.headlines().values()) == {"positive"}


def test_two_tasks_of_one_page_run_at_once(visit, server):
    visitor = visit()
    visitor.type("hang, great")
    visitor.press_run()
    visitor.wait_card("pretrained", "done")
    visitor.open_task("Weather", "weather")
    visitor.run("great")
    assert set(visitor.headlines().values()) == {"sun"}
    visitor.open_task("Sentiment", "sentiment")
    assert visitor.card("scratch").get_attribute("aria-busy") == "true"
    visitor.tab.locator("[data-act=stop]").click()
    visitor.settle()
    assert server.running == 0


def test_a_page_that_comes_back_from_the_browsers_cache_is_right_again(visit, server):
    """Chromium keeps no page while it is driven: the page is told what a browser would tell it."""
    visitor = visit()
    before = server.told["keys"]
    visitor.page.evaluate("playground.ask('set_key', { key: 'sk-test-1' })")
    visitor.run("great")
    visitor.page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    deadline = time.monotonic() + 20
    while server.told["keys"] != before and time.monotonic() < deadline:
        visitor.page.wait_for_timeout(50)  # requests pass through this thread: it must not sleep
    assert server.told["keys"] == before  # whoever leaves is forgotten
    visitor.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    visitor.page.wait_for_selector(".pg-tab[data-shown] .pg-history", state="hidden")
    assert visitor.headline("scratch") == "positive"  # what was on screen is still true
    visitor.run("great again")
    assert visitor.tab.locator(".pg-open").all_text_contents() == ["great again"]


def test_a_page_whose_farewell_is_lost_is_closed_by_its_connection(visit, server):
    visitor = visit()
    before = server.told["keys"]
    visitor.page.evaluate("playground.ask('set_key', { key: 'sk-test-2' })")
    assert server.told["keys"] == before + 1
    visitor.page.evaluate("() => { window.fetch = () => Promise.reject(new TypeError('no farewell')); }")
    visitor.page.close()
    deadline = time.monotonic() + 20
    while server.told["keys"] != before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.told["keys"] == before


def test_the_history_stays_open_and_a_focused_control_stays_focused_while_cards_fill(visit):
    visitor = visit()
    visitor.run("great")
    visitor.tab.locator(".pg-history summary").click()
    visitor.card("finetuned").locator("select").focus()
    visitor.page.keyboard.press("Control+Enter")
    visitor.settle()
    assert visitor.page.evaluate("document.activeElement.dataset.pick") == "finetuned"
    assert visitor.tab.locator(".pg-history details").get_attribute("open") is not None
    assert visitor.tab.locator(".pg-open").count() == 2
    assert visitor.tab.locator(".pg-history .pg-count").inner_text() == "2"


def test_opening_an_older_run_ends_the_one_in_flight_and_is_no_broken_line(visit, server):
    visitor = visit()
    visitor.run("great")
    visitor.type("hang, awful")
    visitor.press_run()
    visitor.wait_begun()
    visitor.wait_card("pretrained", "done")
    visitor.tab.locator(".pg-history summary").click()
    visitor.tab.locator(".pg-open").click()
    visitor.page.wait_for_function("document.querySelector('.pg-tab[data-shown] textarea').value === 'great'")
    visitor.settle()
    assert set(visitor.headlines().values()) == {"positive"}
    assert visitor.error == ""
    assert server.running == 0
    assert visitor.tab.get_attribute("data-stale") is None
