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
NAMES = "dslim/bert-base-NER"
ENTAILMENT = "MoritzLaurer/deberta-v3-xsmall-zeroshot-v1.1-all-33"
READER = "distilbert/distilbert-base-cased-distilled-squad"
GAPS = "distilbert/distilroberta-base"
NAME_TAGS = ("O", "B-MISC", "I-MISC", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def snapshot_in(home, repo):
    """The folder of a repository's only commit, laid out as huggingface_hub does."""
    snapshot = home / "hub" / f"models--{repo.replace('/', '--')}" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot.parent.parent / "refs").mkdir()
    (snapshot.parent.parent / "refs" / "main").write_text(COMMIT)
    return snapshot


@pytest.fixture(scope="module")
def hub_cache(tmp_path_factory):
    """A tiny DistilBERT with random weights where huggingface_hub would have put the real one."""
    from transformers import BertTokenizerFast, DistilBertConfig, DistilBertForSequenceClassification

    home = tmp_path_factory.mktemp("hf")
    snapshot = snapshot_in(home, REPO)
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


@pytest.fixture(scope="module")
def hub_cache_of_names(tmp_path_factory):
    """A tiny cased BERT that labels words, with the files that the real one has: a vocab.txt, no tokenizer.json."""
    import torch
    from transformers import BertConfig, BertForTokenClassification

    torch.manual_seed(2)
    home = tmp_path_factory.mktemp("hf")
    snapshot = snapshot_in(home, NAMES)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", ",", *letters, *(f"##{letter}" for letter in letters)]
    (snapshot / "vocab.txt").write_text("\n".join(pieces))
    settings = {"do_lower_case": False, "model_max_length": 512, "tokenizer_class": "BertTokenizer"}
    (snapshot / "tokenizer_config.json").write_text(json.dumps(settings))
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        initializer_range=0.5,
        num_labels=len(NAME_TAGS),
        id2label=dict(enumerate(NAME_TAGS)),
        label2id={tag: place for place, tag in enumerate(NAME_TAGS)},
    )
    BertForTokenClassification(config).save_pretrained(snapshot)
    return home


@pytest.fixture(scope="module")
def hub_cache_of_entailment(tmp_path_factory):
    """A tiny DeBERTa-v2 with the published one's two answers, and an spm.model that nobody can read."""
    import torch

    from tests.engine.matchers import KINDS, entailment

    torch.manual_seed(6)
    home = tmp_path_factory.mktemp("hf")
    entailment(snapshot_in(home, ENTAILMENT), KINDS["binary"])
    return home


@pytest.fixture(scope="module")
def hub_cache_of_answers(tmp_path_factory):
    """A tiny cased DistilBERT that finds answers, with the files that the real one has."""
    import torch
    from transformers import DistilBertConfig, DistilBertForQuestionAnswering

    torch.manual_seed(4)
    home = tmp_path_factory.mktemp("hf")
    snapshot = snapshot_in(home, READER)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    pieces = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        ".",
        ",",
        "?",
        *letters,
        *(f"##{letter}" for letter in letters),
    ]
    (snapshot / "vocab.txt").write_text("\n".join(pieces))
    settings = {"do_lower_case": False, "model_max_length": 512, "tokenizer_class": "DistilBertTokenizer"}
    (snapshot / "tokenizer_config.json").write_text(json.dumps(settings))
    shape = {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64, "initializer_range": 0.5}
    DistilBertForQuestionAnswering(DistilBertConfig(vocab_size=len(pieces), **shape)).save_pretrained(snapshot)
    return home


@pytest.fixture(scope="module")
def hub_cache_of_gaps(tmp_path_factory):
    """A tiny RoBERTa with byte-level pieces, whose mask is <mask>."""
    import torch

    from tests.engine.fillers import roberta

    torch.manual_seed(4)
    home = tmp_path_factory.mktemp("hf")
    roberta(snapshot_in(home, GAPS))
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


