import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.errors import InputError
from playground.core.fields import MAX_VALUE_CHARS, Field, filled, items_of, value_of

FIELDS = (Field("labels", "Labels", "lines", default="a\nb"), Field("many", "Several may be true", "flag"))


def test_what_is_not_given_has_its_default_and_flags_are_on_or_off():
    assert filled("Task", FIELDS, {}) == {"labels": "a\nb", "many": ""}
    assert filled("Task", FIELDS, {"many": " True "}) == {"labels": "a\nb", "many": "1"}
    assert filled("Task", FIELDS, {"labels": "", "many": "0"}) == {"labels": "", "many": ""}
    assert list(filled("Task", FIELDS, {"many": "on", "labels": "x"})) == ["labels", "many"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"label": "x"}, "has no field “label”: use labels or many."),
        ({"x" * 5000: "x"}, "has no field “xxx"),
        ({"many": "maybe"}, "on or off"),
        ({"labels": "x" * (MAX_VALUE_CHARS + 1)}, "limit is 120,000"),
        ({"labels": "a\x00b"}, "binary"),
        ({"labels": "a\x1bb\nc"}, "binary"),
        ({"labels": "a\ud800b"}, "binary"),
        ({"labels": 3}, "must be text"),
        ({"labels": None}, "must be text"),
    ],
)
def test_a_fault_is_one_sentence(values, said):
    with pytest.raises(InputError, match=said) as caught:
        filled("Task", FIELDS, values)
    assert str(caught.value).endswith(".")
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ("", ()),
        (" \n\t\n", ()),
        ("one", ("one",)),
        ("a, b,c", ("a", "b", "c")),
        ("a, , b,", ("a", "b")),
        ('"a, b", c', ("a, b", "c")),
        ('"say ""hi""", x', ('say "hi"', "x")),
        ('5" pipe, hose', ('5" pipe', "hose")),
        ('"never closed, b', ("never closed, b",)),
        ("a, b\nc", ("a, b", "c")),
        ("\n  a, b  \n\n", ("a", "b")),
        ("a\r\nb\rc\u2028d\x85e", ("a", "b", "c", "d", "e")),
        ('"a"\n"b"', ('"a"', '"b"')),  # verbatim
        ("\u200b\nx\n\u202e", ("x",)),  # what cannot be seen is blank
        ("<b>c</b>; d, 🙂", ("<b>c</b>; d", "🙂")),
        ("ملصق, תווית", ("ملصق", "תווית")),
    ],
)
def test_reading_items(value, items):
    assert items_of(value) == items


ITEM = (
    st.text(min_size=1, max_size=12)
    .map(lambda text: " ".join(text.split()))
    .filter(
        lambda text: items_of("x\n" + text) == ("x", text)  # of one line, and to be seen
    )
)


@given(st.lists(ITEM, max_size=5))
def test_items_are_read_as_they_were_written(items):
    assert items_of(value_of(items)) == tuple(items)


@given(st.text(max_size=60))
def test_any_text_is_read_and_its_items_again_are_the_same(text):
    items = items_of(text)
    assert items_of(value_of(items)) == items
    assert all(item == item.strip() != "" for item in items)


def test_a_hundred_thousand_characters_are_read_in_no_time():
    assert len(items_of("a," * 50_000)) == 50_000
    assert items_of("x" * 100_000) == ("x" * 100_000,)
    assert items_of("y" * 119_999 + ",z") == ("y" * 119_999, "z")


def test_a_line_that_csv_does_not_take_is_said():
    with pytest.raises(InputError, match="too long"):
        items_of("x" * 200_000)


LENGTH = Field("length", "Length", "number", "64", least=1, most=512)
HEAT = Field("heat", "Temperature", "number", "0.8", least=0, most=2, step=0.1)


@pytest.mark.parametrize(
    ("given", "held"),
    [
        ({}, ("64", "0.8")),
        ({"length": " ", "heat": ""}, ("64", "0.8")),
        ({"length": " 007 ", "heat": "0.50"}, ("7", "0.5")),
        ({"length": "5e2", "heat": "+2"}, ("500", "2")),
        ({"length": "512.0", "heat": "0.123456789"}, ("512", "0.123456789")),  # a step is what the page offers
        ({"heat": "-0"}, ("64", "0")),
    ],
)
def test_a_number_is_written_as_short_as_it_can_be(given, held):
    assert tuple(filled("Task", (LENGTH, HEAT), given).values()) == held


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"length": "0"}, "“Length” is a whole number from 1 to 512, and not '0'."),
        ({"length": "513"}, "from 1 to 512, and not '513'."),
        ({"length": "1.5"}, "a whole number"),
        ({"length": "many"}, "and not 'many'."),
        ({"heat": "2.01"}, "“Temperature” is a number from 0 to 2, and not '2.01'."),
        ({"heat": "nan"}, "and not 'nan'."),
        ({"heat": "inf"}, "and not 'inf'."),
        ({"heat": "0,5"}, "and not '0,5'."),
        ({"heat": "<b>" * 40}, "a number from 0 to 2"),
    ],
)
def test_a_wrong_number_is_one_sentence(values, said):
    with pytest.raises(InputError) as caught:
        filled("Task", (LENGTH, HEAT), values)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 120
