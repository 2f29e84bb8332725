"""The processes that the load benchmark starts, each fresh, each with as many torch threads as OMP_NUM_THREADS says.

    python -m tests.benchmarks.load_servers make FOLDER TEXTS | gradio FOLDER PORT DEVICE | ours
                                          | direct FOLDER DEVICE | service FOLDER DEVICE COUNT

`direct` and `service` take commands on standard input and answer each with one line of JSON; `ours` answers "report".
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import threading
import time
from pathlib import Path


def threads() -> None:
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


def make(folder: str, texts: str) -> None:
    from tests.benchmarks.load_model import make as make_model

    threads()
    make_model(Path(folder), int(texts))


def pipeline(folder: str, device: str):
    import transformers

    threads()
    transformers.utils.logging.disable_progress_bar()
    return transformers.pipeline("text-classification", folder, device=device)


def gradio(folder: str, port: str, device: str) -> None:
    """The peer, as its documentation shows it; mended where this gradio asks for what transformers 5 has no more."""
    import gradio as gr

    mend()
    demo = gr.Interface.from_pipeline(pipeline(folder, device))
    demo.launch(server_name="127.0.0.1", server_port=int(port), quiet=True)


def mend() -> None:
    """gradio 6.31 compares every pipeline with classes of four modules. transformers 5 imports two of them only when they
    are asked for by their classes' names, and removed a third, so that each request of `from_pipeline` fails with an
    AttributeError. Here the two are imported, and two empty classes stand in the third's place: the peer can answer.
    """
    import importlib
    import types

    from transformers import pipelines

    for name in ("token_classification", "object_detection"):
        importlib.import_module(f"transformers.pipelines.{name}")
    if not hasattr(pipelines, "text2text_generation"):
        names = ("Text2TextGenerationPipeline", "TranslationPipeline")
        gone = types.SimpleNamespace(**{name: type(name, (), {}) for name in names})
        pipelines.text2text_generation = gone


def ours() -> None:
    """app.py, which also says on standard input's demand what was loaded."""
    from playground.compose import compose, quiet_network, set_up_logging
    from playground.settings import Settings

    settings = Settings()
    set_up_logging("WARNING")
    quiet_network(settings)
    from playground.serve import serve
    from playground.ui import build

    service = compose(settings)

    def listen() -> None:
        for line in sys.stdin:
            if line.strip() == "report":
                rows = service.runtime.status()
                say(
                    [{"model": row.model, "state": row.state, "loads": row.loads, "leases": row.leases} for row in rows]
                )

    threading.Thread(target=listen, daemon=True).start()
    serve(build(service), service)


def direct(folder: str, device: str) -> None:
    """{"texts": [...], "batch": n}: seconds of each call, and the labels."""
    pipe = pipeline(folder, device)
    say("ready")
    for line in sys.stdin:
        order = json.loads(line)
        texts, batch = order["texts"], order["batch"]
        seconds, labels = [], []
        cpu = time.process_time()
        for at in range(0, len(texts), batch):
            part = texts[at : at + batch]
            began = time.perf_counter()
            found = pipe(part[0]) if batch == 1 else pipe(part, batch_size=batch)
            seconds.append(time.perf_counter() - began)
            labels += [row["label"] for row in found]
        say({"seconds": seconds, "labels": labels, "cpu": time.process_time() - cpu})


def service(folder: str, device: str, count: str) -> None:
    """One client at `service.start`, in turns with the direct call in the same process."""
    from playground.compose import compose, quiet_network, set_up_logging
    from playground.settings import Settings
    from tests.benchmarks.load_model import read_texts

    settings = Settings()
    set_up_logging("WARNING")
    quiet_network(settings)
    texts = read_texts(Path(folder))
    pipe = pipeline(folder, device)
    playground = compose(settings)

    def through(text: str) -> tuple[float, str]:
        began = time.perf_counter()
        handle = playground.start("sentiment", text, session="load", tiers=["pretrained"], emit=lambda event: None)
        assert handle.wait(60)
        seconds = time.perf_counter() - began
        (result,) = handle.record().results
        assert result.output is not None, result.error
        return seconds, result.output.label

    ours: list[float] = []
    theirs: list[float] = []
    wrong = 0
    warm = 10
    for turn in range(int(count) + warm):
        text, label = texts[turn % len(texts)]
        seconds = {}
        for which in ("ours", "direct") if turn % 2 else ("direct", "ours"):
            if which == "ours":
                seconds[which], said = through(text)
                wrong += said != label
            else:
                began = time.perf_counter()
                pipe(text)
                seconds[which] = time.perf_counter() - began
        if turn >= warm:
            ours.append(seconds["ours"])
            theirs.append(seconds["direct"])
    playground.close()
    over = statistics.median(mine - other for mine, other in zip(ours, theirs, strict=True))
    say({"n": len(ours), "ours": ours, "direct": theirs, "wrong": wrong, "median_of_differences": over})


def say(what) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    {"make": make, "gradio": gradio, "ours": ours, "direct": direct, "service": service}[sys.argv[1]](*sys.argv[2:])
