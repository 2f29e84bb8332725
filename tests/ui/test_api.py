"""The endpoint for programs, with Gradio's own client over real HTTP."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from tests.benchmarks.startup import free_port

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def url():
    port = free_port()
    command = [sys.executable, "-m", "tests.fakes.service", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/"
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            break
        except OSError:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
    yield url
    process.terminate()
    process.wait(20)


@pytest.fixture(scope="module")
def client(url):
    client = Client(url, verbose=False)
    yield client
    client.close()


def test_a_program_gets_the_documented_json(client):
    found = client.predict("sentiment", "a great film", api_name="/run")
    assert (found["task"], found["input"]) == ("sentiment", "a great film")
    assert [result["tier"] for result in found["results"]] == ["hosted", "pretrained", "finetuned", "scratch"]
    assert {result["output"]["label"] for result in found["results"]} == {"positive"}
    assert all(result["error"] is None for result in found["results"])


def test_tiers_and_models_are_chosen_by_name(client):
    found = client.predict(
        task="sentiment", text="great", tiers=["finetuned"], models={"finetuned": "mine"}, api_name="/run"
    )
    assert [(result["tier"], result["model"]) for result in found["results"]] == [("finetuned", "mine")]


def test_one_tier_failing_is_its_own_error(client):
    results = client.predict("sentiment", "break this great thing", api_name="/run")["results"]
    assert [result["error"] is None for result in results] == [True, False, True, True]
    assert results[1]["error"]["kind"] == "load_failed"


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ({"task": "sentiment", "text": ""}, "There is no text yet"),
        ({"task": "sentiment", "text": "\x00"}, "control characters"),
        ({"task": "poetry", "text": "great"}, "There is no task called “poetry”: choose one of sentiment."),
        ({"task": "sentiment", "text": "great", "tiers": ["fifth"]}, "There is no tier called “fifth”"),
        ({"task": "sentiment", "text": "great", "tiers": []}, "choose at least one"),
        ({"task": "sentiment", "text": "great", "tiers": "scratch"}, "“tiers” is not a list"),
    ],
)
def test_a_refusal_is_one_sentence(client, call, sentence):
    with pytest.raises(AppError, match="^[^\n]*" + sentence) as error:
        client.predict(**call, api_name="/run")
    assert "Traceback" not in str(error.value)


def test_programs_do_not_wait_for_one_another(url, client):
    """Three runs of half a second and more are under way at the same time."""
    most = 0
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(client.predict, "sentiment", "slow", api_name="/run") for _ in range(3)]
        while not all(call.done() for call in asked):
            with urllib.request.urlopen(url + "fake", timeout=20) as told:
                most = max(most, json.load(told)["tiers"]["scratch"]["running"])
    assert all(call.result()["results"] for call in asked)
    assert most > 1


def test_only_this_endpoint_is_public(client):
    assert list(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == ["/run"]
