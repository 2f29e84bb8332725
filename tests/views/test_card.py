"""The card: escaped, of one shape in every phase, and honest about what was not measured."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.core.events import Queued
from playground.core.task import Label
from playground.core.types import Choice, Labels, LabelScore, Source, Stats
from playground.core.words import STAND_IN_NOTE
from playground.views.card import card
from playground.views.state import Asked, CardState, Phase, fold, waiting
from tests.views.conftest import events, states
from tests.views.test_html import parsed

ALLOWED = {
    "article",
    "header",
    "h3",
    "span",
    "div",
    "p",
    "ul",
    "li",
    "dl",
    "dt",
    "dd",
    "footer",
    "button",
    "select",
    "option",
    "mark",
    "small",
    "b",
    "i",
    "wbr",
}
LOCAL = (Choice("a", "Model A", Source.BUNDLED), Choice("b", "Model B", Source.HUB, False, "not on this machine"))
OUTPUT = Labels("positive", (LabelScore("positive", 0.924), LabelScore("negative", 0.076)))


def local(**changes):
    return CardState(
        **{
            "tier": "scratch",
            "number": 4,
            "title": "From scratch",
            "choices": LOCAL,
            "asked": Asked("labels", (Label("negative", ""), Label("positive", ""))),
        }
        | changes
    )


def done(output=OUTPUT, stats=Stats(source=Source.BUNDLED), **changes):  # noqa: B008 - frozen
    return local(phase=Phase.DONE, output=output, stats=stats, **changes)


def text(state):
    return " ".join(part.strip() for part in parsed(card(state)).text if part.strip()).replace("\xa0", " ")


@settings(max_examples=150)
@given(states, st.lists(events, max_size=4))
def test_nothing_anybody_wrote_becomes_markup(state, several):
    state = waiting(state, model=state.model, gold=state.gold, previous=state.previous)
    for event in several:
        state = fold(state, event)
    found = parsed(card(state))
    assert {tag for tag, _ in found.tags} <= ALLOWED
    assert not [
        name for _, attributes in found.tags for name in attributes if name.startswith("on") or name in {"href", "src"}
    ]
    styles = [attributes["style"] for _, attributes in found.tags if "style" in attributes]
    assert all(re.fullmatch(r"--value:\d+(\.\d+)?%", style) for style in styles)


def shape(state):
    """The card's parts, and how many bars and figures they have: what its height hangs on."""
    tags = parsed(card(state)).tags
    classes = [attributes.get("class", "").split(" ")[0] for _, attributes in tags]
    kept = {
        "pg-card-head",
        "pg-model",
        "pg-answer",
        "pg-verdict",
        "pg-body",
        "pg-bar",
        "pg-note",
        "pg-numbers",
        "pg-figure",
        "pg-actions",
    }
    return [name for name in classes if name in kept]


def test_every_phase_has_the_same_parts():
    shapes = {
        phase: shape(local(phase=phase, error="why", output=OUTPUT if phase is Phase.DONE else None)) for phase in Phase
    }
    assert len({tuple(parts) for parts in shapes.values()}) == 1
    assert shapes[Phase.IDLE].count("pg-figure") == 4
    assert shapes[Phase.IDLE].count("pg-bar") == 2


def test_what_was_not_measured_is_a_dash_and_never_zero():
    figures = card(done(stats=Stats(source=Source.BUNDLED))).split("<dd")[1:]
    assert [parsed("<dd" + figure.split("</dd>")[0]).text for figure in figures] == [["–"]] * 4
    measured = done(
        stats=Stats(
            source=Source.BUNDLED,
            latency_seconds=0.0102,
            cache_hit=True,
            cost_usd=0.0,
            parameters=22_860_000,
            adapter_parameters=147_456,
            resident_bytes=91_400_000,
            adapter_bytes=600_000,
        )
    )
    for words in (
        "10 ms latency, warm",
        "$0 per call",
        "22.9 M parameters, 147 k adapted",
        "91 MB in memory, 600 kB its own",
    ):
        assert words in text(measured)


