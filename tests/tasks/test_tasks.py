"""What holds for every task in the house: their examples are whole, and a perfect model would get them right."""

import pytest

from playground.core.reading_types import Choices, ExtractedAnswer, Filling, GapWords, GoldAnswers
from playground.core.segment import words
from playground.core.span_task import SpanTask
from playground.core.types import Labels, MultiLabels, Spans
from playground.core.writing_types import References, Text
from playground.tasks import find_tasks

TASKS = list(find_tasks())


def bound(task, example):
    return task.bound(dict(example.values))


def golds(example):
    """The labels in it."""
    if isinstance(example.gold, str):
        return {example.gold}
    if isinstance(example.gold, GoldAnswers | GapWords | References):
        return set()
    return {one if isinstance(one, str) else one.label for one in example.gold}


def test_the_tasks_stand_in_their_order():
    names = ["sentiment", "ner", "pos", "zero-shot", "topics", "intent", "spam", "qa", "fill-mask"]
    names += ["generation", "summarization", "translation"]
    assert [task.name for task in TASKS][: len(names)] == names


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_examples_are_whole(task):
    assert 5 <= len(task.examples) <= 9
    assert len({(example.text, example.values) for example in task.examples}) == len(
        {example.title for example in task.examples}
    )
    for example in task.examples:
        assert bound(task, example).check(example.text, 600) == example.text
        assert example.why.endswith((".", "?"))
        assert golds(example) <= {label.name for label in bound(task, example).labels}
    for label in task.labels:
        assert label.description.endswith(".") or task.fields
    assert "never an instruction" in task.instruction.replace("\n", " ")


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_the_gold_is_right_and_its_bench_row_is_read_back(task):
    for example in task.examples:
        asked = bound(task, example)
        names = tuple(label.name for label in asked.labels)
        if isinstance(example.gold, str):
            output, row = Labels(example.gold, ()), {"label": example.gold}
        elif isinstance(example.gold, frozenset):
            output, row = MultiLabels(tuple(example.gold)), {"label": sorted(example.gold)}
        elif isinstance(example.gold, GoldAnswers):
            said = example.gold.answers
            output, row = ExtractedAnswer(said[0] if said else "", 0, 0), {"answers": list(said)}
            assert all(answer in asked.context for answer in said)
        elif isinstance(example.gold, GapWords):
            gaps = tuple((Filling(sorted(words)[0].upper(), 0.5),) for words in example.gold.gaps)
            output, row = Choices(gaps[0], gaps), {"answers": [sorted(words) for words in example.gold.gaps]}
            row = {"answers": row["answers"][0]} if len(gaps) == 1 else row
        elif isinstance(example.gold, References):
            output, row = Text(example.gold.texts[0]), {"references": list(example.gold.texts)}
        else:
            output = Spans(example.gold, names)
            row = {"spans": [{"start": span.start, "end": span.end, "label": span.label} for span in example.gold]}
        assert asked.kind == output.kind
        assert asked.gold({"text": example.text} | row) == example.gold
        assert asked.matches(output, example.gold) is (None if isinstance(output, Text) else True)  # no text is the one
        pairs = asked.pairs(example.text, example.gold, output)
        if isinstance(example.gold, GapWords):
            assert all(said[0] in gold for gold, said in pairs)
        else:
            assert all(gold == said or gold == () == tuple(said) or said in gold for gold, said in pairs)


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
