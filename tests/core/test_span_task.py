import doctest
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core import span_task
from playground.core.errors import BadReply
from playground.core.segment import words
from playground.core.span_task import LabelSet, SpanTask, spans_of, tagged
from playground.core.task import Label
from playground.core.types import Labels, Span, Spans, in_order

NER = SpanTask(
    "names", "Names", "Who?", "",
    (Label("PER", "a person"), Label("Side_Effect", "of a drug")),
    (LabelSet("all", ("PER", "Side_Effect")),), (), "Find.",
)  # fmt: skip
POS = SpanTask(
    "classes", "Classes", "Which?", "", (Label("NOUN", "n"), Label("VERB", "v")), (), (), "Label.",
    noun=("word", "words"), every_word=True,
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(["Ann", "ann", "an", "n't", "don't", "!", "!!", "Ann-Ann", "東", "東京", "é", "e\u0301", " ", "  ",
                                  "\n", "\u200b", "👩‍🔬", "."]), min_size=1, max_size=14).map("".join)  # fmt: skip
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["Ann", "PER", "NOUN"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
ROWS = st.fixed_dictionaries({}, optional={"text": JSON, "label": JSON, "occurrence": JSON})


def row(text, label="PER", occurrence=1):
    return {"text": text, "label": label, "occurrence": occurrence}


def named(text, *rows, task=NER):
    spans = task.parse({"spans": list(rows)}, text)
    return [(span.start, span.end, span.label) for span in spans.spans], spans.unplaced


# -- the schema


def test_the_schema_is_strict_and_asks_for_no_offset():
    for task, fields in ((NER, ["text", "label", "occurrence"]), (POS, ["text", "label"])):
        schema = task.schema()
        one = schema["properties"]["spans"]["items"]
        assert schema["required"] == ["spans"]
        assert list(one["properties"]) == one["required"] == fields
        assert schema["additionalProperties"] is one["additionalProperties"] is False
        assert [kind["enum"] for kind in one["properties"]["label"]["anyOf"]] == [[label.name] for label in task.labels]
        json.dumps(schema)


# -- replies


def test_occurrences_are_counted_and_a_row_that_comes_again_is_the_next():
    text = "Ann met Ann, not Annie, and Ann left"
    assert named(text, row("Ann", occurrence=2)) == ([(8, 11, "PER")], 0)
    assert named(text, row("Ann"), row("Ann"), row("Ann"), row("Ann")) == (
        [(0, 3, "PER"), (8, 11, "PER"), (28, 31, "PER")],
        0,
    )
    assert named(text, row("Ann", occurrence=9)) == ([(28, 31, "PER")], 0)
    assert named(text, row("Ann", occurrence=-2)) == ([(0, 3, "PER")], 0)
    assert named(text, row("Ann", occurrence="two")) == ([(0, 3, "PER")], 0)
    assert named(text, row("ANN", occurrence=2)) == ([(8, 11, "PER")], 0)


def test_labels_compare_without_case_and_spans_may_nest():
    text = "Bank of New York"
    rows = [row("New York", "per"), row("Bank of New York", "side effect"), row("New York", "SIDE_EFFECT")]
    assert named(text, *rows) == ([(0, 16, "Side_Effect"), (8, 16, "PER"), (8, 16, "Side_Effect")], 0)


def test_what_cannot_be_placed_is_left_out_and_counted():
    rows = [row("Ann"), row("Bob"), row("Ann", "LOC"), row(""), row(None), "Ann", None, row("Ann", ["PER"])]
    spans = NER.parse({"spans": rows}, "Ann is here")
    assert [span.text for span in spans.spans] == ["Ann"]
    assert (spans.unplaced, spans.score_source, spans.labels) == (7, "stated", ("PER", "Side_Effect"))


def test_no_name_is_an_answer_and_only_inventions_are_none():
    assert NER.parse({"spans": []}, "nothing here").spans == ()
    for reply in ({}, {"spans": None}, {"spans": {"text": "Ann"}}, {"spans": [row("Bob")]}, {"spans": [1]}):
        with pytest.raises(BadReply):
            NER.parse(reply, "Ann")
    with pytest.raises(BadReply):
        POS.parse({"spans": []}, "Ann")


def test_words_are_placed_in_reading_order_whatever_the_model_cuts():
    text = "the cat don't eat the rat"
    assert named(text, row("the", "NOUN"), row("cat", "NOUN"), row("do", "VERB"), row("n't", "VERB"), row("eat", "VERB"),
                 row("the", "NOUN"), row("rat", "NOUN"), task=POS)[0] == [
        (0, 3, "NOUN"), (4, 7, "NOUN"), (8, 10, "VERB"), (10, 13, "VERB"), (14, 17, "VERB"), (18, 21, "NOUN"), (22, 25, "NOUN")
    ]  # fmt: skip
    assert named(text, row("the cat", "NOUN"), row("don't", "VERB"), task=POS) == ([(0, 7, "NOUN"), (8, 13, "VERB")], 0)


def test_an_invented_word_does_not_carry_the_reading_away():
    text = "a cat sat on the mat"
    rows = [row("a", "NOUN"), row("the", "NOUN"), row("cat", "NOUN"), row("dog", "NOUN"), row("sat", "VERB")]
    assert named(text, *rows, task=POS) == ([(0, 1, "NOUN"), (2, 5, "NOUN"), (6, 9, "VERB")], 2)


@given(TEXTS, st.data())
def test_the_gold_as_a_reply_is_the_gold(text, data):
    places = words(text)
    if not places:
        return
    ranges = st.tuples(st.integers(0, len(places) - 1), st.integers(0, 3), st.sampled_from(["PER", "Side_Effect"]))
    gold = set()
    for first, more, label in data.draw(st.lists(ranges, min_size=1, max_size=6)):
        start, end = places[first][0], places[min(first + more, len(places) - 1)][1]
        gold.add(Span(start, end, label, text[start:end]))
    starts, ends = {start for start, _ in places}, {end for _, end in places}

    def occurrence(span):  # by brute force, over everything that begins and ends with a word
        return sum(text.startswith(span.text, at) and at in starts and at + len(span.text) in ends
                   for at in range(span.start + 1))  # fmt: skip

    reply = {"spans": [row(span.text, span.label, occurrence(span)) for span in in_order(gold)]}
    parsed = NER.parse(json.loads(json.dumps(reply)), text)
    assert parsed.spans == in_order(gold)
    assert parsed.unplaced == 0
    assert NER.matches(parsed, in_order(gold)) is True


@given(TEXTS, st.data())
def test_every_word_as_a_reply_is_every_word(text, data):
    places = words(text)
    if not places:
        return
    gold = tuple(Span(a, b, data.draw(st.sampled_from(["NOUN", "VERB"])), text[a:b]) for a, b in places)
    parsed = POS.parse({"spans": [{"text": span.text, "label": span.label} for span in gold]}, text)
    assert parsed.spans == gold
    assert POS.matches(parsed, gold) is True


@given(st.sampled_from([NER, POS]), TEXTS, JSON | st.lists(ROWS | JSON, max_size=8))
def test_any_reply_parses_or_is_a_bad_reply(task, text, spans):
    with suppress(BadReply):
        output = task.parse({"spans": spans}, text)
        for span in output.spans:
            assert text[span.start : span.end] == span.text != ""
            assert span.label in output.labels
        assert list(output.spans) == list(in_order(output.spans))


def test_a_long_reply_fits_its_estimate():
    text = "the dog saw a cat " * 200
    reply = json.dumps({"spans": [{"text": text[a:b], "label": "NOUN"} for a, b in words(text)]})
    assert len(reply) / 4 < POS.longest_reply(text) < 4 * len(reply)  # four characters a token, roughly
    assert NER.longest_reply(text) < POS.longest_reply(text)


# -- golds


def test_golds_have_offsets_and_known_labels():
    text = "Ann 👩‍🔬 é"
    assert NER.gold({"text": text, "spans": [{"start": 4, "end": 7, "label": "per"}, {"start": 0, "end": 3, "label": "PER"}]}) == (
        Span(0, 3, "PER", "Ann"),
        Span(4, 7, "PER", "👩‍🔬"),
    )  # fmt: skip
    assert NER.gold({"text": text, "spans": []}) == ()


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({"text": "Ann"}, "spans"),
        ({"text": "Ann", "spans": {}}, "spans"),
        ({"text": "Ann", "spans": [{"start": 0, "end": 3, "label": "LOC"}]}, "LOC"),
        ({"text": "Ann", "spans": [{"start": 0, "end": 4, "label": "PER"}]}, "'end': 4"),
        ({"text": "Ann", "spans": [{"start": 2, "end": 2, "label": "PER"}]}, "start"),
        ({"text": "Ann", "spans": [{"start": True, "end": 3, "label": "PER"}]}, "start"),
        ({"text": "Ann", "spans": [{"start": 0.0, "end": 3, "label": "PER"}]}, "start"),
        ({"text": "Ann", "spans": ["PER"]}, "PER"),
    ],
)
def test_what_is_no_gold_says_why(row, named):
    assert NER.gold(row) is None
    assert named in NER.fault(row)