def test_cold_is_said_and_so_is_the_load():
    shown = text(done(stats=Stats(source=Source.BUNDLED, latency_seconds=0.4, cache_hit=False, load_seconds=1.24)))
    assert "400 ms latency, cold" in shown
    assert "Loaded in 1.2 s, once." in shown


def test_gold_and_change_are_marked_in_words():
    assert "✓ gold" in text(done(gold="positive", right=True))
    assert "✗ gold: negative" in text(done(gold="negative", right=False))
    assert "gold" not in text(done())
    other = Labels("negative", (LabelScore("negative", 0.6), LabelScore("positive", 0.4)))
    assert "was negative" in text(done(previous=other))
    weaker = Labels("positive", (LabelScore("positive", 0.6), LabelScore("negative", 0.4)))
    assert "+0.32 since last run" in text(done(previous=weaker))
    assert "since" not in text(done(previous=OUTPUT))


def test_the_stand_in_says_it_is_no_rival_and_offers_a_key():
    state = local(tier="hosted", title="Hosted API", choices=(Choice("stand-in", "Stand-in", Source.STAND_IN),))
    markup = card(state)
    assert "data-muted" in markup
    assert STAND_IN_NOTE in text(state)
    assert "tokens in → out" in text(state)
    keys = [attributes for _, attributes in parsed(markup).tags if attributes.get("data-act") == "key"]
    assert ["hidden" in attributes for attributes in keys] == [False, True]
    assert "data-muted" not in card(done())


def test_a_stated_confidence_is_marked_so():
    stated = Labels("positive", OUTPUT.scores, "stated")
    assert "as stated by the model" in text(done(output=stated))
    assert "as stated by the model" not in text(done())
    assert "gave no confidence" in text(done(output=Labels("positive", (), "stated")))


def test_a_picker_shows_what_is_not_here_and_keeps_the_choice():
    tags = parsed(card(local(model="a"))).tags
    options = [attributes for tag, attributes in tags if tag == "option"]
    assert [("selected" in option, "disabled" in option) for option in options] == [(True, False), (False, True)]
    assert "Model B — not on this machine" in text(local())
    assert not [tag for tag, _ in parsed(card(local(choices=LOCAL[:1]))).tags if tag == "select"]


def test_of_many_labels_the_best_are_shown():
    scores = tuple(LabelScore(f"label {place}", 1 / (place + 2)) for place in range(12))
    asked = Asked("labels", tuple(Label(f"label {place}", "") for place in reversed(range(12))))
    state = done(output=Labels("label 0", scores), asked=asked)
    named = [int(line.split()[0]) for line in text(state).split("label ")[1:]]
    assert named == [0, *range(12)]  # the answer, then its bars
    bars = [
        attributes["class"]
        for _, attributes in parsed(card(state)).tags
        if "pg-bar " in attributes.get("class", "") + " "
    ]
    assert ["pg-rest" in classes for classes in bars] == [False] * 5 + [True] * 7
    assert "all 12" in text(state)
    idle = parsed(card(local(asked=asked)))
    assert len([tag for tag, attributes in idle.tags if attributes.get("class") == "pg-bar pg-blank"]) == 5
    assert "disabled" in next(attributes for _, attributes in idle.tags if attributes.get("data-act") == "all-labels")


@pytest.mark.parametrize(
    ("ahead", "seconds", "said"),
    [
        (12, 3.6, "Waiting: 12 ahead · about 4 s …"),
        (12, None, "Waiting: 12 ahead …"),
        (None, 150.0, "Waiting: about 3 min …"),
        (0, 2.0, "Waiting: about 2 s …"),
        (3, 0.2, "Waiting …"),
        (0, None, "Waiting …"),
        (None, None, "Waiting …"),
    ],
)
def test_a_waiting_card_says_how_long_where_it_is_known(ahead, seconds, said):
    assert said in text(fold(local(phase=Phase.WAITING), Queued(seq=0, ahead=ahead, seconds=seconds)))
