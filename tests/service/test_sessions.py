"""Sessions are bounded: a script that never closes its pages leaks nothing, and nobody at work is forgotten."""

from hypothesis import given
from hypothesis import strategies as st

from playground.core.cancel import Cancel
from playground.service.sessions import Sessions
from tests.fakes.tier import FakeTier
from tests.service.service_helpers import service_with


def test_the_longest_silent_are_forgotten_first():
    gone = []
    sessions = Sessions(3, gone.append)
    for name in ("a", "b", "c"):
        sessions.touch(name)
    sessions.touch("a")
    sessions.touch("d")
    assert gone == ["b"]
    assert len(sessions) == 3


def test_one_with_work_in_flight_stays():
    gone = []
    sessions = Sessions(2, gone.append)
    token = Cancel()
    sessions.begin("busy", token)
    for number in range(20):
        sessions.touch(f"page {number}")
    assert "busy" not in gone
    sessions.stop("busy")
    assert token.is_set
    sessions.end("busy", token)
    for number in range(20):
        sessions.touch(f"later {number}")
    assert "busy" in gone


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["touch", "begin", "end"])), max_size=60))
def test_never_more_than_the_bound_but_those_at_work(steps):
    gone = []
    sessions, tokens = Sessions(3, gone.append), {}
    for number, what in steps:
        name = str(number)
        if what == "touch":
            sessions.touch(name)
        elif what == "begin":
            tokens.setdefault(name, []).append(Cancel())
            sessions.begin(name, tokens[name][-1])
        elif tokens.get(name):
            sessions.end(name, tokens[name].pop())
        working = {name for name, running in tokens.items() if running}
        assert len(sessions) <= 3 + len(working)
        assert all(sessions._find(name) is not None for name in working)


def test_the_key_of_a_forgotten_page_is_forgotten():
    service = service_with(FakeTier("scratch"))
    service._sessions._most = 5
    for number in range(50):
        service.set_key(f"page {number}", "sk-secret")
    assert len(service._credentials._by_session) == 5
    assert service.has_key("page 49")
    assert not service.has_key("page 1")
