"""Labels that are judged each by itself: bars with thresholds, what is missing and too much, which tier gives which label."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.run import TierResult
from playground.core.task import Label
from playground.core.types import Choice, JudgedLabel, Labels, LabelScore, MultiLabels, Source, Stats
from playground.views.agreement import agreement
from playground.views.announce import announcement
from playground.views.card import card
from playground.views.kinds import view_of
from playground.views.label_sets import judged
from playground.views.plot import plot
from playground.views.state import Asked, CardState, Phase
from tests.views.conftest import multilabels, words
from tests.views.test_html import parsed
from tests.views.test_panels import RISKY

NAMES = ("anger", "fear", "joy", "love", "pride", "relief", "sadness", "surprise")
MANY = Asked("multilabels", tuple(Label(name, f"It shows {name}.") for name in NAMES))
FEW = Asked("multilabels", MANY.labels[:3])


def judge(**scores):
    """Thresholds of 0.5, of `love` 0.1."""
    rows = [JudgedLabel(name, score, 0.1 if name == "love" else 0.5) for name, score in scores.items()]
    rows.sort(key=lambda row: -row.score)
    return MultiLabels(tuple(row.label for row in rows if row.score >= row.threshold), tuple(rows))


ALL = judge(anger=0.02, fear=0.49, joy=0.91, love=0.12, pride=0.4, relief=0.01, sadness=0.3, surprise=0.6)


def answered(output, asked=MANY, **changes):
    fixed = {"choices": (Choice("a", "A", Source.BUNDLED),), "phase": Phase.DONE, "stats": Stats(source=Source.BUNDLED)}
    return CardState("scratch", 4, "From scratch", asked=asked, output=output, **{**fixed, **changes})


def shown(markup):
    return " ".join("".join(parsed(markup).text).replace("\xa0", " ").split())


def titles_of(state):
    return [
        attributes["title"] for tag, attributes in parsed(card(state)).tags if tag == "li" and "title" in attributes
    ]


def result(tier, output, source=Source.BUNDLED):
    return TierResult(tier, None, output, Stats(source=source))


def test_what_holds_is_the_answer_best_first_and_none_is_one_too():
    assert ALL.labels == ("joy", "surprise", "love")
    assert view_of(ALL).headline(ALL, MANY) == "joy · surprise · love"
    nothing = MultiLabels((), ALL.scores)
    assert "none holds" in shown(card(answered(nothing)))
    assert view_of(nothing).said(nothing) == "none"
    many = MultiLabels(NAMES)
    assert view_of(many).headline(many, MANY) == "anger · fear · joy · love · +4"


def test_each_bar_has_its_threshold_drawn_told_and_spoken():
    state = answered(ALL)
    found = parsed(card(state))
    marks = [attributes["style"] for _, attributes in found.tags if attributes.get("class") == "pg-bar-threshold"]
    assert marks == ["--value:50.0%", "--value:50.0%", "--value:10.0%", *["--value:50.0%"] * 5]
    assert titles_of(state)[2:4] == [
        "love: 0.12, holds: its threshold is 0.10.",
        "fear: 0.49, does not hold: its threshold is 0.50.",
    ]
    assert "love0.12 holds, threshold 0.10" in shown(card(state))
    assert "fear0.49 does not hold, threshold 0.50" in shown(card(state))
    assert "holds from here on" in shown(card(state))


def test_of_many_what_holds_is_among_the_five_whatever_its_score():
    classes = [a["class"].split() for tag, a in parsed(card(answered(ALL))).tags if tag == "li"]
    assert ["pg-said" in names for names in classes] == [True] * 3 + [False] * 5
    assert ["pg-rest" in names for names in classes] == [False] * 5 + [True] * 3
    assert "all 8" in shown(card(answered(ALL)))
    few = answered(judge(anger=0.02, fear=0.49, joy=0.91), asked=FEW)
    assert [title.split(":")[0] for title in titles_of(few)] == ["anger", "fear", "joy"]  # the task's order
    assert "all " not in shown(card(few))


def test_a_card_has_its_height_before_it_has_its_answer():
    def lines(state):
        classes = [a.get("class", "").split() for _, a in parsed(card(state)).tags]
        return [
            names[0] for names in classes if names and names[0] in ("pg-bar", "pg-bars-foot") and "pg-rest" not in names
        ]

    for asked, output in ((MANY, ALL), (FEW, judge(joy=0.9)), (FEW, MultiLabels(("joy",))), (MANY, MultiLabels(()))):
        assert lines(answered(None, asked, phase=Phase.IDLE)) == lines(answered(output, asked))


def test_an_endpoint_without_thresholds_or_scores_says_so():
    stated = MultiLabels(("joy",), (JudgedLabel("joy", 0.8),), "stated")
    assert "no thresholds" in shown(card(answered(stated)))
    assert "Scores as stated by the model." in shown(card(answered(stated)))
    assert "pg-bar-threshold" not in card(answered(stated))
    bare = MultiLabels(("joy",), (), "stated")
    assert "The model gave no scores." in shown(card(answered(bare)))
    assert view_of(bare).confidence(bare) is None
    assert "gave no scores" not in shown(card(answered(MultiLabels((), (), "stated"))))
    assert view_of(ALL).confidence(ALL) == pytest.approx((0.91 + 0.6 + 0.12) / 3)


def test_right_or_what_is_missing_and_what_is_too_much():
    right = answered(ALL, gold=frozenset({"Joy", "surprise", "love"}), right=True)
    assert "✓ gold" in shown(card(right))
    wrong = answered(ALL, gold=frozenset({"joy", "fear"}), right=False)
    assert "✗ missing: fear; too many: surprise, love" in shown(card(wrong))
    assert titles_of(wrong)[:2] == [
        "joy: 0.91, holds: its threshold is 0.50. Right.",
        "surprise: 0.60, holds: its threshold is 0.50. Not true.",
    ]
    assert any(title.startswith("fear") and title.endswith("True, and missed.") for title in titles_of(wrong))
    none = answered(ALL, gold=frozenset(), right=False)
    assert "✗ too many: joy, surprise, love" in shown(card(none))
    assert "gold" not in shown(card(answered(ALL)))


@given(multilabels, st.frozensets(words, max_size=4))
def test_a_verdict_leaves_nothing_out_and_counts_nothing_twice(output, gold):
    verdict = judged(output, gold)
    assert sorted([*verdict.found, *verdict.extra]) == sorted(output.labels)
    assert set(verdict.missed) <= gold


def test_what_changed_since_the_last_run():
    view = view_of(ALL)
    before = judge(joy=0.9, fear=0.7, surprise=0.1)
    assert view.change(ALL, before) == (
        "+surprise +love −fear since last run",
        "Changed since the last run. New: surprise, love. Gone: fear.",
    )
    assert view.change(ALL, ALL) is None
    weaker = judge(joy=0.71, surprise=0.6, love=0.12)
    assert view.change(weaker, ALL)[0] == "−0.07 since last run"
    assert "last run 0.91" in " ".join(titles_of(answered(weaker, previous=ALL)))
    assert view.change(MultiLabels(()), MultiLabels(())) is None


def test_which_tier_gives_which_label(titles):
    results = [
        result("pretrained", judge(joy=0.9, fear=0.6)),
        result("finetuned", judge(joy=0.8, surprise=0.7)),
        result("scratch", judge(joy=0.7, surprise=0.6)),
    ]
    gold = frozenset({"joy", "surprise"})
    right = {"pretrained": False, "finetuned": True, "scratch": True}
    panel = agreement(results, titles, asked=MANY, gold=gold, right=right, trained_on={"pretrained": "films."})
    line = shown(panel)
    assert "Tiers differ.They agree on joy and differ on surprise and fear." in line
    assert "Fine-tuned and from scratch are right; pretrained was trained on films." in line
    rows = [shown(row) for row in re.findall(r"<tr.*?</tr>", panel)]
    assert rows == [
        "labelgold2 Pretrained3 Fine-tuned4 From scratch",
        "joy✓true✓holds, and is true 0.90✓holds, and is true 0.80✓holds, and is true 0.70",
        "surprise✓true○missed: it is true✓holds, and is true 0.70✓holds, and is true 0.60",
        "fear–not true✗holds, and is not true 0.60–rightly left out–rightly left out",
    ]
    assert panel.count("data-differ") == 2
    without = agreement(results, titles, asked=MANY)
    assert "gold" not in without
    assert "They agree on joy and differ on surprise and fear." in shown(without)


def test_tiers_that_agree_and_one_alone(titles):
    same = [result(tier, judge(joy=0.9)) for tier in ("pretrained", "finetuned", "scratch")]
    assert "Tiers agree.Pretrained, fine-tuned and from scratch say joy." in shown(agreement(same, titles, asked=MANY))
    none = [result(tier, MultiLabels(())) for tier in ("pretrained", "scratch")]
    line = agreement(none, titles, asked=MANY, gold=frozenset(), right={"pretrained": True, "scratch": True})
    assert "Pretrained and from scratch say that none of the labels holds (right)." in shown(line)
    assert "One answer.Pretrained says joy." in shown(agreement(same[:1], titles, asked=MANY))
    view = view_of(ALL)
    assert view.differ([same[0].output, MultiLabels(("Joy",))]) is False
    assert view.differ([same[0].output, ALL]) is True
    assert view.differ([ALL]) is None


def test_a_screen_reader_hears_what_holds():
    assert "From scratch: joy, surprise and love, 0.54." in shown(announcement([answered(ALL)]))
    assert "From scratch: none of the labels holds." in shown(announcement([answered(MultiLabels(()))]))


@given(multilabels, st.frozensets(words, max_size=3), st.one_of(st.none(), multilabels))
def test_whatever_a_label_says_is_only_text(output, gold, before):
    asked = Asked("multilabels", tuple(Label(row.label, "") for row in output.scores[:4]))
    state = answered(output, asked, gold=gold, right=False, previous=before)
    results = [result("scratch", output), result("pretrained", before or output)]
    titles = {"pretrained": "Pretrained", "scratch": "From scratch"}
    below = agreement(results, titles, asked=asked, gold=gold, right={"scratch": False})
    for markup in (card(state), below, plot(results, titles, asked)):
        found = parsed(markup)
        assert not {tag for tag, _ in found.tags} & RISKY
        assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]


def test_five_hundred_long_labels_are_there_and_the_first_five_shown():
    names = [f"label {place} " + "x" * 190 for place in range(500)]
    output = Labels(names[3], tuple(LabelScore(name, 1 / 500) for name in reversed(names)))
    state = answered(output, Asked("labels", tuple(Label(name, "") for name in names), own=True))
    markup = card(state)
    assert markup.count("pg-rest") == 495
    assert "all 500" in shown(markup)
    assert "data-long" in markup
    assert len(markup) < 600_000


def test_a_name_with_underscores_may_break_in_the_headline():
    output = Labels("card_payment_not_recognised", (LabelScore("card_payment_not_recognised", 0.9),))
    markup = card(answered(output, Asked("labels", (Label("card_payment_not_recognised", ""), Label("b", "")))))
    assert "card_<wbr>payment_<wbr>not_<wbr>recognised</p>" in markup