def test_a_hub_checkpoint_that_labels_words_is_the_first_choice_for_names(hub_cache_of_names):
    """What plain transformers finds, in the words of the text as it was written."""
    import torch
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    text = "Ada King met Charles \U0001f642\tin London,\nand Cafe\u0301 Roma."
    with Silent() as hub:
        environment = {"HF_HOME": str(hub_cache_of_names), "HF_ENDPOINT": hub.url}
        found = run("run", "ner", text, "--tier", "pretrained", "--json", **environment)
        assert found.returncode == 0, found.stderr.decode()
        (result,) = json.loads(found.stdout)["results"]
        assert (result["source"], result["model"], result["revision"]) == ("hub", NAMES, COMMIT)
        assert hub.connections == []
    assert result["output"]["labels"] == ["MISC", "PER", "ORG", "LOC"]
    assert result["stats"]["truncated"] is False
    assert result["stats"]["note"] == "Read line by line, 2 lines."
    folder = next((hub_cache_of_names / "hub").glob("models--*/snapshots/*"))
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForTokenClassification.from_pretrained(folder)
    lines = (["Ada", "King", "met", "Charles", "\U0001f642", "in", "London", ","], ["and", "Cafe\u0301", "Roma", "."])
    labelled, begun, start = {}, set(), 0
    for words in lines:
        inputs = tokenizer(words, is_split_into_words=True, return_tensors="pt")
        with torch.inference_mode():
            tags = model(**inputs).logits[0].argmax(-1)
        for place, word in enumerate(words):
            start = text.index(word, start)
            tag = NAME_TAGS[tags[inputs.word_ids(0).index(place)]]
            if tag != "O":
                labelled[start] = tag[2:]
            if tag.startswith("B-"):
                begun.add(start)
    assert labelled, "the tiny model finds nothing: the test shows nothing"
    spans = result["output"]["spans"]
    for span in spans:
        assert text[span["start"] : span["end"]] == span["text"]
    assert begun <= {span["start"] for span in spans} <= labelled.keys()
    for start, label in labelled.items():
        assert [s["label"] for s in spans if s["start"] <= start < s["end"]] == [label]


@pytest.mark.parametrize("many", [False, True])
def test_a_hub_model_for_entailment_is_the_first_choice_for_labels_of_ones_own(hub_cache_of_entailment, many):
    """What transformers' own zero-shot pipeline says of the same claims."""
    import transformers

    labels, text = ["music", "bad film", "sport"], "it was a very good film, and the music was loved"
    with Silent() as hub:
        arguments = [
            "run",
            "zero-shot",
            text,
            "--tier",
            "pretrained",
            "--json",
            "--value",
            "labels=" + ",".join(labels),
        ]
        environment = {"HF_HOME": str(hub_cache_of_entailment), "HF_ENDPOINT": hub.url, "PLAYGROUND_DEADLINE": "100"}
        found = run(*arguments, *(["--value", "many=1"] if many else []), **environment)
        assert found.returncode == 0, found.stderr.decode()
        (result,) = json.loads(found.stdout)["results"]
        assert (result["source"], result["model"], result["revision"]) == ("hub", ENTAILMENT, COMMIT)
        assert hub.connections == []
    folder = next((hub_cache_of_entailment / "hub").glob("models--*/snapshots/*"))
    pipeline = transformers.pipeline("zero-shot-classification", model=str(folder), device="cpu", dtype="float32")
    expected = pipeline(text, labels, hypothesis_template="This text is about {}.", multi_label=many)
    expected = dict(zip(expected["labels"], expected["scores"], strict=True))
    assert {row["label"]: row["score"] for row in result["output"]["scores"]} == pytest.approx(expected, abs=1e-5)
    if many:
        assert set(result["output"]["labels"]) == {label for label, score in expected.items() if score >= 0.5}
    else:
        assert result["output"]["label"] == max(expected, key=expected.get)
    assert "read 3 times" in result["stats"]["note"]