# -- who was right


def test_only_labels_that_a_model_knows_are_held_against_it():
    text = "Ann took it and felt sick"
    gold = spans_of(text, ("Ann", "PER"), ("felt sick", "Side_Effect"))
    people = Spans(spans_of(text, ("Ann", "PER")), ("PER",))
    assert NER.matches(people, gold) is True
    assert NER.matches(Spans((), ("PER",)), gold) is False
    assert NER.matches(Spans((), ("LOC",)), gold) is None
    assert (
        NER.matches(Spans(spans_of(text, ("it", "LOC")), ("LOC",)), gold) is False
    )  # the gold is whole: there is none
    assert NER.matches(Spans((), ("PER",)), ()) is True
    assert NER.matches(Spans(spans_of(text, ("it", "PER")), ("PER",)), ()) is False
    assert NER.matches(Labels("x", ()), gold) is None
    assert NER.matches(people, "PER") is None


def test_on_blank_separated_words_an_answer_is_read_by_those_words():
    text = "Dr Ann-Marie O'Neil 's wife"
    gold = spans_of(text, ("Ann-Marie O'Neil", "PER"))
    said = Spans(spans_of(text, ("Marie O", "PER")), ("PER",))
    ((wanted, found),) = NER.pairs(text, gold, said)
    assert wanted == found == {(3, 19, "per")}


