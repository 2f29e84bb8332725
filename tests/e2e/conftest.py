"""A real server over fake tiers, a real Chromium, and no other host: a foreign request or a console error fails the test."""

from __future__ import annotations

import csv
import io
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import pytest

pytest.importorskip("playwright", reason="playwright is not installed: pip install -r tests/requirements.txt")

from playwright.sync_api import BrowserContext, Page, Request, sync_playwright

pytest.register_assert_rewrite("tests.e2e.layout")  # or its assertions would not say what they saw

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """The page in a process of its own. `told` is what the fake behind it has to say."""

    def __init__(self, *options: str, path: str = "/") -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}{path}"
        self.start([sys.executable, "-m", "tests.fakes.service", str(self.port), *options], {})

    def start(self, command: list[str], environment: dict[str, str | None]) -> None:
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={name: value for name, value in {**os.environ, **environment}.items() if value is not None},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 240  # it is 3 s on an idle machine; this one may be busy with other work
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                pytest.fail(f"the page did not come up: {command}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.url, timeout=5) as reply:
                return reply.status == 200
        except OSError:
            return False

    @property
    def told(self) -> dict:
        with urllib.request.urlopen(self.url + "fake", timeout=5) as reply:
            return json.load(reply)

    @property
    def running(self) -> int:
        return sum(tier["running"] for tier in self.told["tiers"].values())

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


@pytest.fixture(scope="session")
def server():
    server = Server("--lines", "40", "--toy", "--url", "http://192.168.1.20:7860/")
    yield server
    server.close()


@pytest.fixture(scope="module")
def browser():
    """A module's, and not the session's: Playwright keeps this thread's event loop for as long as it lives."""
    if not Path(CHROMIUM).exists():
        pytest.fail(f"there is no Chromium at {CHROMIUM}: install it or set CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Visitor:
    """One page, and what a visitor does with it. `tab` is the tab that is shown; `sent`: the page's questions, in their order.

    START, READY: where such a visitor begins, and what is there once the page is.
    """

    START, READY = "", ".pg-tab[data-shown] textarea"

    def __init__(self, context: BrowserContext, url: str, fragment: str = "") -> None:
        self.problems: list[str] = []
        self.sent: list[dict] = []
        self.url = url
        self.context = context
        self.page = self.open(fragment)

    def open(self, fragment: str = "") -> Page:
        page = self.watched()
        page.goto(self.url + (fragment or self.START))
        page.wait_for_selector(self.READY)
        return page

    def watched(self) -> Page:
        """A new page, whose faults and questions are heard."""
        page = self.context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda message: self.problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", self._heard)
        return page

    def _heard(self, request: Request) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.problems.append(f"asked another host: {request.url}")
        if request.url.endswith("/ask"):
            self.sent.append(request.post_data_json)

    def questions(self, name: str) -> list[dict]:
        return [one for one in self.sent if one["do"] == name]

    @property
    def tab(self):
        return self.page.locator(".pg-tab[data-shown]")

    # -- what is on screen

    def card(self, tier: str):
        return self.tab.locator(f".pg-card[data-tier={tier}]")

    def headline(self, tier: str) -> str:
        return self.card(tier).locator(".pg-headline").inner_text()

    def headlines(self) -> dict[str, str]:
        return {tier: self.headline(tier) for tier in ("hosted", "pretrained", "finetuned", "scratch")}

    def bars(self, tier: str) -> list[str]:
        """The labels whose bars can be seen."""
        shown = self.card(tier).locator(".pg-bar:visible .pg-bar-label")
        return [" ".join(text.split()).lstrip("✓✗○ ") for text in shown.all_inner_texts()]

    @property
    def error(self) -> str:
        return self.tab.locator(".pg-console > .pg-input-error").inner_text()

    # -- what is done

    def type(self, text: str) -> None:
        self.page.fill(".pg-tab[data-shown] textarea", text)

    def fill(self, field: str, value: str) -> None:
        """Another field than the text itself: `context`, `labels` …"""
        self.tab.locator(f"[data-field={field}] textarea").fill(value)

    def press_run(self) -> None:
        self.page.press(".pg-tab[data-shown] textarea", "Control+Enter")

    def wait_card(self, tier: str, phase: str) -> None:
        self.page.wait_for_selector(f".pg-tab[data-shown] .pg-card[data-tier={tier}][data-phase={phase}]")

    def wait_begun(self) -> None:
        """Until the run is on the cards: what an earlier one left there is gone."""
        self.page.wait_for_selector(".pg-tab[data-shown] .pg-card[data-tier=scratch][aria-busy=true]")

    def open_task(self, title: str, name: str) -> None:
        self.page.click(f"text={title}")
        self.page.wait_for_selector(f"#pg-tab-{name}[data-shown]")

    def settle(self) -> None:
        self.page.wait_for_selector(".pg-tab[data-shown]:not([data-running])")

    def run(self, text: str) -> None:
        self.type(text)
        self.press_run()
        self.settle()

    def run_example(self, title: str) -> None:
        self.page.click(f"text={title}")
        self.press_run()
        self.settle()

    def run_lines(self, text: str) -> None:
        """Each line is an input of its own, and the answers are a table."""
        self.type(text)
        self.tab.locator("[data-act=lines]").check()
        self.press_run()
        self.settle()

    def download(self, selector: str) -> tuple[str, bytes]:
        with self.page.expect_download() as waiting:
            self.page.click(selector)
        return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()

    def download_table(self) -> list[dict[str, str]]:
        _, content = self.download(".pg-tab[data-shown] [data-act=table-csv]")
        return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))

    def copy_link(self) -> SplitResult:
        self.tab.get_by_text("Copy link").click()
        self.page.wait_for_selector(".pg-toast[data-shown]")
        return urlsplit(self.page.evaluate("navigator.clipboard.readText()"))


def new_context(browser, url: str, *, seen: bool = True, **options) -> BrowserContext:
    context = browser.new_context(**{"viewport": {"width": 1440, "height": 940}, **options})
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url.rstrip("/"))
    if seen:
        remember = "localStorage.setItem('four-tiers.welcome', 'seen')"
        context.add_init_script(f"if (window.origin !== 'null') {remember}")  # a sandboxed frame has no storage
    context.route(lambda address: not address.startswith((url, "data:", "blob:")), lambda route: route.abort())
    return context


@pytest.fixture(scope="module")
def usual(server, browser):
    """The context of most visits: its cache makes their pages open fast."""
    context = new_context(browser, server.url)
    yield context
    context.close()


@pytest.fixture
def visit(server, browser, usual):
    """`visit(**options)` opens the page; afterwards nobody has asked another host, and no console has complained."""
    visitors: list[Visitor] = []

    def start(url: str = "", fragment: str = "", **options) -> Visitor:
        url = url or server.url
        context = new_context(browser, url, **options) if options or url != server.url else usual
        visitors.append(Visitor(context, url, fragment))
        return visitors[-1]

    yield start
    for visitor in visitors:
        for page in visitor.context.pages:
            page.close()
        if visitor.context is not usual:
            visitor.context.close()
    assert not [problem for visitor in visitors for problem in visitor.problems]
