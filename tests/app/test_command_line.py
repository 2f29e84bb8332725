"""The command line as a program: real processes, real bundled models, the real stand-in over HTTP."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def run(*arguments, stdin=None, **environment):
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "PLAYGROUND_", "SPACE_"))
    }
    return subprocess.run(
        [sys.executable, "-m", "playground", *arguments],
        cwd=ROOT,
        env=clean | environment,
        input=stdin,
        capture_output=True,
        timeout=110,
    )


@pytest.fixture(scope="module")
def two_runs():
    texts = ("I loved every minute of it", "The worst hour of my life")
    return [run("run", "sentiment", text, "--json") for text in texts]


def test_four_results_none_failed_each_local_one_with_its_fingerprint(two_runs):
    documents = [json.loads(found.stdout) for found in two_runs]
    for found, document in zip(two_runs, documents, strict=True):
        assert found.returncode == 0, found.stderr.decode()
        assert [row["tier"] for row in document["results"]] == ["hosted", "pretrained", "finetuned", "scratch"]
        assert [row["source"] for row in document["results"]] == ["stand-in", "bundled", "bundled", "bundled"]
        for row in document["results"]:
            assert row["error"] is None
            assert {score["label"] for score in row["output"]["scores"]} == {"negative", "positive"}
            assert sum(score["score"] for score in row["output"]["scores"]) == pytest.approx(1, abs=1e-4)
            if row["tier"] != "hosted":
                assert len(row["fingerprint"]) == 16
                assert row["stats"]["latency_seconds"] > 0
    prints = [row["fingerprint"] for row in documents[0]["results"][1:]]
    assert len(set(prints)) == 3
    assert prints == [row["fingerprint"] for row in documents[1]["results"][1:]]
    first, second = ([row["output"]["scores"][0]["score"] for row in document["results"]] for document in documents)
    assert all(a != b for a, b in zip(first, second, strict=True))


def test_the_local_tiers_know_love_from_hate(two_runs):
    labels = [[row["output"]["label"] for row in json.loads(found.stdout)["results"][1:]] for found in two_runs]
    assert labels == [["positive"] * 3, ["negative"] * 3]


def test_the_gateway_logged_the_request_and_nothing_of_its_text(two_runs):
    log = two_runs[0].stderr.decode()
    assert "POST '/v1/chat/completions'" in log
    assert "loved" not in log


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "sentiment", ""], "There is no text"),
        (["run", "sentiment", "   "], "There is no text"),
        (["run", "nothing", "text"], "There is no task"),
        (["run", "sentiment", "text", "--tier", "fifth"], "There is no tier"),
        (["run", "sentiment", "text", "--tier", "scratch", "--model", "nobody/nothing"], "There is no model"),
        (["bench", "sentiment", "--data", "missing.jsonl"], "cannot be read"),
        (["train", "nothing"], "There is no recipe"),
        (["prefetch", "nothing"], "There is no task"),
        (["run"], "Missing argument"),
    ],
)
def test_bad_usage_is_status_two_and_one_sentence_on_standard_error(arguments, said):
    found = run(*arguments)
    assert found.returncode == 2
    assert said in found.stderr.decode()
    assert "Traceback" not in found.stderr.decode()
    assert found.stdout == b""


def test_binary_input_from_a_pipe_is_refused():
    found = run("run", "sentiment", "-", "--tier", "scratch", stdin=bytes(range(256)))
    assert found.returncode == 2
    assert "control characters" in found.stderr.decode()


def test_a_failing_tier_is_status_one_and_the_others_answer():
    found = run(
        "run",
        "sentiment",
        "fine by me",
        "--tier",
        "hosted",
        "--tier",
        "scratch",
        "--json",
        OPENAI_API_KEY="sk-test-not-real-1234567890",
        OPENAI_BASE_URL="http://127.0.0.1:9/v1",
    )
    assert found.returncode == 1, found.stderr.decode()
    hosted, scratch = json.loads(found.stdout)["results"]
    assert hosted["error"]["kind"] == "endpoint_unreachable"
    assert scratch["error"] is None
    assert b"sk-test-not-real" not in found.stdout + found.stderr


def test_bench_prints_the_documented_json(tmp_path):
    rows = [
        ("I am so happy for you", "positive"),
        ("this is awful and sad", "negative"),
        ("thank you, love it", "positive"),
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps({"text": text, "label": label}) for text, label in rows))
    found = run("bench", "sentiment", "--data", str(path), "--json")
    assert found.returncode == 0, found.stderr.decode()
    result = json.loads(found.stdout)
    assert (result["task"], result["n"]) == ("sentiment", 3)
    assert set(result["tiers"]) == {"hosted", "pretrained", "finetuned", "scratch"}
    for row in result["tiers"].values():
        assert {"model", "metrics", "latency_ms", "examples_per_second", "errors"} <= set(row)
    assert result["tiers"]["finetuned"]["metrics"]["accuracy"] == 1


@pytest.mark.parametrize("task", ["ner", "pos"])
def test_spans_are_the_documented_json(task):
    """Every tier answers with spans of the user's own text, or says in one sentence why it cannot."""
    text = "👩‍🔬 Ana Duarte\tmoved to Porto."
    found = run("run", task, text, "--json")
    assert b"Traceback" not in found.stderr
    results = {row["tier"]: row for row in json.loads(found.stdout)["results"]}
    assert list(results) == ["hosted", "pretrained", "finetuned", "scratch"]
    assert results["hosted"]["error"]["kind"] == "not_supported"  # the stand-in writes no text
    for row in results.values():
        if row["error"] is not None:
            assert row["error"]["message"].endswith(".")
            continue
        assert row["output"]["spans"] or task == "ner"
        for span in row["output"]["spans"]:
            assert set(span) == {"start", "end", "label", "score", "text"}
            assert text[span["start"] : span["end"]] == span["text"]
            assert 0 <= span["score"] <= 1
            assert span["label"] in row["output"]["labels"]
    failed = {row["error"]["kind"] for row in results.values() if row["error"]} - {"not_supported"}
    silent = all(row["error"] for row in results.values())
    assert found.returncode == (1 if failed or silent else 0)


