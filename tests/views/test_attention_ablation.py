"""Answers before and after, and the grid of heads: sentences that say what happened, and nothing that somebody wrote as markup."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.attention_types import Ablated, AblationGrid, AnswerKind, Instead, Option, PartName, Place
from playground.views.attention import ablation, ablation_grid
from tests.views.tags import Tags

EVIL = "</script><img src=x onerror=alert(1)>\"'& <!--"


def two(name, before, after, labels=("positive", "negative")):
    return Place(name, (Option(labels[0], before, after), Option(labels[1], 1 - before, 1 - after)))


def ablated(kind, *places):
    return Ablated(kind, places, float(np.mean([ablation.moved(place) for place in places])))


# -- one answer


def test_a_changed_label_says_what_it_was_and_what_it_is():
    found = ablated(AnswerKind.LABELS, two("", 0.93, 0.41))
    assert ablation.verdict(found) == "positive 0.93 → 0.41: the answer changes to “negative”."
    page = Tags(ablation.answer(found, cut=True))
    assert page.text.count("Changed.") == 1
    assert "positive before 0.93 0.41 −0.52" in page.text
    assert "negative now 0.07 0.59 +0.52" in page.text
    assert [bar["style"] for bar in page.of("i") if "style" in bar] == [
        "--value:93.0%", "--value:41.0%", "--value:7.0%", "--value:59.0%",
    ]  # fmt: skip


def test_a_label_that_stays_says_how_much_moved():
    found = ablated(AnswerKind.LABELS, two("", 0.93, 0.909))
    assert ablation.verdict(found) == "positive 0.93 → 0.91: the answer stays; 2.1\xa0% of the probability moves."
    assert "Changed" not in Tags(ablation.answer(found, cut=True)).text


def test_with_nothing_off_there_is_one_number_each():
    page = Tags(ablation.answer(ablated(AnswerKind.LABELS, two("", 0.93, 0.93)), cut=False))
    assert "Nothing is off" in page.text
    assert "positive 0.93 negative 0.07" in page.text
    assert not [bar for bar in page.of("i") if bar.get("data-when") == "after"]


def test_letters_from_the_right_turn_no_number():
    found = ablated(AnswerKind.NEXT, two("the", 0.9, 0.1, ("\u05d0", " dog")))
    assert ablation.verdict(found) == "“\u2068\u05d0\u2069” 0.90 → 0.10: the likeliest next token changes to “␣dog”."


SENTENCES = [
    (AnswerKind.WORDS, [two("Oslo", 0.9, 0.1), two("is", 0.8, 0.8)], "1 of 2 words gets another label; 40.0\xa0%"),
    (AnswerKind.WORDS, [two("Oslo", 0.9, 0.8), two("is", 0.8, 0.8)], "None of 2 words gets another label; 5.0\xa0%"),
    (AnswerKind.GAPS, [two("gap 1", 0.9, 0.1), two("gap 2", 0.8, 0.2)], "2 of 2 gaps get another word;"),
    (AnswerKind.GAPS, [two("gap 1", 0.9, 0.1)], "positive 0.90 → 0.10: the likeliest word changes to “negative”."),
    (AnswerKind.SPAN, [two("start", 0.9, 0.1), two("end", 0.8, 0.8)], "1 of 2 ends of the answer moves;"),
    (AnswerKind.SPAN, [two("start", 0.9, 0.8), two("end", 0.8, 0.8)], "Neither end of the answer moves; 5.0\xa0%"),
    (AnswerKind.WRITTEN, [two("a", 0.9, 0.1), two("b", 0.8, 0.1)], "2 of 2 tokens that it wrote become others;"),
    (
        AnswerKind.NEXT,
        [two("the", 0.9, 0.1, (" cat", " dog"))],
        "“␣cat” 0.90 → 0.10: the likeliest next token changes to “␣dog”.",
    ),
    (
        AnswerKind.MANY,
        [two("", 0.9, 0.8)],
        "positive 0.90 → 0.80: the likeliest label stays; the labels' probabilities",
    ),
    (
        AnswerKind.SENTENCES,
        [two("", 0.9, 0.1)],
        "“positive” 0.90 → 0.10: the sentence that says most changes to “negat",
    ),
    (
        AnswerKind.VECTOR,
        [Place("", (Option("cosine", 1.0, 0.83),))],
        "The vector's cosine with itself as it was: 0.830",
    ),
]


@pytest.mark.parametrize(("kind", "places", "said"), SENTENCES)
def test_each_kind_of_answer_has_words_of_its_own(kind, places, said):
    found = ablated(kind, *places)
    assert ablation.verdict(found).startswith(said)
    assert said.split(";")[0] in Tags(ablation.answer(found, cut=True)).text


def test_of_many_places_those_are_shown_that_changed_most_and_the_rest_is_counted():
    places = [two(f"word{number}", 0.9, 0.9 - number / 100) for number in range(40)]
    page = Tags(ablation.answer(ablated(AnswerKind.WORDS, *places), cut=True))
    names = re.findall(r"word\d+", page.text)
    assert names == [f"word{number}" for number in range(28, 40)]
    assert "and 28 more that changed by 0.27 at most" in page.text
    calm = [two(f"word{number}", 0.9, 0.899) for number in range(43)]
    page = Tags(ablation.answer(ablated(AnswerKind.WORDS, *calm), cut=True))
    assert "and 31 more that changed less than 0.01" in page.text


def test_one_of_several_places_shows_its_likeliest_before_and_after():
    options = tuple(
        Option(f"o{at}", before, after) for at, (before, after) in enumerate([(0.5, 0.2), (0.3, 0.2), (0.2, 0.6)])
    )
    page = Tags(ablation.answer(ablated(AnswerKind.WORDS, Place("a", options), two("b", 0.9, 0.9)), cut=True))
    assert re.findall(r"o\d", page.text) == ["o0", "o2"]
    assert next(name for name in page.of("th") if name.get("scope") == "rowgroup")["rowspan"] == "2"


def test_what_somebody_wrote_is_no_markup():
    for kind in AnswerKind:
        places = [two(EVIL, 0.9, 0.1, (EVIL, "x" + EVIL)), two(EVIL, 0.9, 0.8, (EVIL, "y"))]
        page = Tags(ablation.answer(ablated(kind, *places), cut=True))
        assert not {"script", "img"} & {tag for tag, _ in page.found}


def test_places_that_changed_most_stand_in_the_order_of_the_text():
    still = [two(f"still{number}", 0.9, 0.9) for number in range(ablation.MOST_PLACES)]
    found = ablated(AnswerKind.WORDS, still[0], two("some", 0.9, 0.7), *still[1:], two("most", 0.9, 0.1))
    page = Tags(ablation.answer(found, cut=True))
    assert page.text.index("still0") < page.text.index("some") < page.text.index("still1") < page.text.index("most")
    assert "and 2 more that changed less than 0.01" in page.text
    page = Tags(ablation.answer(found, cut=False))
    assert "and 2 more" in page.text
    assert "changed" not in page.text


SHARES = st.floats(0, 1)
PLACES = st.builds(
    Place,
    st.text(max_size=5),
    st.lists(st.builds(Option, st.text(max_size=5), SHARES, SHARES), min_size=1, max_size=12).map(tuple),
)


@given(st.sampled_from(list(AnswerKind)), st.lists(PLACES, min_size=1, max_size=15), st.booleans())
def test_whatever_came_of_it_is_shown(kind, places, cut):
    found = Ablated(kind, tuple(places), 0.5)
    page = Tags(ablation.answer(found, cut=cut))
    assert ablation.verdict(found).endswith(".")
    rows = len(page.of("tr")) - 1
    if kind is not AnswerKind.VECTOR:
        assert 1 <= rows <= max(ablation.MOST_OPTIONS, 2 * ablation.MOST_PLACES)
        assert len(page.of("tbody")) == min(len(places), ablation.MOST_PLACES)


# -- the grid


def grid(effects, drops=None, changed=None, answer=AnswerKind.LABELS):
    effects = np.array(effects, np.float32)
    drops = effects if drops is None else np.array(drops, np.float32)
    changed = np.zeros(effects.shape, bool) if changed is None else np.array(changed)
    return AblationGrid(PartName.ENCODER, answer, effects, drops, changed, Instead.ZERO)


def test_a_cell_says_its_numbers_and_whether_the_answer_changes():
    found = grid([[0.12, np.nan], [0.6, 0.001]], [[0.12, np.nan], [-0.5, 0.001]], [[False, False], [True, False]])
    first, second = (Tags(row) for row in ablation_grid.rows(found))
    assert first.text == "layer 1 −.12 .12 ·"
    assert second.text == "layer 2 +.50 .60 ≠ 0 0"
    button = first.of("button")[0]
    assert button["aria-label"].startswith(
        "Without layer 1 · head 1: −0.12 for the likeliest answer, 12.0\xa0% of the prob"
    )
    assert button["aria-label"].endswith("the answer stays.")
    assert button["data-way"] == "down"
    changed = second.of("button")[0]
    assert (changed["data-way"], "data-changed" in changed) == ("up", True)
    assert changed["aria-label"].endswith("the answer changes.")
    assert ablation_grid.known(found) == 3


def test_colour_has_one_scale_for_every_text():
    cells = [Tags(row).of("button")[0]["style"] for row in ablation_grid.rows(grid([[0.25], [1.0], [0.0]]))]
    assert cells == [
        "--drop:30.0%;--effect:30.0%", "--drop:60.0%;--effect:60.0%", "--drop:0.0%;--effect:0.0%",
    ]  # fmt: skip
    assert Tags(ablation_grid.legend()).text.startswith("− 1 − .5 − .1 − .01 0 + .01")


def test_the_table_has_headers_for_rows_and_columns():
    page = Tags(ablation_grid.table(grid(np.zeros((3, 4)))))
    assert [row["data-layer"] for row in page.of("tr") if "data-layer" in row] == ["0", "1", "2"]
    assert len([head for head in page.of("th") if head["scope"] == "col"]) == 5
    assert Tags(ablation_grid.rows(grid(np.zeros((3, 4))))[1]).of("th")[0]["scope"] == "row"


def test_a_sentence_sums_the_grid_up():
    calm = grid([[0.01, 0.02], [0.0, 0.04]])
    assert ablation_grid.summary(calm, ()) == (
        "No head alone changes the answer; layer 2 · head 2 does most: 4.00\xa0% of the probability moves."
    )
    one = grid([[0.01, 0.6]], changed=[[False, True]])
    change = ((0, 1), ablated(AnswerKind.LABELS, two("", 0.9, 0.3)))
    assert ablation_grid.summary(one, (change,)) == (
        "Without layer 1 · head 2 the answer would be “negative”; no other head alone changes the answer."
    )
    assert ablation_grid.summary(one, ()) == "One head changes the answer alone: layer 1 · head 2."
    many = grid([np.linspace(0.1, 0.9, 9)], changed=[[True] * 9])
    assert ablation_grid.summary(many, ()).startswith(
        "9 heads change the answer, each alone, most by: layer 1 · head 9, "
    )
    assert ablation_grid.summary(many, ()).endswith("and 3 more.")
    assert "cosine of 0.960" in ablation_grid.summary(grid([[0.01, 0.04]], answer=AnswerKind.VECTOR), ())
    assert ablation_grid.summary(grid([[np.nan]]), ()) == "Nothing is known of any head."
    assert "or moves more than 0.01" in ablation_grid.summary(grid([[0.0, 0.00001]]), ())


def test_of_several_places_the_sentence_counts_them():
    found = grid([[0.6]], changed=[[True]], answer=AnswerKind.SPAN)
    change = ((0, 0), ablated(AnswerKind.SPAN, two("start", 0.9, 0.3), two("end", 0.9, 0.8)))
    assert ablation_grid.summary(found, (change,)) == (
        "Without layer 1 · head 1, 1 of 2 ends of the answer moves; no other head alone changes any of the answers."
    )


@given(
    st.integers(1, 5).flatmap(
        lambda heads: st.lists(
            st.lists(st.floats(-1, 1) | st.just(float("nan")), min_size=heads, max_size=heads), min_size=1, max_size=5
        )
    ),
    st.sampled_from(list(AnswerKind)),
)
def test_any_grid_has_a_cell_for_each_head(drops, answer):
    drops = np.array(drops, np.float32)
    found = AblationGrid(PartName.CROSS, answer, np.abs(drops), drops, np.abs(drops) > 0.5, Instead.MEAN)
    rows = [Tags(row) for row in ablation_grid.rows(found)]
    assert all(len(row.of("td")) == drops.shape[1] for row in rows)
    assert sum(len(row.of("button")) for row in rows) == ablation_grid.known(found)
    assert ablation_grid.summary(found, ()).endswith(".")


def test_long_names_break_after_their_words():
    html = ablation.answer(ablated(AnswerKind.LABELS, two("", 0.9, 0.8, ("card_payment_declined", "b"))), cut=True)
    assert "card_<wbr>payment_<wbr>declined" in html
