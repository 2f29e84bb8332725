"""The Status tab: escaped, in words, and right about what goes next and why a button does nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.core.run import TableProgress, Work
from playground.core.status import Departure, Device, LoadRecord, Queue, RuntimeReport, Totals, Why
from playground.core.types import Resident
from playground.views import status
from playground.views.residents import leaving_order, under_backbones
from tests.views.conftest import counts, maybe, words
from tests.views.test_html import parsed

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
DEVICE = Device("cuda:0 (H200)", "bfloat16", 4, 2_000_000_000, 500_000_000, 3_000_000_000, 8_000_000_000, 1_200_000_000)
BASE = Resident("base", "ready", 90_000_000, 0, 10, 1, 0.8, key="b", credit=9, idle_seconds=3)
ONE = Resident("one", "ready", 600_000, 0, 4, 1, 0.03, "base", key="1", credit=5, idle_seconds=70)
TWO = Resident("two", "ready", 700_000, 0, 4, 1, 0.03, "base", key="2", credit=4, idle_seconds=3)
OWN = Resident("own", "ready", 8_000_000, 0, 4, 1, 0.03, key="o", credit=4, idle_seconds=200)
ALLOWED = set("h2 h3 p b i span div ul ol li dl dt dd table thead tbody tr th td button time".split())

residents = st.builds(
    Resident,
    model=words,
    state=st.sampled_from(["loading", "ready", "draining", "unloading"]),
    bytes=counts,
    leases=st.integers(0, 3),
    hits=counts,
    loads=counts,
    load_seconds=st.floats(0, 1e4),
    base=maybe(words),
    pinned=st.booleans(),
    key=words,
    fraction=maybe(st.floats(0, 1)),
    credit=st.floats(0, 1e6),
    idle_seconds=maybe(st.floats(0, 1e6)),
)
times = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).flatmap(
    lambda at: st.sampled_from([at, at.replace(tzinfo=UTC)])
)
reports = st.builds(
    RuntimeReport,
    st.builds(Device, words, maybe(words), maybe(st.integers(0, 64)), *[st.sampled_from([0, 5, 10**9, 10**12])] * 5),
    st.lists(residents, max_size=5).map(tuple),
    st.builds(Queue, st.integers(0, 9), st.integers(0, 999), st.integers(0, 9), maybe(st.floats(0, 1e4))),
    st.builds(
        Totals,
        *[counts] * 4,
        st.floats(0, 1e5),
        st.lists(st.tuples(st.sampled_from(Why), st.integers(0, 9)), max_size=4).map(tuple),
        *[counts] * 2,
        st.floats(0, 1e5),
    ),
    st.lists(st.builds(Departure, times, words, counts, st.sampled_from(Why), words), max_size=3).map(tuple),
    st.lists(st.builds(LoadRecord, times, words, st.floats(0, 99), maybe(words)), max_size=3).map(tuple),
)


def report(*rows, **changes):
    return RuntimeReport(**{"device": DEVICE, "residents": rows, "queue": Queue(), "totals": Totals()} | changes)


def parts(told, work=Work(), owner=True):  # noqa: B008 - frozen
    return status.parts(told, work, owner=owner, now=NOW)


def text(markup):
    return " ".join(" ".join(parsed(markup).text).replace("\xa0", " ").split())


def buttons(markup, act):
    return [attrs for tag, attrs in parsed(markup).tags if tag == "button" and attrs.get("data-act") == act]


@settings(max_examples=30)
@given(
    reports,
    st.builds(Work, counts, st.lists(st.builds(TableProgress, words, counts, counts), max_size=2).map(tuple)),
    st.booleans(),
)
def test_nothing_anybody_wrote_becomes_markup(told, work, owner):
    for name, markup in parts(told, work, owner).items():
        found = parsed(markup)
        assert {tag for tag, _ in found.tags} <= ALLOWED, name
        assert not any(key.startswith("on") for _, attrs in found.tags for key in attrs)
        for _, attrs in found.tags:
            assert "<" not in attrs.get("style", "")
            assert set(attrs.get("style", "--value:%")) <= set("-value:.%0123456789")


def test_a_model_named_like_markup_is_text():
    named = Resident("<img src=x onerror=x()>", "ready", 5, 0, 0, 1, 0.1, key='"><b>')
    markup = parts(report(named))["models"]
    assert "<img" not in markup
    assert "<img src=x onerror=x()>" in "".join(parsed(markup).text)


def test_the_parts_have_their_places():
    board = parsed(status.board()).tags
    assert [attrs["data-part"] for tag, attrs in board if tag == "section"] == list(status.PARTS)
    assert list(parts(report())) == list(status.PARTS)


def test_memory_in_words_and_as_a_bar():
    loading = Resident("new", "loading", 400_000_000, 1, 0, 0, 0.0, key="n", fraction=0.4)
    markup = parts(report(BASE, loading))["memory"]
    said = text(markup)
    assert "500 MB of 2.0 GB in models 25 %" in said
    assert "cuda:0 (H200) · bfloat16 · 4 threads" in said
    assert "base 90 MB new 400 MB reserved free 1.5 GB" in said
    assert "1.2 GB this process" in said
    assert "3.0 GB of 8.0 GB free on cuda:0 (H200)" in said
    shares = [attrs["style"] for tag, attrs in parsed(markup).tags if "data-shade" in attrs and "style" in attrs]
    assert shares == ["--value:4.500%", "--value:20.000%"]


def test_a_bar_is_never_wider_than_its_box():
    large = Resident("large", "ready", 5_000_000_000, 0, 0, 1, 1, key="l")
    markup = parts(report(large, BASE))["memory"]
    shares = [float(attrs["style"][8:-1]) for _, attrs in parsed(markup).tags if "style" in attrs]
    assert sum(shares) <= 100.01


def test_adapters_stand_under_their_backbone():
    assert under_backbones([ONE, OWN, TWO, BASE]) == [OWN, BASE, ONE, TWO]
    assert under_backbones([ONE]) == [ONE]
    rows = [
        attrs for tag, attrs in parsed(parts(report(ONE, BASE))["models"]).tags if tag == "tr" and "data-key" in attrs
    ]
    assert [("data-adapter" in row, row["data-key"]) for row in rows] == [(False, "b"), (True, "1")]


@given(st.lists(residents, max_size=6))
def test_every_resident_is_a_row_once(rows):
    assert sorted(map(id, under_backbones(rows))) == sorted(map(id, rows))


def test_who_goes_next():
    assert leaving_order([BASE, ONE, TWO, OWN]) == {"b": 0, "o": 1, "2": 2, "1": 3}  # of equals the longest idle
    used = Resident(**{**vars(OWN), "leases": 1})
    pinned = Resident(**{**vars(TWO), "pinned": True})
    assert leaving_order([BASE, ONE, pinned, used]) == {"b": 0, "1": 1, "2": 0, "o": 0}
    said = text(parts(report(BASE, ONE, pinned, used))["models"])
    assert "after its 2 adapters" in said
    assert "next to go" in said
    assert "stays: pinned" in said
    assert "in use by 1" in said
    assert "stays: in use" in said


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, None),
        ({"leases": 2}, "in use"),
        ({"pinned": True}, "unpin it first"),
        ({"state": "loading"}, "still loading"),
        ({"state": "draining"}, "leaving already"),
    ],
)
def test_a_button_that_does_nothing_says_why(changes, why):
    (button,) = buttons(parts(report(Resident(**{**vars(OWN), **changes})))["models"], "unload")
    assert button.get("aria-disabled") == ("true" if why else None)
    assert (why or "") in button.get("data-why", "")
    assert "disabled" not in button  # a keyboard reaches it


def test_a_backbone_is_held_by_what_stands_on_it():
    def why(adapter):
        return buttons(parts(report(BASE, adapter))["models"], "unload")[0].get("data-why", "")

    assert why(ONE) == ""
    assert "adapter over it is in use" in why(Resident(**{**vars(ONE), "leases": 1}))
    assert "adapter over it is pinned" in why(Resident(**{**vars(ONE), "pinned": True}))


def test_pin_and_unpin():
    (pin,) = buttons(parts(report(OWN))["models"], "pin")
    assert (pin["data-model"], "data-pinned" in pin) == ("o", False)
    (unpin,) = buttons(parts(report(Resident(**{**vars(OWN), "pinned": True})))["models"], "pin")
    assert "data-pinned" in unpin
    assert unpin["aria-label"] == "Unpin own"


def test_a_visitor_sees_the_same_without_buttons():
    told = report(BASE, ONE)
    for name, markup in parts(told, owner=False).items():
        assert "<button" not in markup, name
    said = text(parts(told, owner=False)["models"])
    assert "after its adapter" in said
    assert "The owner can pin and unload" in said
    assert "The owner can" not in text(parts(told)["models"])


def test_the_queue_and_what_is_under_way():
    loading = Resident("new", "loading", 4, 1, 0, 0, 0.0, key="n", fraction=0.456)
    told = report(loading, queue=Queue(3, 40, 2, 4.2), totals=Totals(steps=10, rows=75))
    said = text(parts(told, Work(5, (TableProgress("sentiment", 12, 40),), 256, looks=2))["queue"])
    for words_ in (
        "8 of 256 requests in progress",
        "3 on the device now",
        "40 waiting for the device",
        "2 waiting for a model",
        "4.2 s expected wait",
        "7.5 inputs per step",
        "Loading new 46 %",
        "A table of sentiment 12 of 40 lines",
        "5 runs in progress",
        "2 looks into a model in progress",
    ):
        assert words_ in said
    idle = text(parts(report())["queue"])
    assert "– expected wait" in idle
    assert "– inputs per step" in idle
    assert "the server is idle" in idle
    assert "none expected wait" in text(parts(report(queue=Queue(wait_seconds=0.0)))["queue"])


def test_what_left_and_what_failed_newest_first():
    gone = Departure(
        NOW - timedelta(minutes=3), "old", 5_000_000, Why.ROOM, "To make room for new: it was worth least."
    )
    failed = LoadRecord(NOW - timedelta(seconds=20), "broken", 0.1, "The file is cut off: fetch it again.")
    fine = LoadRecord(NOW, "fine", 0.1)
    said = text(parts(report(departures=(gone,), loads=(fine, failed)))["events"])
    assert said == (
        "What left memory, and why 20 s ago broken failed The file is cut off: fetch it again. "
        "3 min ago old 5.0 MB To make room for new: it was worth least."
    )
    assert "Nothing yet" in text(parts(report())["events"])


def test_sums_since_the_start():
    totals = Totals(90, 10, 7, 2, 3.21, ((Why.ROOM, 3), (Why.OWNER, 1), (Why.OVER_BUDGET, 0)))
    said = text(parts(report(totals=totals), Work(since=NOW - timedelta(hours=2)))["models"])
    assert "Since the start, 2 h ago" in said
    assert "90 % found in memory" in said
    assert "7 loads, 2 failed" in said
    assert "3.2 s spent on loading" in said
    assert "4 left memory: 3 for room, 1 by the owner" in said


def test_nothing_is_loaded_yet():
    said = text(parts(report())["models"])
    assert "No model is in memory yet" in said
    assert "– found in memory" in said
    (button,) = buttons(parts(report())["models"], "unload-idle")
    assert button["data-why"] == "No model is idle."
