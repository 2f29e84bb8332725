"""Tasks whose answers are spans, through the service: bench, exports, history, doctor."""

import asyncio
import csv
import io
import json
import time

import pytest

from playground.catalog import Catalog
from playground.core.errors import BadFile, NotSupported
from playground.core.types import Span, Spans
from playground.service.doctor import report
from playground.service.exports import answer_cell, gold_cell
from playground.settings import Settings
from tests.fakes.tier import FakeTier
from tests.service.service_helpers import service_with


class NamesTier(FakeTier):
    """Calls every word with a capital a PER, as a model that knows only PER."""

    def _spans(self, task, text):
        found, at = [], 0
        for word in text.split(" "):
            if word[:1].isupper():
                found.append(Span(at, at + len(word), "PER", word, 0.9))
            at += len(word) + 1
        return Spans(tuple(found), ("PER",))


def span(start, end, label):
    return {"start": start, "end": end, "label": label}


def data(tmp_path, *rows):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def bench(service, task, path, **kwargs):
    return asyncio.run(service.bench(task, path, **kwargs))


def test_entities_by_hand(tmp_path):
    path = data(
        tmp_path,
        {"text": "Ann saw Bob", "spans": [span(0, 3, "PER"), span(8, 11, "per")]},
        {"text": "Ann in Rome", "spans": [span(0, 3, "PER"), span(7, 11, "LOC")]},
        {"text": "nobody", "spans": []},
    )
    row = bench(service_with(NamesTier("scratch")), "ner", path)["tiers"]["scratch"]
    # Of 4 given 3 are right, and the fourth true one is of a label that the model cannot give: missed.
    assert row["metrics"] == {"f1": 0.75, "precision": 0.75, "recall": 0.75}
    assert row["per_label"] == {
        "PER": {"f1": round(6 / 7, 6), "precision": 0.75, "recall": 1.0, "n": 3},
        "LOC": {"f1": 0.0, "precision": 0.0, "recall": 0.0, "n": 1},
    }
    assert set(row["intervals_95"]) == {"f1", "precision", "recall"}
    for low, high in row["intervals_95"].values():
        assert low <= 0.75 <= high
    assert row["errors"] == 0
    again = bench(service_with(NamesTier("scratch")), "ner", path)["tiers"]["scratch"]
    assert again["intervals_95"] == row["intervals_95"]
    assert "calibration" not in row


def test_word_classes_by_hand(tmp_path):
    rows = [
        {"text": "big red", "spans": [span(0, 3, "ADJ"), span(4, 7, "NOUN")]},
        {"text": "tall", "spans": [span(0, 4, "adj")]},
    ]
    row = bench(service_with(FakeTier("scratch")), "pos", data(tmp_path, *rows))["tiers"]["scratch"]
    assert row["metrics"] == {"accuracy": round(2 / 3, 6), "macro_f1": 0.4}  # ADJ 4/5, NOUN 0
    low, high = row["intervals_95"]["accuracy"]
    assert low < 2 / 3 < high
    assert row["per_label"]["ADJ"]["n"] == 2


def test_one_label_an_example_keeps_wilsons_interval(tmp_path):
    rows = [{"text": str(n), "label": n % 2} for n in range(10)]
    row = bench(service_with(FakeTier("scratch")), "sentiment", data(tmp_path, *rows))["tiers"]["scratch"]
    assert row["intervals_95"]["accuracy"] == [0.2366, 0.7634]
    assert row["calibration"] == {"ece": 0.25, "n": 10}  # always sure by 0.75, right in half of them


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({"text": "Ann", "spans": [span(0, 3, "PERSON")]}, "Line 2 .*PERSON.* none of PER, LOC"),
        ({"text": "Ann", "spans": [span(0, 9, "PER")]}, "Line 2 .*'end': 9"),
        ({"text": "Ann", "label": "PER"}, 'Line 2 .*"spans"'),
        ({"spans": []}, "Line 2"),
    ],
)
def test_a_broken_file_names_its_line(tmp_path, row, named):
    path = data(tmp_path, {"text": "Ann", "spans": []}, row)
    with pytest.raises(BadFile, match=named):
        bench(service_with(FakeTier("scratch")), "ner", path)


