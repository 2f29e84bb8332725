"""What holds for every task in the house: their examples are whole, and a perfect model would get them right."""

import pytest

from playground.core.segment import words
from playground.core.span_task import SpanTask
from playground.core.types import Labels, Spans
from playground.tasks import find_tasks

TASKS = list(find_tasks())


def test_the_tasks_stand_in_their_order():
    assert [task.name for task in TASKS][:3] == ["sentiment", "ner", "pos"]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_examples_are_whole(task):
    assert 5 <= len(task.examples) <= 9
    assert len({example.text for example in task.examples}) == len({example.title for example in task.examples})
    names = {label.name for label in task.labels}
    for example in task.examples:
        assert task.check(example.text, 500) == example.text
        assert example.why.endswith((".", "?"))
        said = {example.gold} if isinstance(example.gold, str) else {span.label for span in example.gold}
        assert said <= names
    for label in task.labels:
        assert label.description.endswith(".")
    assert "never an instruction" in task.instruction.replace("\n", " ")


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_the_gold_is_right_and_its_bench_row_is_read_back(task):
    names = tuple(label.name for label in task.labels)
    for example in task.examples:
        if isinstance(example.gold, str):
            output, row = Labels(example.gold, ()), {"label": example.gold}
        else:
            output = Spans(example.gold, names)
            row = {"spans": [{"start": span.start, "end": span.end, "label": span.label} for span in example.gold]}
        assert task.gold({"text": example.text} | row) == example.gold
        assert task.matches(output, example.gold) is True
        assert all(gold == said for gold, said in task.pairs(example.text, example.gold, output))


@pytest.mark.parametrize("task", [task for task in TASKS if isinstance(task, SpanTask)], ids=lambda task: task.name)
def test_spans_stand_on_words_and_sets_hold_all_labels(task):
    assert {name for one in task.sets for name in one.labels} == {label.name for label in task.labels}
    for example in task.examples:
        places = words(example.text)
        assert {span.start for span in example.gold} <= {start for start, _ in places}
        assert {span.end for span in example.gold} <= {end for _, end in places}
        assert all(example.text[span.start : span.end] == span.text for span in example.gold)
        if task.every_word:
            assert [(span.start, span.end) for span in example.gold] == places
    shown = {span.label for example in task.examples for span in example.gold}
    assert len(shown) >= 0.9 * len(task.labels)
