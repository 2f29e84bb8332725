"""Seconds from the click on the 100 kB example to its tokens on screen in eight tokenizers, in a real Chromium.

    python -m tests.benchmarks.tokens [--runs 5]

The page's own clock: from the click's time stamp to the first frame after the grid holds cells of every row of the new text; the
server and its page are new for every run, because readings are kept, but their tokenizers are open. The server's answer is printed
too: the rest is the page's. Then the frames while the grid is scrolled, as a wheel does and from its top to its end in a hundred
steps.
"""

from __future__ import annotations

import argparse
import statistics
from urllib.parse import urlencode

from playwright.sync_api import Browser, sync_playwright

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
  const chip = document.querySelector("#pg-tokens-ruler [data-long]");
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
          const asked = performance.getEntriesByType("resource").filter((entry) => entry.name.endsWith("/ask"))
            .reduce((one, other) => (other.encodedBodySize > one.encodedBodySize ? other : one)); // the reading's
          const server = asked.responseEnd - asked.startTime;
          resolve({ all: performance.now() - began, server, bytes: asked.encodedBodySize, rows: rows.length });
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
SCROLL = """async (pixels) => {
  const grid = document.getElementById("pg-tok-grid");
  const frames = [];
  let last = performance.now();
  for (let step = 1; step <= 100; step++) {
    grid.scrollTop = step * (pixels || (grid.scrollHeight - grid.clientHeight) / 100);
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    frames.push(now - last);
    last = now;
  }
  frames.sort((one, other) => one - other);
  const cells = grid.querySelectorAll(".pg-tok-cell").length;
  return { median: frames[50], worst: frames[99], cells, rows: grid.getAttribute("aria-rowcount") };
}"""


def once(browser: Browser, *, scroll: bool) -> dict[str, float]:
    """One click in a new page of a new server."""
    port = free_port()
    server = started(port, 0.001)
    try:
        page = browser.new_page(viewport={"width": 1440, "height": 940})
        page.add_init_script("localStorage.setItem('four-tiers.welcome', 'seen')")
        page.goto(f"http://127.0.0.1:{port}/#" + urlencode({"page": "tokens", "rows": ",".join(ROWS)}))
        page.wait_for_selector("#pg-tok-grid .pg-tok-cell")
        page.wait_for_timeout(3000)  # fonts, the rest of the scripts, and what the server opens ahead
        seen = page.evaluate(CLICK)
        print(
            f"{seen['all']:6.0f} ms, of which the server {seen['server']:5.0f} ms, "
            f"{seen['bytes'] / 1e6:.2f} MB, {seen['rows']} rows",
            flush=True,
        )
        if scroll:
            page.wait_for_timeout(2000)  # the other panels' answers
            for pixels, how in ((60, "60 pixels a frame"), (0, "a hundredth of it a frame, all lines new in each")):
                scrolled = page.evaluate(SCROLL, pixels)
                print(
                    f"scrolled through {scrolled['rows']} grid rows, {how}: "
                    f"frame median {scrolled['median']:.1f} ms, worst {scrolled['worst']:.1f} ms; "
                    f"{scrolled['cells']} cells in the page"
                )
        page.close()
        return seen
    finally:
        server.terminate()
        server.wait(timeout=20)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--runs", type=int, default=5)
    runs = options.parse_args().runs
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        seen = [once(browser, scroll=run == runs - 1) for run in range(runs)]
        browser.close()
    took, server = [one["all"] for one in seen], [one["server"] for one in seen]
    print(
        f"click to cells, n {runs}: median {statistics.median(took):.0f} ms, most {max(took):.0f} ms; "
        f"server median {statistics.median(server):.0f} ms"
    )


if __name__ == "__main__":
    main()
