"""Milliseconds from a click to what it shows on the attention page, in a real Chromium, over the bundled encoder of 6 layers of 12
heads and one sentence: one head switched off (its wait for further changes included), and the whole grid of heads.

    python -m tests.benchmarks.ablation [--runs 10] [--model bundled/sentiment-general]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import urllib.request
from contextlib import suppress
from urllib.parse import quote

from playwright.sync_api import sync_playwright

from tests.benchmarks.startup import free_port
from tests.e2e.conftest import ARGUMENTS, CHROMIUM, ROOT

TEXT = "The film was not good, and I would not watch it again."
# From the click until the element is no longer busy, or begins with `end`, and has been drawn.
CLICK = """([button, place, end]) => new Promise((resolve) => {
  const element = document.querySelector(place);
  const began = performance.now();
  let asked = false;
  const watcher = new MutationObserver(() => {
    const busy = element.hasAttribute("aria-busy");
    asked ||= busy;
    if (end ? !element.textContent.startsWith(end) : !asked || busy) return;
    watcher.disconnect();
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - began)));
  });
  watcher.observe(element, { subtree: true, childList: true, characterData: true, attributes: true });
  document.querySelector(button).click();
})"""


def measure(model: str, runs: int) -> tuple[list[float], list[float]]:
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    environment = {**os.environ, "GRADIO_SERVER_PORT": str(port), "PLAYGROUND_WARM_UP": "false"}
    server = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            page = browser.new_page(viewport={"width": 1440, "height": 940})
            while True:
                with suppress(OSError), urllib.request.urlopen(url, timeout=5):
                    break
                page.wait_for_timeout(100)
            page.goto(f"{url}#page=attention&model={quote(model)}&text={quote(TEXT)}")
            page.wait_for_function("window.playground?.look?.map", timeout=60_000)
            page.evaluate("document.getElementById('pg-att-ablate').scrollIntoView()")
            page.wait_for_selector("#pg-abl-answer .pg-abl-verdict")
            heads = page.evaluate("playground.look.part(playground.look.head.part)")
            count = heads["layers"] * heads["heads"]
            one, grid = [], []
            for run in range(runs):
                button = (
                    f"[data-act=abl-head][data-layer='{run % heads['layers']}'][data-head='{run % heads['heads']}']"
                )
                one.append(page.evaluate(CLICK, [button, "#pg-abl-answer", ""]))
                page.evaluate("document.getElementById('pg-abl-grid-progress').textContent = ''")
                grid.append(page.evaluate(CLICK, ["#pg-abl-grid-start", "#pg-abl-grid-progress", f"{count} of"]))
                page.wait_for_selector("#pg-abl-grid-start:enabled")
            browser.close()
            return one, grid
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=10)
    options.add_argument("--model", default="bundled/sentiment-general")
    chosen = options.parse_args()
    for name, found in zip(("one head", "the grid"), measure(chosen.model, chosen.runs), strict=True):
        print(f"{name}: median {statistics.median(found):.0f} ms, slowest {max(found):.0f} ms, of {len(found)}")


if __name__ == "__main__":
    main()
