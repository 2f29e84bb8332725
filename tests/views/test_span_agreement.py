"""Spans of several tiers side by side: only what two models could both say is compared, and the words say which that is."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.run import RunRecord, TierResult
from playground.core.task import Label
from playground.core.types import Source, Span, Spans, Stats
from playground.ui.cards import asked_of
from playground.views.agreement import agreement
from playground.views.history import history_row
from playground.views.plot import plot
from playground.views.span_agreement import MOST_ROWS
from playground.views.span_compare import Found, rows_of
from playground.views.state import Asked
from playground.views.table import table
from tests.fakes.spans import classes_task, fake_spans, names_task
from tests.views.conftest import spans, words
from tests.views.test_html import parsed
from tests.views.test_panels import RISKY, Row, text

GENERAL, MEDICAL = ("PER", "LOC", "ORG", "MISC"), ("Chemical", "Disease")
ASKED = Asked("spans", tuple(Label(name, f"A {name}.") for name in GENERAL + MEDICAL), ("entity", "entities"))
TEXT = "Anna took aspirin in New York."
ANNA, ASPIRIN, YORK = Span(0, 4, "PER", "Anna"), Span(10, 17, "Chemical", "aspirin"), Span(21, 29, "LOC", "New York")


def said(tier, labels, *found, source=Source.BUNDLED):
    return TierResult(tier, None, Spans(found, labels), Stats(source=source, latency_seconds=0.01))


def table_of(markup):
    """The table's rows as the words in their cells."""
    rows = markup.split("<tbody>")[1].split("</tbody>")[0].split("<tr")[1:]
    return [[" ".join("".join(parsed(f"<td{cell}").text).split()) for cell in row.split("<t")[1:]] for row in rows]


def compared(*results, titles, words_=TEXT, gold=None, asked=ASKED):
    return agreement(results, titles, asked=asked, text=words_, gold=gold)


def test_two_that_know_the_same_labels_are_compared_place_by_place(titles):
    line = compared(
        said("pretrained", GENERAL, ANNA, YORK),
        said("scratch", GENERAL, ANNA, Span(21, 29, "ORG", "New York"), Span(10, 17, "MISC", "aspirin")),
        titles=titles,
    )
    assert text(line).startswith(
        "Tiers differ.They agree on 1 of 3 entities. All know the same labels: PER, LOC, ORG and MISC."
    )
    assert table_of(line) == [
        ["Anna PER", "✓the same", "✓the same"],
        ["aspirin MISC", "–not found", "✓the same"],
        ["New York LOC", "✓the same", "ORG"],
    ]
    assert line.count("data-differ") == 2


def test_models_of_other_labels_are_not_wrong_but_of_another_kind(titles):
    line = compared(
        said("pretrained", GENERAL, ANNA, YORK),
        said("finetuned", MEDICAL, ASPIRIN),
        said("scratch", MEDICAL, ASPIRIN, Span(0, 4, "Disease", "Anna")),
        titles=titles,
    )
    assert (
        "Tiers that can be compared agree.They agree on the one entity whose label two or more of them know."
        in text(line)
    )
    assert (
        "Pretrained knows PER, LOC, ORG and MISC; fine-tuned and from scratch know Chemical and Disease. "
        "Compared on Chemical and Disease (fine-tuned and from scratch)."
    ) in text(line)
    assert table_of(line) == [
        ["Anna PER", "✓the same", "not its kind", "Disease"],
        ["aspirin Chemical", "not its kind", "✓the same", "✓the same"],
        ["New York LOC", "✓the same", "not its kind", "not its kind"],
    ]
    apart = compared(said("pretrained", GENERAL, ANNA), said("finetuned", MEDICAL, ASPIRIN), titles=titles)
    assert "Nothing in common to compare." in text(apart)
    assert "They share no label." in text(apart)


