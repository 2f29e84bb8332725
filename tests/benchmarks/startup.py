"""Seconds from start to the first HTTP 200: this app beside a minimal `gr.Interface.from_pipeline` app, in turns.

    python -m tests.benchmarks.startup [RUNS]

The other app serves a DistilBERT-sized classifier with random weights, made here, so that nothing is downloaded.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

MAKE = """
import sys
from pathlib import Path
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import DistilBertConfig, DistilBertForSequenceClassification, PreTrainedTokenizerFast
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [f"w{i}" for i in range(30517)]
tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(sys.argv[1])
DistilBertForSequenceClassification(DistilBertConfig(num_labels=2)).save_pretrained(sys.argv[1])
"""

PEER = """
import sys
import gradio as gr
from transformers import pipeline
gr.Interface.from_pipeline(pipeline("text-classification", model=sys.argv[1])).launch(server_port=int(sys.argv[2]))
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def seconds_to_200(command: list[str], port: int, environment: dict[str, str]) -> float:
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as reply:
                    if reply.status == 200:
                        return time.perf_counter() - start
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                if process.poll() is not None:
                    raise SystemExit(f"{command} ended with {process.returncode}") from None
                time.sleep(0.02)
    finally:
        process.terminate()
        process.wait(30)


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "GRADIO_ANALYTICS_ENABLED": "False"}
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-c", MAKE, folder], check=True, env=environment, stderr=subprocess.DEVNULL)
        for run in range(runs + 1):
            port = free_port()
            mine = seconds_to_200([sys.executable, "app.py"], port, environment | {"GRADIO_SERVER_PORT": str(port)})
            port = free_port()
            peer = seconds_to_200([sys.executable, "-c", PEER, folder, str(port)], port, environment)
            if run:  # the first pair warms the disk cache
                ours.append(mine)
                theirs.append(peer)
                print(f"app.py {mine:.2f} s   from_pipeline {peer:.2f} s   ratio {mine / peer:.2f}", flush=True)
    ratios = [mine / peer for mine, peer in zip(ours, theirs, strict=True)]
    print(
        f"medians of {runs}: app.py {statistics.median(ours):.2f} s, from_pipeline {statistics.median(theirs):.2f} s, "
        f"ratio {statistics.median(ratios):.2f} (held to 0.60)"
    )


if __name__ == "__main__":
    main()
