"""Milliseconds from the key press to the four answers on screen, in a real Chromium, over fake tiers that take a millisecond.

    python -m tests.benchmarks.click [--runs 30] [--delay 0.001] [--root OTHER_CHECKOUT]

The page's own clock: from the keydown's time stamp to the first frame after all four cards are done. `--root` measures another
checkout's page with the same browser, so that two versions can be compared in turns.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.benchmarks.page import ROOT, started
from tests.benchmarks.startup import free_port
from tests.e2e.conftest import ARGUMENTS, CHROMIUM

WATCH = """() => {
  const tab = document.querySelector(".pg-tab[data-shown]");
  const phases = () => [...tab.querySelectorAll(".pg-card")].map((card) => card.dataset.phase);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    const began = event.timeStamp;
    let waited = false;
    window.took = new Promise((resolve) => {
      const look = () => {
        const now = phases();
        waited ||= now.includes("waiting") || tab.hasAttribute("data-running");
        if (!waited || now.some((phase) => phase !== "done") || tab.hasAttribute("data-running")) return;
        watcher.disconnect();
        requestAnimationFrame(() => { // after this frame has been drawn
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => resolve(performance.now() - began);
          port2.postMessage(0);
        });
      };
      const watcher = new MutationObserver(look);
      watcher.observe(tab, { subtree: true, childList: true, attributes: true, characterData: true });
    });
  }, true);
}"""


def measure(root: Path, runs: int, delay: float) -> list[float]:
    port = free_port()
    server = started(port, delay, root)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            page = browser.new_page(viewport={"width": 1440, "height": 940})
            page.add_init_script("localStorage.setItem('four-tiers.welcome', 'seen')")
            page.goto(f"http://127.0.0.1:{port}/")
            page.wait_for_selector(".pg-tab[data-shown] textarea")
            page.wait_for_timeout(1000)  # fonts and the rest of the scripts
            page.evaluate(WATCH)
            found = []
            for run in range(runs + 3):
                page.fill(".pg-tab[data-shown] textarea", f"a great film, number {run}")
                page.wait_for_timeout(100)
                page.press(".pg-tab[data-shown] textarea", "Control+Enter")
                found.append(page.evaluate("window.took"))
            browser.close()
            return found[3:]  # the first ones compile scripts
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=30)
    options.add_argument("--delay", type=float, default=0.001)
    options.add_argument("--root", type=Path, default=ROOT)
    chosen = options.parse_args()
    found = sorted(measure(chosen.root.resolve(), chosen.runs, chosen.delay))
    cuts = statistics.quantiles(found, n=20)
    print(
        f"n {len(found)}  min {found[0]:.0f} ms  p50 {cuts[9]:.0f} ms  p95 {cuts[18]:.0f} ms  max {found[-1]:.0f} ms  "
        f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )


if __name__ == "__main__":
    main()