def test_a_model_that_knows_all_labels_is_compared_with_each(titles):
    line = compared(
        said("hosted", GENERAL + MEDICAL, ANNA, ASPIRIN, source=Source.LIVE),
        said("pretrained", GENERAL, ANNA),
        said("finetuned", MEDICAL),
        titles=titles,
    )
    assert "They agree on 1 of 2 entities whose label two or more of them know." in text(line)
    assert (
        "Compared on PER, LOC, ORG and MISC (hosted API and pretrained); Chemical and Disease (hosted API and fine-tuned)."
        in text(line)
    )


def test_other_words_at_the_same_place_are_quoted(titles):
    line = compared(
        said("pretrained", GENERAL, YORK), said("scratch", GENERAL, Span(25, 29, "LOC", "York")), titles=titles
    )
    assert table_of(line) == [
        ["New York LOC", "✓the same", "“York” LOC"],
        ["York LOC", "“New York” LOC", "✓the same"],
    ]


def test_the_truth_has_a_column_and_names_the_row(titles):
    line = compared(
        said("pretrained", GENERAL, Span(21, 29, "ORG", "New York")),
        said("scratch", GENERAL, Span(0, 4, "ORG", "Anna")),
        titles=titles,
        gold=(YORK, ASPIRIN),
    )
    assert table_of(line) == [
        ["Anna ORG", "– not there", "–not found", "ORG"],
        ["aspirin Chemical", "✓", "not its kind", "not its kind"],
        ["New York LOC", "✓", "ORG", "–not found"],
    ]
    cells = [attributes.get("class") for tag, attributes in parsed(line).tags if tag == "td" and "title" in attributes]
    assert "pg-wrong" in cells
    assert ">gold<" in line
    assert ">gold<" not in compared(said("pretrained", GENERAL, ANNA), titles=titles)


def test_tiers_agree_with_one_another_also_where_the_truth_is_another(titles):
    wrong = Span(21, 29, "ORG", "New York")
    line = compared(
        said("pretrained", GENERAL, wrong), said("scratch", GENERAL, wrong), titles=titles, gold=(YORK, ANNA)
    )
    assert "They agree on the one entity." in text(line)
    assert table_of(line) == [["Anna PER", "✓", "–not found", "–not found"], ["New York LOC", "✓", "ORG", "ORG"]]


def test_one_answer_none_and_the_stand_in(titles):
    alone = text(compared(said("pretrained", GENERAL, ANNA), titles=titles))
    assert alone.startswith("One answer.Pretrained knows PER, LOC, ORG and MISC.")
    empty = compared(said("pretrained", GENERAL), said("finetuned", MEDICAL), titles=titles)
    assert "Tiers agree.None of them found any entity." in text(empty)
    assert "<table" not in empty
    stand_in = said("hosted", GENERAL, YORK, source=Source.STAND_IN)
    left = text(compared(stand_in, said("pretrained", GENERAL, ANNA), titles=titles))
    assert "Hosted API is left out" in left
    assert "New York" not in left


def test_the_same_again_is_one_row_and_many_rows_are_bounded(titles):
    again = "aspirin " * 9
    places = [Span(8 * n, 8 * n + 7, "Chemical", "aspirin") for n in range(9)]
    line = compared(
        said("finetuned", MEDICAL, *places), said("scratch", MEDICAL, *places[:-1]), titles=titles, words_=again
    )
    assert [row[0] for row in table_of(line)] == ["aspirin Chemical ×8", "aspirin Chemical"]
    assert "They agree on 8 of 9 entities." in text(line)
    many = " ".join(f"drug{n:04}" for n in range(200))
    drugs = [Span(9 * n, 9 * n + 8, "Chemical") for n in range(200)]
    line = compared(said("finetuned", MEDICAL, *drugs), said("scratch", MEDICAL), titles=titles, words_=many)
    assert len(table_of(line)) == MOST_ROWS
    assert "and 140 more" in text(line)