def test_an_endpoint_that_cannot_is_asked_once(tmp_path):
    tier = FakeTier("hosted", error=NotSupported("It cannot: paste a key."))
    path = data(tmp_path, *({"text": str(n), "spans": []} for n in range(200)))
    row = bench(service_with(tier), "ner", path)["tiers"]["hosted"]
    assert len(tier.seen) == 1
    assert (row["supported"], row["errors"], row["error"]) == (False, 200, "It cannot: paste a key.")
    assert row["metrics"] == {}


def test_thousands_of_rows_cost_little_beside_the_model(tmp_path):
    text = "Ann saw Bob and Carla in Rome with a dog . " * 3
    spans = [span(start, start + 3, "PER") for start in range(0, len(text.strip()), 43)]
    path = data(tmp_path, *({"text": f"{text}{n}", "spans": spans} for n in range(3000)))
    began = time.process_time()
    result = bench(service_with(NamesTier("scratch")), "ner", path)
    assert result["n"] == 3000
    assert result["tiers"]["scratch"]["metrics"]["recall"] == 1
    assert time.process_time() - began < 20


def test_cells_of_answers_and_golds():
    spans = (Span(0, 9, "PER", "Ann\n Lee "), Span(12, 17, "LOC", "Paris"))
    assert answer_cell(Spans(spans)) == gold_cell(spans) == "PER Ann Lee; LOC Paris"
    assert answer_cell(Spans(())) == gold_cell(()) == "none"
    assert answer_cell(None) == gold_cell(None) == ""
    assert gold_cell("positive") == "positive"


def test_csv_of_a_table_and_of_a_history_with_spans():
    service = service_with(NamesTier("scratch"), FakeTier("hosted", error=NotSupported("It cannot: paste a key.")))

    async def rows():
        return [row async for row in service.run_table("ner", ["Ann met Bob", "no one"], session="me")]

    table = list(csv.DictReader(io.StringIO(service.table_csv("ner", asyncio.run(rows())))))
    assert [row["scratch_label"] for row in table] == ["PER Ann; PER Bob", "none"]
    assert [row["scratch_confidence"] for row in table] == ["", ""]
    assert [row["hosted_label"] for row in table] == ["", ""]
    examples = service.tasks.get("ner").examples
    for example in (examples[0], examples[-1]):
        service.start("ner", example.text, session="me", emit=lambda event: None).wait(5)
    kept = [row for row in csv.DictReader(io.StringIO(service.history_csv("me"))) if row["tier"] == "scratch"]
    assert [row["gold"] for row in kept] == ["none", "PER Ana Duarte; LOC Porto; ORG Guardian; MISC Portuguese"]
    assert kept[1]["label"].startswith("PER Ana")


def test_an_answers_json_is_the_documented_one():
    service = service_with(NamesTier("scratch"))
    handle = service.start("ner", "é Ann", session="me", emit=lambda event: None)
    handle.wait(5)
    (result,) = json.loads(json.dumps(handle.record().json()))["results"]
    assert result["output"]["spans"] == [{"start": 2, "end": 5, "label": "PER", "text": "Ann", "score": 0.9}]


def test_doctor_lists_the_tasks_and_what_serves_them_here():
    found = report(Settings(space_id=None), Catalog.read(Settings().catalog))
    tasks = {task["name"]: task["models"] for task in found["tasks"]}
    assert {"sentiment", "ner", "pos"} <= set(tasks)
    assert "bundled/sentiment-general" in tasks["sentiment"]["pretrained"]
    assert set(tasks["ner"]) == {"pretrained", "finetuned", "scratch"}
