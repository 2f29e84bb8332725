"""Seconds from the click on the 100 kB example to its tokens on screen in eight tokenizers, in a real Chromium.

    python -m tests.benchmarks.tokens [--runs 5]

The page's own clock: from the click's time stamp to the first frame after the grid holds cells of every row of the new text. Then
the longest frame while the grid is scrolled from its top to its end in a hundred steps. Where it goes is printed too: the server's
answer, and what the page makes of it.
"""

from __future__ import annotations

import argparse
import statistics
from urllib.parse import urlencode

from playwright.sync_api import Page, sync_playwright

from tests.benchmarks.page import started
from tests.benchmarks.startup import free_port
from tests.e2e.conftest import ARGUMENTS, CHROMIUM

ROWS = (
    "openai/o200k_base",
    "openai/cl100k_base",
    "sentence-transformers/all-MiniLM-L6-v2",
    "bundled/generation-general",
    "bundled/sentiment-scratch",
    "split/characters",
    "split/words",
    "split/sentences",
)
CLICK = """() => {
  const chip = document.querySelector("[data-long]");
  const grid = document.getElementById("pg-tok-grid");
  const before = grid.getAttribute("aria-rowcount");
  return new Promise((resolve) => {
    let began = 0;
    const look = () => {
      const rows = [...grid.querySelectorAll(".pg-tok-line:first-child [role=row]")];
      if (grid.getAttribute("aria-rowcount") === before || !rows.length) return;
      if (!rows.every((row) => row.querySelector(".pg-tok-cell"))) return;
      watcher.disconnect();
      requestAnimationFrame(() => { // after this frame has been drawn
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => {
          const [asked] = performance.getEntriesByType("resource").filter((entry) => entry.name.endsWith("/ask")).slice(-1);
          resolve({ all: performance.now() - began, server: asked.responseEnd - asked.startTime, bytes: asked.encodedBodySize, rows: rows.length });
        };
        port2.postMessage(0);
      });
    };
    const watcher = new MutationObserver(look);
    watcher.observe(grid, { subtree: true, childList: true, attributes: true });
    document.addEventListener("click", (event) => { began = event.timeStamp; }, { capture: true, once: true });
    chip.click();
  });
}"""
SCROLL = """async () => {
  const grid = document.getElementById("pg-tok-grid");
  const frames = [];
  let last = performance.now();
  for (let step = 1; step <= 100; step++) {
    grid.scrollTop = (step / 100) * (grid.scrollHeight - grid.clientHeight);
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    frames.push(now - last);
    last = now;
  }
  frames.sort((one, other) => one - other);
  return { median: frames[50], worst: frames[99], cells: grid.querySelectorAll(".pg-tok-cell").length, rows: grid.getAttribute("aria-rowcount") };
}"""


def measure(page: Page, runs: int) -> None:
    took, server = [], []
    for run in range(runs + 1):
        page.get_by_role("button", name="English", exact=True).click()
        page.wait_for_function("Number(document.getElementById('pg-tok-grid').getAttribute('aria-rowcount')) < 40")
        page.wait_for_timeout(200)
        seen = page.evaluate(CLICK)
        if run:  # the first one opens the tokenizers
            took.append(seen["all"])
            server.append(seen["server"])
        print(
            f"{'first ' if not run else ''}{seen['all']:6.0f} ms, of which the server {seen['server']:5.0f} ms, "
            f"{seen['bytes'] / 1e6:.2f} MB, {seen['rows']} rows",
            flush=True,
        )
    print(
        f"click to cells, n {runs}: median {statistics.median(took):.0f} ms, most {max(took):.0f} ms; "
        f"server median {statistics.median(server):.0f} ms"
    )
    scrolled = page.evaluate(SCROLL)
    print(
        f"scrolled through {scrolled['rows']} grid rows: frame median {scrolled['median']:.1f} ms, worst {scrolled['worst']:.1f} ms; "
        f"{scrolled['cells']} cells in the page"
    )


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--runs", type=int, default=5)
    runs = options.parse_args().runs
    port = free_port()
    server = started(port, 0.001)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            page = browser.new_page(viewport={"width": 1440, "height": 940})
            page.add_init_script("localStorage.setItem('four-tiers.welcome', 'seen')")
            page.goto(f"http://127.0.0.1:{port}/#" + urlencode({"page": "tokens", "rows": ",".join(ROWS)}))
            page.wait_for_selector("#pg-tok-grid .pg-tok-cell")
            page.wait_for_timeout(1000)  # fonts and the rest of the scripts
            measure(page, runs)
            browser.close()
    finally:
        server.terminate()
        server.wait(timeout=20)


if __name__ == "__main__":
    main()