def test_of_word_classes_only_those_that_differ_are_shown_in_their_place(titles):
    task = classes_task()
    sentence = "The old flies like a hat, they say."
    found = {tier: fake_spans(task, sentence, tier) for tier in ("pretrained", "finetuned", "scratch")}
    results = [TierResult(tier, None, output, Stats(source=Source.BUNDLED)) for tier, output in found.items()]
    line = agreement(results, titles, asked=asked_of(task), text=sentence)
    assert "They agree on 9 of 10 words (90%)." in text(line)
    assert "All know the same labels: ADJ, ADP, ADV, AUX, CCONJ, DET, INTJ, NOUN and 9 more." in text(line)
    assert table_of(line) == [["The old flies like a hat, they", "NOUN", "NOUN", "VERB"]]
    assert "Tiers agree.They agree on all 10 words." in text(
        agreement(results[:2], titles, asked=asked_of(task), text=sentence)
    )


outputs = st.lists(spans, min_size=1, max_size=4)


@given(outputs, st.one_of(st.none(), spans))
def test_every_place_of_every_answer_has_one_row(found, gold):
    rows = rows_of(found, None if gold is None else gold.spans)
    places = {(span.start, span.end) for output in found for span in output.spans}
    places |= set() if gold is None else {(span.start, span.end) for span in gold.spans}
    assert [(row.start, row.end) for row in rows] == sorted(places, key=lambda place: (place[0], -place[1]))


@given(spans, st.integers(2, 4))
def test_who_says_the_same_agrees_wherever_it_is_compared(output, count):
    rows = rows_of([output] * count)
    assert all(row.agreed for row in rows if row.counted and len(set(map(extent, output.spans))) == len(output.spans))
    assert all(cell.found is not Found.NOTHING for row in rows for cell in row.cells)


def extent(span):
    return span.start, span.end


@given(outputs, words, words, st.booleans())
def test_the_comparison_escapes_what_it_shows(found, written, label, every_word):
    titles = {str(place): written for place in range(4)}
    results = [TierResult(str(place), None, output, Stats()) for place, output in enumerate(found)]
    asked = Asked("spans", (Label(label, written),), (written, written), every_word)
    for markup in (
        agreement(results, titles, asked=asked, text=written, gold=found[0].spans),
        plot(results, titles, asked),
        table([Row(0, written, tuple(results))], titles, 1),
    ):
        tags = parsed(markup).tags
        assert not RISKY & {tag for tag, _ in tags}
        assert not [name for _, attributes in tags for name in attributes if name.startswith("on")]


def test_plot_table_and_history_name_what_was_found(titles):
    task = names_task()
    text_ = task.examples[0].text
    results = tuple(
        TierResult(tier, None, fake_spans(task, text_, tier), Stats(source=Source.BUNDLED, latency_seconds=0.01))
        for tier in ("pretrained", "finetuned", "scratch")
    )
    bars = text(plot(results, titles, asked_of(task)))
    assert "0.89 4 entities" in bars
    assert "– no entity" in bars
    lines = text(table([Row(0, text_, results)], titles, 1))
    assert "PER Ana Duarte, LOC Porto, ORG Guardian, PER Anna 0.89" in lines
    assert "the tiers agree on all of them" in lines  # the two that can be compared
    record = RunRecord(1, datetime(2026, 1, 2, tzinfo=UTC), "ner", text_, (), results, gold=task.examples[0].gold)
    row = text(history_row(record, titles, {"pretrained": True}))
    assert "PER Ana Duarte, LOC Porto, ORG Guardian, PER Anna ✓" in row
    assert row.count("✓") == 1


def test_lines_whose_tiers_share_no_label_have_nothing_to_compare(titles):
    row = Row(0, TEXT, (said("pretrained", GENERAL, ANNA), said("finetuned", MEDICAL)))
    assert "nothing to compare" in text(table([row], titles, 1))


@pytest.mark.parametrize("task", [names_task(), classes_task()], ids=["entities", "words"])
def test_a_long_text_is_compared_in_a_bounded_table(task, titles):
    written = ("Anna took ibuprofen in Porto and has a rash, the Guardian flies. " * 400)[:20_000]
    results = [
        TierResult(tier, None, fake_spans(task, written, tier), Stats(source=Source.BUNDLED))
        for tier in ("pretrained", "finetuned", "scratch")
    ]
    markup = agreement(results, titles, asked=asked_of(task), text=written)
    assert len(table_of(markup)) <= MOST_ROWS
    assert len(markup) < 60_000
