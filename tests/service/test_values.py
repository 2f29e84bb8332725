"""Values of a task's fields, from whoever asks to what is kept."""

import asyncio
import csv
import io
import json

import pytest

from playground.core.errors import BadFile, EmptyInput, InputError, UnknownName
from playground.core.events import Cancelled, Emitter, Finished
from playground.core.types import JudgedLabel, Labels, LabelScore, MultiLabels, Source, Stats
from tests.fakes.tier import FakeTier, cancel_handle
from tests.service.service_helpers import service_with

TEXT = "The box was soaked through."
OWN = {"labels": "late, or never\n<b>wet</b>"}


class OwnTier(FakeTier):
    """Answers with the label whose letters are in the text; where several may be true, with all of them."""

    tasks = ()

    def start(self, task, request, emit, cancel):
        self.tasks = (*self.tasks, task)
        emitter = Emitter(emit)
        cancel.on_set(lambda: emitter(Cancelled()))
        names = [label.name for label in task.labels]
        said = [name for name in names if name.casefold() in request.text.casefold()]
        if task.kind == MultiLabels.kind:
            scores = tuple(JudgedLabel(name, 0.75 if name in said else 0.25, 0.5) for name in names)
            output = MultiLabels(tuple(said), scores)
        else:
            label = (said or names)[0]
            output = Labels(label, (LabelScore(label, 0.75),))
        emitter(Finished(output=output, stats=Stats(model="fake/own", source=Source.BUNDLED)))
        return cancel_handle(cancel)


@pytest.fixture
def tier():
    return OwnTier("scratch")


@pytest.fixture
def service(tier):
    return service_with(tier)


def run(service, values=None, text=TEXT, task="zero-shot"):
    handle = service.start(task, text, session="me", emit=lambda event: None, values=values)
    assert handle.wait(5)
    return handle.record()


def test_a_run_is_of_the_bound_task_and_its_record_says_what_with(service, tier):
    record = run(service, OWN)
    assert [label.name for label in tier.tasks[0].labels] == ["late, or never", "<b>wet</b>"]
    assert record.values == (("labels", OWN["labels"]), ("many", ""))
    assert record.json()["values"] == {"labels": OWN["labels"], "many": ""}
    assert run(service).values == service.task("zero-shot").values  # defaults are filled in
    assert service.record("me", record.id).values == record.values
    sentiment = run(service, task="sentiment")
    assert sentiment.values == ()
    assert "values" not in sentiment.json()


def test_the_gold_is_that_of_the_example_with_these_values(service):
    example = next(one for one in service.tasks.get("zero-shot").examples if one.values and isinstance(one.gold, str))
    assert run(service, dict(example.values), example.text).gold == example.gold
    written = {"labels": example.values[0][1] + "\n\n", "many": "off"}
    assert run(service, written, example.text).gold == example.gold
    assert run(service, OWN, example.text).gold is None
    assert run(service, dict(example.values) | {"many": "1"}, example.text).gold is None
    plain = next(one for one in service.tasks.get("zero-shot").examples if not one.values)
    assert run(service, None, plain.text).gold == plain.gold


@pytest.mark.parametrize(
    ("values", "task", "error"),
    [
        ({"labels": "one"}, "zero-shot", InputError),
        ({"labels": ""}, "zero-shot", InputError),
        ({"colour": "red"}, "zero-shot", InputError),
        ({"labels": "a, b"}, "sentiment", InputError),
        ({}, "nothing", UnknownName),
    ],
)
def test_wrong_values_are_said_before_any_tier_starts(service, tier, values, task, error):
    with pytest.raises(error):
        service.start(task, TEXT, session="me", emit=lambda event: None, values=values)
    with pytest.raises(error):
        service.task(task, values)
    with pytest.raises(error):
        service.snippet(task, "scratch", TEXT, values=values)

    async def first(rows):
        return await anext(rows)

    with pytest.raises(error):
        asyncio.run(first(service.run_events(task, TEXT, session="me", values=values)))
    with pytest.raises(error):
        asyncio.run(first(service.run_table(task, [TEXT], session="me", values=values)))
    assert tier.tasks == ()
    assert service.work().runs == 0


@pytest.mark.parametrize("text", ["", "x" * 100_000, "a\x00b"])
def test_a_wrong_text_is_still_refused(service, text):
    with pytest.raises(InputError) as caught:
        run(service, OWN, text)
    assert isinstance(caught.value, EmptyInput) == (text == "")


def test_events_and_tables_have_the_same_values_for_all(service, tier):
    async def all_of(rows):
        return [row async for row in rows]

    values = {"labels": "wet, dry, red", "many": "1"}
    events = asyncio.run(all_of(service.run_events("zero-shot", "dry and red", session="me", values=values)))
    assert set(events[-1].event.output.labels) == {"dry", "red"}
    rows = asyncio.run(all_of(service.run_table("zero-shot", ["wet", "", "red dry"], session="me", values=values)))
    said = {row.index: row.results[0].output for row in rows}
    assert {index: output and set(output.labels) for index, output in said.items()} == {
        0: {"wet"},
        1: None,
        2: {"red", "dry"},
    }
    assert len({task.values for task in tier.tasks}) == 1
    table = list(csv.DictReader(io.StringIO(service.table_csv("zero-shot", rows))))
    assert [row["scratch_label"] for row in table] == ["wet", "", "dry; red"]