def test_a_tier_that_cannot_is_a_failure_where_it_was_asked_for():
    found = run("run", "ner", "Ana Duarte", "--tier", "hosted")
    assert found.returncode == 1
    assert "The stand-in" in found.stdout.decode()


def test_bench_names_the_line_whose_label_is_not_the_tasks(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"text": "Ana", "spans": [{"start": 0, "end": 3, "label": "PERSON"}]}))
    found = run("bench", "ner", "--data", str(path))
    assert found.returncode == 2
    assert "Line 1" in found.stderr.decode()
    assert "PERSON" in found.stderr.decode()


OWN = ("--value", "labels=train, or plane", "--value", "labels=<b>soup</b>")  # the same again is another line


def test_labels_of_ones_own():
    found = run("run", "zero-shot", "The train was late.", *OWN, "--tier", "hosted", "--tier", "pretrained", "--json")
    assert found.returncode == 0, found.stderr.decode()
    document = json.loads(found.stdout)
    assert document["values"] == {"labels": "train, or plane\n<b>soup</b>", "many": ""}
    for row in document["results"]:
        assert row["output"]["label"] == "train, or plane"
        assert sum(score["score"] for score in row["output"]["scores"]) == pytest.approx(1, abs=1e-4)


def test_several_labels_are_printed_with_their_thresholds():
    found = run("run", "zero-shot", "The train was late.", *OWN, "--value", "many=1", "--tier", "pretrained")
    assert found.returncode == 0, found.stderr.decode()
    first, *rows = found.stdout.decode().splitlines()
    assert first.startswith("Pretrained")
    assert len(rows) == 2
    assert all(re.fullmatch(r"    \d\.\d\d  [* ] .+  \(holds from \d\.\d\d\)", row) for row in rows)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (("--value", "labels=one"), "only label"),
        (("--value", "labels="), "no labels"),
        (("--value", "labels"), "no “=”"),
        (("--value", "colour=red"), "no field “colour”"),
        (("--value", "labels=a,b,A"), "twice"),
        (("--value", "labels=a,b", "--value", "many=perhaps"), "on or off"),
    ],
)
def test_wrong_values_are_bad_usage(values, said):
    found = run("run", "zero-shot", "The train was late.", *values, "--tier", "pretrained")
    assert found.returncode == 2
    assert said in found.stderr.decode()
    assert found.stdout == b""
    assert b"Traceback" not in found.stderr


def test_bench_takes_the_same_values(tmp_path):
    path = tmp_path / "rows.jsonl"
    rows = [{"text": "The train was late.", "label": "train"}, {"text": "Too much salt.", "label": "soup"}]
    path.write_text("\n".join(map(json.dumps, rows)))
    found = run(
        "bench", "zero-shot", "--data", str(path), "--value", "labels=train,soup,war", "--tier", "pretrained", "--json"
    )
    assert found.returncode == 0, found.stderr.decode()
    result = json.loads(found.stdout)
    assert result["values"] == {"labels": "train\nsoup\nwar", "many": ""}
    row = result["tiers"]["pretrained"]
    assert set(row["metrics"]) == {"accuracy", "macro_f1"} == set(row["intervals_95"])
    assert row["calibration"]["n"] == 2


def test_doctor_finds_everything_bundled_and_shows_no_key():
    found = run("doctor", "--json", OPENAI_API_KEY="sk-test-not-real-1234567890")
    report = json.loads(found.stdout)
    assert found.returncode == 0
    assert report["problems"] == []
    assert {"sentiment", "ner", "pos"} <= {task["name"] for task in report["tasks"]}
    assert b"sk-test" not in found.stdout + found.stderr


def test_prefetch_says_what_could_not_be_fetched(tmp_path):
    found = run("prefetch", "sentiment", "--json", HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path))
    rows = {row["id"]: row["problem"] for row in json.loads(found.stdout)}
    assert found.returncode == 1
    assert rows.pop("distilbert/distilbert-base-uncased-finetuned-sst-2-english")
    assert set(rows.values()) == {None}  # what is bundled is whole


def test_train_lists_its_recipes():
    found = run("train", "--list", "--json")
    assert {"sentiment-general", "sentiment-informal", "sentiment-scratch"} <= {
        row["name"] for row in json.loads(found.stdout)
    }