def test_where_words_are_not_separated_spans_are_read_as_they_are():
    text = "Ann, of Paris."
    gold = spans_of(text, ("Ann", "PER"))
    said = Spans(spans_of(text, ("Ann", "PER"), ("Paris", "PER")), ("PER",))
    ((wanted, found),) = NER.pairs(text, gold, said)
    assert wanted == {(0, 3, "per")}
    assert found == {(0, 3, "per"), (8, 13, "per")}
    assert NER.pairs(text, gold, None) == [(wanted, None)]


def test_words_are_scored_one_by_one_and_a_cut_word_by_its_beginning():
    text = "she dont know"
    gold = (Span(0, 3, "NOUN"), Span(4, 8, "VERB"), Span(9, 13, "VERB"))
    said = Spans((Span(0, 3, "VERB"), Span(4, 6, "VERB"), Span(6, 8, "NOUN")), ("NOUN", "VERB"))
    assert POS.pairs(text, gold, said) == [("NOUN", "VERB"), ("VERB", "VERB"), ("VERB", None)]
    assert POS.pairs(text, gold, None) == [("NOUN", None), ("VERB", None), ("VERB", None)]
    assert POS.matches(said, gold) is False


@given(st.lists(st.sampled_from(["Ann", "Ann-Marie", "don't", "x.", "é"]), min_size=1, max_size=8), st.data())
def test_widening_is_what_going_through_all_words_gives(parts, data):
    text = " ".join(parts)
    cuts = words(text)
    chosen = data.draw(st.lists(st.integers(0, len(cuts) - 1), max_size=4))
    said = Spans(in_order(Span(*cuts[index], "PER") for index in set(chosen)), ("PER",))
    ((_, found),) = NER.pairs(text, (), said)
    expected, at = set(), 0
    for part in parts:
        expected |= {(at, at + len(part), "per") for span in said.spans if at <= span.start < at + len(part)}
        at += len(part) + 1
    assert found == expected


# -- how examples are written


def test_spans_that_do_not_stand_in_the_text_fail_loudly():
    assert spans_of("a b a", ("a", "PER"), ("a", "PER"))[1].start == 4
    for said in (("c", "PER"), ("", "PER")):
        with pytest.raises(ValueError, match="does not stand"):
            spans_of("a b", said)
    with pytest.raises(ValueError, match="does not stand"):
        spans_of("a b", ("b", "PER"), ("a", "PER"))
    with pytest.raises(ValueError, match="2 words and 1 labels"):
        tagged("a b", "NOUN")


def test_the_examples_in_the_docstrings():
    assert doctest.testmod(span_task).failed == 0