def test_a_hub_model_that_finds_answers_is_the_first_choice_for_questions(hub_cache_of_answers):
    """What plain transformers finds: transformers 5 has no pipeline for it. No span has the score of "no answer"."""
    import numpy as np
    import torch
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    question, context = "Where did Ada go?", "Ada King met Charles \U0001f642 in London, and Cafe\u0301 Roma."
    with Silent() as hub:
        arguments = ["run", "qa", question, "--context", context, "--tier", "pretrained", "--json"]
        found = run(*arguments, HF_HOME=str(hub_cache_of_answers), HF_ENDPOINT=hub.url)
        assert found.returncode == 0, found.stderr.decode()
        record = json.loads(found.stdout)
        (result,) = record["results"]
        assert (result["source"], result["model"], result["revision"]) == ("hub", READER, COMMIT)
        assert hub.connections == []
    assert record["values"] == {"context": context}
    folder = next((hub_cache_of_answers / "hub").glob("models--*/snapshots/*"))
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForQuestionAnswering.from_pretrained(folder)
    inputs = tokenizer(question, context, return_tensors="pt", return_offsets_mapping=True)
    offsets = inputs.pop("offset_mapping")[0].tolist()
    with torch.inference_mode():
        said = model(**inputs)
    start, end = said.start_logits[0].double().numpy(), said.end_logits[0].double().numpy()
    words, inside = inputs.word_ids(0), [i for i, part in enumerate(inputs.sequence_ids(0)) if part == 1]
    scores = {
        (offsets[i][0], offsets[j][1]): start[i] + end[j]
        for i in inside
        for j in inside
        if i <= j < i + 30
        and (i == inside[0] or words[i] != words[i - 1])
        and (j == inside[-1] or words[j] != words[j + 1])
    }
    best = max(scores, key=scores.get)
    total = np.logaddexp.reduce([*scores.values(), start[0] + end[0]])
    output = result["output"]
    assert output["start"] == best[0]
    assert context[output["start"] : output["end"]] == output["answer"]
    assert output["answer"].startswith(context[slice(*best)])  # and the mark behind it, where one is
    assert output["score"] == pytest.approx(np.exp(scores[best] - total), abs=1e-4)
    assert output["no_answer"] == pytest.approx(np.exp(start[0] + end[0] - total), abs=1e-4)
    assert len(output["others"]) == 3


def test_a_hub_checkpoint_that_fills_gaps_is_the_first_choice_for_them(hub_cache_of_gaps):
    """The visitor's [MASK] becomes its <mask>; its words are those of transformers' own pipeline, a blank before aside."""
    import transformers

    with Silent() as hub:
        environment = {"HF_HOME": str(hub_cache_of_gaps), "HF_ENDPOINT": hub.url}
        arguments = ["run", "fill-mask", "it was a very [mask] film", "--tier", "pretrained", "--json"]
        found = run(*arguments, "--value", "other=the book was ___", **environment)
        assert found.returncode == 0, found.stderr.decode()
        (result,) = json.loads(found.stdout)["results"]
        assert (result["source"], result["model"], result["revision"]) == ("hub", GAPS, COMMIT)
        assert hub.connections == []
    folder = next((hub_cache_of_gaps / "hub").glob("models--*/snapshots/*"))
    pipeline = transformers.pipeline("fill-mask", model=str(folder), device="cpu", dtype="float32")
    output = result["output"]
    assert output["choices"] == output["masks"][0]
    for text, rows in (("it was a very <mask> film", output["choices"]), ("the book was <mask>", output["other"][0])):
        expected: dict[str, float] = {}
        for row in pipeline(text, top_k=len(pipeline.tokenizer)):
            name = row["token_str"].strip()
            expected[name] = expected.get(name, 0.0) + row["score"]
        assert len(rows) == 20
        assert {row["token"]: row["score"] for row in rows} == pytest.approx(
            {row["token"]: expected[row["token"]] for row in rows}, abs=1e-5
        )
    best = output["choices"][0]
    assert best["text"] == f"it was a very {best['token']} film"
    assert {row["token"] for row in output["choices"][:5]} <= {row["token"] for row in output["weighed"]}


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