def test_the_history_says_what_with_and_runs_nothing_in_a_spreadsheet(service):
    run(service, {"labels": "=1+1, box", "many": "1"}, "a box of =1+1")
    run(service, task="sentiment")
    newest, own = csv.DictReader(io.StringIO(service.history_csv("me")))
    assert newest["values"] == ""
    assert json.loads(own["values"]) == {"labels": "=1+1\nbox", "many": "1"}
    assert own["label"] == "'=1+1; box"


# -- bench


def bench(service, tmp_path, *rows, task="zero-shot", **kwargs):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return asyncio.run(service.bench(task, path, **kwargs))


def test_bench_with_the_labels_of_the_file(service, tmp_path):
    rows = [
        {"text": "a wet day", "label": "wet"},
        {"text": "so dry", "label": "dry"},
        {"text": "no idea", "label": "dry"},
    ]
    found = bench(service, tmp_path, *rows)
    assert found["values"] == {"labels": "wet\ndry", "many": ""}
    row = found["tiers"]["scratch"]
    assert row["metrics"] == {"accuracy": round(2 / 3, 6), "macro_f1": round(2 / 3, 6)}
    assert row["per_label"]["wet"] == {"f1": round(2 / 3, 6), "precision": 0.5, "recall": 1.0, "n": 1}
    assert row["calibration"] == {"ece": round(0.75 - 2 / 3, 6), "n": 3}


def test_bench_with_labels_that_were_given_and_rows_own(service, tier, tmp_path):
    rows = [{"text": "wet", "label": "WET"}, {"text": "red", "label": "red", "labels": ["red", "late, or never"]}]
    found = bench(service, tmp_path, *rows, values={"labels": "dry, wet"})
    assert found["tiers"]["scratch"]["metrics"]["accuracy"] == 1
    assert set(found["tiers"]["scratch"]["per_label"]) == {"wet", "red"}
    assert {tuple(label.name for label in task.labels) for task in tier.tasks} == {
        ("dry", "wet"),
        ("red", "late, or never"),
    }
    assert "values" not in found  # not the same for all


def test_bench_of_several_labels(service, tmp_path):
    rows = [
        {"text": "wet red", "label": ["wet", "red"]},
        {"text": "dry", "label": ["wet"]},
        {"text": "nothing", "label": []},
    ]
    found = bench(service, tmp_path, *rows)["tiers"]["scratch"]
    # wet: right 1, true 2, given 1; red: 1, 1, 1
    assert found["metrics"] == {"macro_f1": round((2 / 3 + 1) / 2, 6), "micro_f1": 0.8}
    assert found["calibration"]["n"] == 6
    topics = [{"text": "joy and love", "labels": ["joy", 18]}, {"text": "so so", "label": "27"}]
    found = bench(service, tmp_path, *topics, task="topics")["tiers"]["scratch"]
    assert found["metrics"] == {"macro_f1": round(2 / 3, 6), "micro_f1": 0.8}
    assert found["calibration"]["n"] == 56


@pytest.mark.parametrize(
    ("rows", "values", "error", "said"),
    [
        ([{"text": "x", "label": "a"}], {}, BadFile, "Line 1.*only label"),
        (
            [{"text": "x", "label": "a"}, {"text": "y", "label": "c"}],
            {"labels": "a, b"},
            BadFile,
            "Line 2.*none|Line 2.*not one",
        ),
        ([{"text": "x", "label": "a", "labels": "a, b"}], {}, BadFile, "Line 1.*no list"),
        ([{"text": "x", "label": str(n)} for n in range(501)], {}, BadFile, "501 labels"),
        ([{"text": "x", "label": "a"}], {"colour": "red"}, InputError, "^Zero-shot has no field"),
        ([{"text": "x", "label": "a"}], {"labels": "a, A"}, InputError, "^The label “A” is there twice"),
        ([{"text": "x"}, {"text": "y", "label": "b"}, {"text": "z", "label": "c"}], {}, BadFile, "Line 1"),
    ],
)
def test_a_fault_of_a_file_names_its_line(service, tmp_path, rows, values, error, said):
    with pytest.raises(error, match=said):
        bench(service, tmp_path, *rows, values=values)


def test_values_of_a_task_without_fields(service, tmp_path):
    with pytest.raises(InputError, match="no field"):
        bench(service, tmp_path, {"text": "x", "label": 1}, task="spam", values={"labels": "a, b"})
    found = bench(service, tmp_path, {"text": "spam", "label": 1}, {"text": "ham", "label": "ham"}, task="spam")
    assert "values" not in found
    assert found["tiers"]["scratch"]["metrics"] == {"f1": 1, "accuracy": 1, "precision": 1, "recall": 1}
