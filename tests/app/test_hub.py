"""The hub's checkpoint through the real pipeline, from a local cache made here; and a hub that refuses or hangs."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
REPO = "distilbert/distilbert-base-uncased-finetuned-sst-2-english"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def hub_cache(tmp_path_factory):
    """A tiny DistilBERT with random weights where huggingface_hub would have put the real one."""
    from transformers import BertTokenizerFast, DistilBertConfig, DistilBertForSequenceClassification

    home = tmp_path_factory.mktemp("hf")
    snapshot = home / "hub" / f"models--{REPO.replace('/', '--')}" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot.parent.parent / "refs").mkdir()
    (snapshot.parent.parent / "refs" / "main").write_text(COMMIT)
    words = snapshot / "vocab.txt"
    words.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "a", "film", "it", "was"]))
    BertTokenizerFast(vocab_file=str(words)).save_pretrained(snapshot)
    config = DistilBertConfig(
        vocab_size=11,
        dim=16,
        n_layers=1,
        n_heads=2,
        hidden_dim=32,
        num_labels=2,
        id2label={0: "NEGATIVE", 1: "POSITIVE"},
        label2id={"NEGATIVE": 0, "POSITIVE": 1},
    )
    DistilBertForSequenceClassification(config).save_pretrained(snapshot)
    return home


class Silent:
    """Accepts connections and never answers; counts them."""

    def __enter__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.connections = []
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def _accept(self):
        try:
            while True:
                self.connections.append(self.socket.accept()[0])
        except OSError:
            pass

    def __exit__(self, *_):
        for connection in self.connections:
            connection.close()
        self.socket.close()


def run(*arguments, **environment):
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "PLAYGROUND_", "HF_"))
    }
    return subprocess.run(
        [sys.executable, "-m", "playground", *arguments],
        cwd=ROOT,
        env=clean | environment,
        capture_output=True,
        timeout=110,
    )


def test_a_checkpoint_in_the_local_cache_is_used_and_the_hub_is_not_asked(hub_cache):
    with Silent() as hub:
        found = run(
            "run",
            "sentiment",
            "it was a good film",
            "--tier",
            "pretrained",
            "--json",
            HF_HOME=str(hub_cache),
            HF_ENDPOINT=hub.url,
        )
        assert found.returncode == 0, found.stderr.decode()
        (result,) = json.loads(found.stdout)["results"]
        assert (result["source"], result["model"], result["revision"]) == ("hub", REPO, COMMIT)
        assert {row["label"] for row in result["output"]["scores"]} == {"negative", "positive"}
        assert hub.connections == []


def test_without_it_the_bundled_one_answers_and_the_hub_is_not_asked(tmp_path):
    with Silent() as hub:
        found = run(
            "run",
            "sentiment",
            "it was a good film",
            "--tier",
            "pretrained",
            "--json",
            HF_HOME=str(tmp_path),
            HF_ENDPOINT=hub.url,
        )
        (result,) = json.loads(found.stdout)["results"]
        assert result["source"] == "bundled"
        assert hub.connections == []


@pytest.mark.parametrize("hanging", [False, True], ids=["refused", "hanging"])
def test_prefetch_from_a_hub_that_does_not_answer_ends_with_one_sentence(tmp_path, hanging):
    with Silent() as hub:
        start = time.monotonic()
        endpoint = hub.url if hanging else "http://127.0.0.1:9"
        found = run("prefetch", "sentiment", "--json", HF_HOME=str(tmp_path), HF_ENDPOINT=endpoint)
        assert time.monotonic() - start < 60
        problems = {row["id"]: row["problem"] for row in json.loads(found.stdout)}
        assert "\n" not in problems[REPO]
        assert problems[REPO].startswith("The hub")
        assert "Traceback" not in found.stderr.decode()
        assert found.returncode == 1
