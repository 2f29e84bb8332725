import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core import squad


def test_the_docstrings_hold():
    assert doctest.testmod(squad).failed == 0


# As SQuAD's own evaluate-v1.1.py says of them.
@pytest.mark.parametrize(
    ("answer", "golds", "exact", "f1"),
    [
        ("Denver Broncos", ["Denver Broncos", "the Broncos"], True, 1.0),
        ("The Denver  broncos!", ["denver broncos"], True, 1.0),
        ("Broncos", ["Denver Broncos"], False, 2 / 3),
        ("Santa Clara, California", ["Levi's Stadium", "Santa Clara"], False, 0.8),
        ("an apple a day", ["apple day"], True, 1.0),
        ("theory", ["a theory of the"], False, 2 / 3),
        ("1,500", ["1500"], True, 1.0),
        ("one one two", ["one two two"], False, 2 / 3),
        ("x", ["y"], False, 0.0),
        ("", ["y"], False, 0.0),
        ("", [], True, 1.0),
        ("y", [], False, 0.0),
        ("“quoted”", ["quoted"], False, 0.0),  # only ASCII punctuation goes
        ("...", ["!"], True, 1.0),
    ],
)
def test_as_the_official_script_says(answer, golds, exact, f1):
    assert squad.exact(answer, golds) is exact
    assert squad.f1(answer, golds) == pytest.approx(f1)


@given(st.text(max_size=30), st.lists(st.text(max_size=30), min_size=1, max_size=3))
def test_f1_is_a_share_and_one_wherever_the_match_is_exact(answer, golds):
    assert 0 <= squad.f1(answer, golds) <= 1
    if squad.exact(answer, golds):
        assert squad.f1(answer, golds) == pytest.approx(1)
    assert squad.exact(golds[0], golds)
