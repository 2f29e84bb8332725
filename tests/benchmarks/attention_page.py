"""The attention page in a real Chromium over a model of 12 layers of 12 heads: how long until all heads, and another one, are seen.

    python -m tests.benchmarks.attention_page [--tokens 128] [--runs 10] [--layers 12] [--heads 12]

A BERT-sized checkpoint with random weights is made in a temporary folder and added to the catalog; queries and keys are widened, so
that heads differ and nothing of them compresses well. Every look is at another text. The page's own clock: from the click's time
stamp to the first frame after the pictures were drawn; from the choice of another head to the first frame with its heatmap. Bytes
are those of the look's reply. The first look, which loads the model, is printed by itself.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.benchmarks.load_model import SPECIALS, words
from tests.benchmarks.startup import free_port
from tests.e2e.conftest import ARGUMENTS, CHROMIUM

ROOT = Path(__file__).resolve().parent.parent.parent
NAME = "benchmark/random-bert"
KNOWN = 3000
WIDER = 3.0  # queries and keys: logits have a standard deviation near 3
AFTER_FRAME = """
  const painted = (began, done) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => done(performance.now() - began);
    port2.postMessage(0);
  });
"""
WATCH_LOOK = f"""() => {{ {AFTER_FRAME}
  const button = document.querySelector("[data-act=att-look]");
  window.took = new Promise((done) => {{
    button.addEventListener("click", ({{ timeStamp }}) => {{
      document.addEventListener("pg:look", () => painted(timeStamp, done), {{ once: true }}); // the panels hear of it before
    }}, {{ once: true, capture: true }});
  }});
}}"""
CHOOSE = f"""([layer, head]) => {{ {AFTER_FRAME}
  const place = document.getElementById("pg-att-head");
  return new Promise((done) => {{
    const began = performance.now();
    const watcher = new MutationObserver(() => {{
      const drawn = JSON.parse(place.dataset.drawn || "{{}}");
      if (drawn.layer !== layer || drawn.head !== head) return;
      watcher.disconnect();
      painted(began, done);
    }});
    watcher.observe(place, {{ attributes: true, attributeFilter: ["data-drawn"] }});
    playground.look.chooseHead({{ part: "encoder", layer, head }});
  }});
}}"""


def make(folder: Path, layers: int, heads: int) -> None:
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    torch.manual_seed(0)
    known = SPECIALS + words(KNOWN)
    plain = Tokenizer(models.WordPiece({word: at for at, word in enumerate(known)}, unk_token="[UNK]"))
    plain.normalizer = normalizers.BertNormalizer()
    plain.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    plain.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIALS, strict=True))
    PreTrainedTokenizerFast(tokenizer_object=plain, model_max_length=512, **names).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(known),
        num_hidden_layers=layers,
        num_attention_heads=heads,
        hidden_size=64 * heads,
        intermediate_size=256 * heads,
    )
    model = BertForSequenceClassification(config).eval()
    for layer in model.bert.encoder.layer:
        for widened in (layer.attention.self.query, layer.attention.self.key):
            widened.weight.data *= WIDER
    model.save_pretrained(folder)


def serve(port: int, folder: Path) -> None:
    from playground.catalog import Checkpoint
    from playground.compose import compose, quiet_network
    from playground.settings import Settings

    settings = Settings(port=port, host="127.0.0.1", warm_up=False)
    quiet_network(settings)
    from playground.serve import serve as serve_page
    from playground.ui import build

    service = compose(settings)
    service.catalog.add(
        Checkpoint(
            id=NAME,
            title="Random BERT",
            loader="pipeline-classifier",
            licence="CC0-1.0",
            provenance="this benchmark",
            folder=str(folder),
            size_mb=sum(file.stat().st_size for file in folder.iterdir()) / 1e6,
            max_length=512,
        )
    )
    serve_page(build(service), service)


def measure(page: Page, url: str, tokens: int, runs: int, layers: int, heads: int) -> None:
    rng, known = random.Random(1), words(KNOWN)
    replies: list[int] = []

    def heard(response) -> None:
        if response.url.endswith("/ask") and (response.request.post_data_json or {}).get("do") == "attention_look":
            replies.append(len(response.body()))

    page.goto(f"{url}#page=attention")
    page.wait_for_selector("#pg-att-head[data-drawn]", timeout=60_000)
    page.wait_for_timeout(2000)  # plotly's script has come meanwhile
    page.on("response", heard)
    page.evaluate("name => { document.getElementById('pg-att-model').value = name; }", NAME)
    looks: list[float] = []
    for _ in range(runs + 1):
        page.fill("#pg-att-text", " ".join(rng.choices(known, k=tokens - 2)))
        page.wait_for_timeout(300)
        page.evaluate(WATCH_LOOK)
        page.click("[data-act=att-look]")
        looks.append(page.evaluate("window.took"))
        page.wait_for_timeout(700)  # the first head's heatmap
    assert page.evaluate("playground.look.map.sides[0].tokens.length") == tokens
    print(f"{layers} layers x {heads} heads x {tokens} tokens")
    print(f"first look, which loads the model: {looks[0]:.0f} ms")
    said("click on Look to all heads on screen", looks[1:])
    print(f"bytes of a look's reply: {max(replies):,} at most of {len(replies)}")
    places = [(rng.randrange(layers), rng.randrange(heads)) for _ in range(3 * runs)]
    others = [place for before, place in zip([(0, 0), *places], places, strict=False) if place != before]
    new, again = [], []
    seen: set[tuple[int, int]] = set()
    for place in others[: 2 * runs]:
        (again if place in seen else new).append(page.evaluate(CHOOSE, list(place)))
        seen.add(place)
        page.wait_for_timeout(250)
    said("another head, to its heatmap on screen", new)
    back = [page.evaluate(CHOOSE, list(place)) for place in (others[2 * runs - 2], others[2 * runs - 1]) * 4]
    said("back to a head that was seen, to its heatmap on screen", [*again, *back])


def said(what: str, milliseconds: list[float]) -> None:
    ordered = sorted(milliseconds)
    print(
        f"{what}: median {statistics.median(ordered):.0f} ms, {ordered[0]:.0f} to {ordered[-1]:.0f} ms of {len(ordered)}"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--tokens", type=int, default=128)
    options.add_argument("--runs", type=int, default=10)
    options.add_argument("--layers", type=int, default=12)
    options.add_argument("--heads", type=int, default=12)
    options.add_argument("--serve", nargs=2, metavar=("PORT", "FOLDER"), help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.serve:
        serve(int(chosen.serve[0]), Path(chosen.serve[1]))
        return
    with tempfile.TemporaryDirectory() as name:
        make(Path(name), chosen.layers, chosen.heads)
        port = free_port()
        url = f"http://127.0.0.1:{port}/"
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.attention_page", "--serve", str(port), name],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait(url, server)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
                page = browser.new_page(viewport={"width": 1440, "height": 940})
                page.add_init_script("localStorage.setItem('four-tiers.welcome', 'seen')")
                measure(page, url, chosen.tokens, chosen.runs, chosen.layers, chosen.heads)
                browser.close()
        finally:
            server.terminate()
            server.wait(30)


def wait(url: str, server: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the page did not come up")


if __name__ == "__main__":
    main()
