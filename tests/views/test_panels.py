"""What stands below the cards: agreement, plot, table, history; and the dialogs."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.cards import Measured, ModelCard
from playground.core.errors import LoadFailed
from playground.core.run import RunRecord, TierResult
from playground.core.types import Labels, LabelScore, Source, Stats
from playground.views import dialogs, shell
from playground.views.agreement import agreement
from playground.views.history import history
from playground.views.plot import plot
from playground.views.table import differs, table
from playground.views.welcome import ASPECTS, WORDS, welcome
from tests.views.conftest import answers, stats, words
from tests.views.test_html import parsed

RISKY = {"script", "img", "iframe", "object", "a", "style", "link", "meta", "base"}


@dataclass(frozen=True)
class Row:
    index: int
    text: str
    results: tuple[TierResult, ...]


def said(tier, label, score=0.8, source=Source.BUNDLED, latency=0.01):
    output = Labels(label, (LabelScore(label, score),))
    return TierResult(tier, None, output, Stats(source=source, latency_seconds=latency))


def text(markup):
    return " ".join("".join(parsed(markup).text).replace("\xa0", " ").split())


def test_tiers_that_agree(titles):
    results = [said("pretrained", "positive"), said("finetuned", "positive"), said("scratch", "positive")]
    assert "Tiers agree.Pretrained, fine-tuned and from scratch say positive." in text(agreement(results, titles))
    four = [said("hosted", "positive", source=Source.LIVE), *results]
    assert "All four say positive (right)." in text(agreement(four, titles, right=dict.fromkeys(titles, True)))


def test_tiers_that_differ_with_the_truth_and_why(titles):
    results = [said("pretrained", "negative"), said("finetuned", "positive"), said("scratch", "positive")]
    line = agreement(
        results,
        titles,
        right={"pretrained": False, "finetuned": True, "scratch": True},
        trained_on={"pretrained": "film and shop reviews.", "scratch": "comments"},
    )
    assert text(line) == (
        "Tiers differ.Fine-tuned and from scratch say positive (right); "
        "pretrained says negative (wrong): it was trained on film and shop reviews."
    )


def test_who_is_right_is_not_explained_away(titles):
    results = [said("pretrained", "negative"), said("finetuned", "negative"), said("scratch", "positive")]
    line = text(
        agreement(
            results,
            titles,
            right={"pretrained": False, "finetuned": False, "scratch": True},
            trained_on=dict.fromkeys(titles, "comments"),
        )
    )
    assert line == "Tiers differ.From scratch says positive (right); pretrained and fine-tuned say negative (wrong)."


def test_the_stand_in_is_left_out_and_it_is_said_why(titles):
    results = [said("hosted", "negative", source=Source.STAND_IN), said("scratch", "positive")]
    assert text(agreement(results, titles)) == (
        "One answer.From scratch says positive."
        "Hosted API is left out: its stand-in shows how an API call works, not how good one is."
    )
    line = agreement([said("scratch", "positive")], titles, silent=["pretrained", "finetuned"])
    assert "From scratch says positive. Pretrained and fine-tuned gave no answer." in text(line)
    assert "Nothing to compare yet." in text(agreement([], titles))
    assert "Comparing …" in text(agreement([], titles, busy=True))
    assert "left out" in text(plot(results, titles))


def test_the_plot_scales_to_the_slowest_and_keeps_its_rows(titles):
    results = [said("pretrained", "a", 0.5, latency=0.04), said("scratch", "b", 0.25, latency=0.01)]
    styles = [attributes["style"] for _, attributes in parsed(plot(results, titles)).tags if "style" in attributes]
    assert styles == [f"--value:{value}%" for value in (0, 50.0, 0, 25.0, 0, 100.0, 0, 25.0)]
    empty = parsed(plot([], titles))
    assert len([tag for tag, _ in empty.tags if tag == "dt"]) == 8


def test_disagreement_counts_compared_tiers_alone():
    stand_in = said("hosted", "b", source=Source.STAND_IN)
    failed = TierResult("scratch", None, None, Stats(), LoadFailed("cut off"))
    assert not differs(Row(0, "x", (stand_in, said("pretrained", "a"), failed)))
    assert differs(Row(0, "x", (said("finetuned", "b"), said("pretrained", "a"))))


def test_a_table_is_in_the_pasted_order_and_counts(titles):
    rows = [Row(2, "third", (said("scratch", "a"),)), Row(0, "first", (said("scratch", "a"), said("pretrained", "b")))]
    shown = text(table(rows, titles, 3, busy=True))
    assert shown.index("first") < shown.index("third")
    assert "2 of 3 lines …" in shown
    assert "the tiers differ on 1" in shown
    assert "2 of 3 lines, stopped" in text(table(rows, titles, 3))
    assert "1 linenothing to compare" in text(table(rows[:1], titles, 1))
    agreed = Row(1, "x", (said("scratch", "a"), said("pretrained", "a")))
    assert "the tiers agree on all of them" in text(table([agreed], titles, 1))
    assert "the tiers agree on 1" in text(table([agreed, rows[0]], titles, 2))


@given(words, answers, stats, st.integers(0, 3))
def test_panels_escape_what_they_show(written, output, measured, place):
    titles = {"hosted": written, "scratch": "From scratch"}
    results = [
        TierResult("hosted", written, output, measured),
        TierResult("scratch", None, None, Stats(), LoadFailed(written)),
    ]
    record = RunRecord(
        7, datetime(2026, 1, 2, tzinfo=UTC), "sentiment", written * (1 + 40 * place), (), tuple(results), gold=written
    )
    card = ModelCard(
        written,
        written,
        written,
        written,
        1,
        2,
        written,
        written,
        3.0,
        (Measured(written, written, 0.5, 3, ((written, 0.1),)),),
        written,
    )
    for markup in (
        agreement(results, titles, right={"hosted": False}, trained_on={"hosted": written}),
        plot(results, titles),
        table([Row(0, written, tuple(results))], titles, 1),
        history([record], titles, {7: {"hosted": True}}),
        dialogs.snippet(written, written),
        dialogs.wire(written, measured),
        dialogs.model_card(written, card),
        dialogs.sentence(written, written),
        shell.status(running=True, error=written, said=written),
        shell.opened(record),
    ):
        found = parsed(markup)
        assert not RISKY & {tag for tag, _ in found.tags}
        assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]
        markup.encode("utf-8")


def test_history_is_empty_before_the_first_run_and_long_texts_are_cut(titles):
    assert "hidden" in history([], titles)
    record = RunRecord(
        1, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "sentiment", "x" * 5000, (), (said("scratch", "a"),), gold="a"
    )
    markup = history([record], titles, {1: {"scratch": True}})
    assert len(markup) < 2500
    assert "03:04:05" in text(markup)
    assert "a ✓" in text(markup)


def test_a_model_card_says_baselines_and_dashes():
    card = ModelCard("T", "m", "bundled", metrics=(Measured("accuracy", "test", 0.902, 872, (("majority", 0.509),)),))
    shown = text(dialogs.model_card("Pretrained", card))
    assert "0.902872majority 0.509" in shown
    assert "licence–" in shown
    assert "The whole card" not in shown


def test_the_key_form_has_a_password_field_that_nothing_remembers():
    tags = parsed(dialogs.key_form(has_key=False, public=True)).tags
    field = next(attributes for tag, attributes in tags if tag == "input" and attributes["name"] == "key")
    assert (field["type"], field["autocomplete"]) == ("password", "off")
    assert "public server" in dialogs.key_form(has_key=False, public=True)
    assert "public server" not in dialogs.key_form(has_key=True, public=False)


def test_the_request_is_indented_where_it_is_json():
    shown = dialogs.wire("Hosted", Stats(request_json='{"a": {"b": 1}}', response_json="not json"))
    assert "{\n  &quot;a&quot;: {\n    &quot;b&quot;: 1" in shown
    assert "not json" in shown


def test_every_tier_is_explained_in_all_aspects(titles):
    shown = text(welcome(titles))
    assert set(WORDS) == set(titles)
    for aspect in (*ASPECTS, "when to use"):
        assert shown.count(aspect) >= 4


def test_the_qr_code_without_an_address_says_why():
    assert "this machine only" in shell.qr("", [])


@pytest.mark.parametrize(("count", "words"), [(4, "Run all four"), (2, "Run all two"), (1, "Run"), (9, "Run")])
def test_the_run_button_counts_the_tiers(count, words):
    assert shell._run_words(count) == words
