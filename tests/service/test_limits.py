"""Never more in progress than the limit, every place given back once, and no wait that was not measured."""

import asyncio
import re
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from playground.core.cancel import Cancel
from playground.core.errors import EmptyInput, InputError, ServerFull, TooManyRequests
from playground.service import limits as limits_module
from playground.service.limits import MINUTE, Limits, duration
from playground.settings import Settings
from tests.fakes.tier import FakeTier
from tests.service.service_helpers import service_with


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


VISITORS = st.sampled_from(["ada", "ben", "cyd", "dan"])
KINDS = st.sampled_from(["run", "table"])
MOST, EACH, MINUTELY = 4, 2, 5


class Counting(RuleBasedStateMachine):
    """Against a model: a list of what is in progress, and of when each visitor was let in."""

    places = Bundle("places")

    def __init__(self):
        super().__init__()
        self.clock = Clock()
        self.limits = Limits(MOST, EACH, MINUTELY, self.clock)
        self.inside = []
        self.sent = {}

    @rule(target=places, visitor=VISITORS, kind=KINDS, wait=st.one_of(st.none(), st.floats(0, 100)))
    def ask(self, visitor, kind, wait):
        recent = [at for at in self.sent.get(visitor, []) if at > self.clock.now - MINUTE]
        mine = sum(place.visitor == visitor for place in self.inside)
        expected = None
        if mine == EACH or len(recent) == MINUTELY:
            expected = TooManyRequests
        elif len(self.inside) == MOST:
            expected = ServerFull
        if expected is not None:
            with pytest.raises(expected) as caught:
                self.limits.admit(visitor, kind, lambda: wait)
            assert caught.value.retry_after >= 1
            return None
        place = self.limits.admit(visitor, kind, lambda: wait)
        self.inside.append(place)
        self.sent.setdefault(visitor, []).append(self.clock.now)
        return place

    @rule(place=consumes(places), by_itself=st.booleans())
    def leave(self, place, by_itself):
        if place is None:
            return
        place.done() if by_itself else place.give_back()
        self.inside = [other for other in self.inside if other is not place]

    @rule(place=places)
    def leave_twice(self, place):
        if place is not None:
            place.give_back()
            place.done()
            self.inside = [other for other in self.inside if other is not place]

    @rule(seconds=st.floats(0, 90))
    def wait(self, seconds):
        self.clock.now += seconds

    @invariant()
    def counted(self):
        by_kind = {}
        for place in self.inside:
            by_kind[place.kind] = by_kind.get(place.kind, 0) + 1
        assert self.limits.in_progress() == by_kind
        assert len(self.inside) <= MOST

    @precondition(lambda self: not self.inside)
    @rule()
    def all_go_and_nobody_is_remembered(self):
        self.clock.now += MINUTE
        for number in range(6):
            self.limits.admit(f"new {number}", "run").give_back()
        self.clock.now += MINUTE
        self.limits.admit("last", "run").give_back()
        assert not set(self.limits._visitors) & set(self.sent)


TestCounting = Counting.TestCase


def refusal(limits, visitor="ada", wait=lambda: None):
    with pytest.raises((ServerFull, TooManyRequests)) as caught:
        limits.admit(visitor, "run", wait)
    return caught.value


def test_nothing_measured_is_no_number():
    limits = Limits(1, 9, 0, Clock())
    limits.admit("ben", "run")
    assert str(refusal(limits)) == "The server is full: a request is in progress. Run again in a little while."
    assert not re.search(r"\d", str(refusal(limits)))


def test_the_wait_comes_from_what_requests_took():
    clock = Clock()
    limits = Limits(4, 4, 0, clock)
    for _ in range(20):
        place = limits.admit("ben", "run")
        clock.now += 8
        place.done()
    for visitor in "abcd":
        limits.admit(visitor, "run")
    assert "room in about 2\xa0s" in str(refusal(limits, "one"))  # four of 8 s each: one leaves every 2 s
    assert "room in about 4\xa0s" in str(refusal(limits, "two"))  # "one" was told to come back first
    assert "room in about 2\xa0s" in str(refusal(limits, "one"))  # and has not lost its turn
    clock.now += 60
    assert "room in about 2\xa0s" in str(refusal(limits, "two"))  # nobody waits for ever for those who did not come


def test_what_was_cancelled_is_no_measure():
    clock = Clock()
    limits = Limits(1, 1, 0, clock)
    place = limits.admit("ben", "run")
    clock.now += 50
    place.give_back()
    limits.admit("ben", "run")
    assert not re.search(r"\d", str(refusal(limits)))


def test_the_runtime_knows_more_while_models_are_loaded():
    clock = Clock()
    limits = Limits(1, 1, 0, clock)
    place = limits.admit("ben", "run")
    clock.now += 0.01
    place.done()
    limits.admit("ben", "run")
    error = refusal(limits, wait=lambda: 7.4)
    assert "room in about 8\xa0s" in str(error)
    assert error.retry_after == 8


def test_of_one_visitor():
    clock = Clock()
    limits = Limits(9, 2, 0, clock)
    limits.admit("ada", "run")
    second = limits.admit("ada", "table")
    assert str(refusal(limits)) == (
        "2 of your requests are in progress, the most for one visitor. Wait until one has ended, or stop one."
    )
    limits.admit("ben", "run")
    clock.now += 3
    second.done()
    limits.admit("ada", "table")
    assert "One should end in about 3\xa0s: run again then, or stop one." in str(refusal(limits))


def test_a_minute_slides():
    clock = Clock()
    limits = Limits(9, 9, 2, clock)
    limits.admit("ada", "run").done()
    clock.now += 40
    limits.admit("ada", "run").done()
    error = refusal(limits)
    assert str(error) == (
        "You have sent 2 requests in the last minute, the most for one visitor: run again in 20\xa0s."
    )
    assert error.retry_after == 20
    clock.now += 20
    limits.admit("ada", "run").done()
    assert isinstance(refusal(limits), TooManyRequests)  # the second one is 20 s old


@pytest.mark.parametrize(
    ("settings", "allowed"),
    [({}, 200), ({"host": "0.0.0.0"}, 60), ({"host": "0.0.0.0", "requests_per_minute": 0}, 200)],
)
def test_sixty_a_minute_on_a_public_server_unless_the_settings_say_otherwise(settings, allowed):
    limits = Limits.of(Settings(space_id=None, **settings))
    count = 0
    while count < 200:
        try:
            limits.admit("ada", "run").done()
        except TooManyRequests:
            break
        count += 1
    assert count == allowed


@given(st.floats(0, 1e5))
def test_a_duration_is_rounded_up(seconds):
    said = duration(seconds).split("\xa0")
    assert int(said[0]) * {"s": 1, "min": 60}[said[1]] >= seconds
    assert int(said[0]) >= 1


def test_many_threads_never_exceed_the_limit():
    limits = Limits(5, 5, 0)
    worst, refused = [], []

    def work(name):
        for _ in range(200):
            try:
                place = limits.admit(name, "run")
            except ServerFull:
                refused.append(name)
                continue
            worst.append(sum(limits.in_progress().values()))
            place.done()

    threads = [threading.Thread(target=work, args=(f"visitor {n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(worst) <= 5
    assert limits.in_progress() == {}


# -- through the service


def in_progress(service):
    return sum(service._limits.in_progress().values())


def start(service, session="me", **kwargs):
    return service.start("sentiment", "text", session=session, emit=lambda event: None, **kwargs)


def test_a_full_server_refuses_before_any_tier_starts():
    tier = FakeTier("scratch", hangs=True)
    service = service_with(tier, max_requests=2)
    first, second = start(service, "a"), start(service, "b")
    with pytest.raises(ServerFull, match="2 requests are in progress"):
        start(service, "c")
    assert len(tier.seen) == 2
    first.cancel()
    third = start(service, "c")
    assert in_progress(service) == 2
    for handle in (second, third):
        handle.cancel()
    assert in_progress(service) == 0


def test_every_way_out_gives_the_place_back():
    hangs = FakeTier("scratch", hangs=True)
    service = service_with(FakeTier("hosted"), FakeTier("pretrained", raises=RuntimeError("a bug")), hangs)
    assert start(service, tiers=["hosted", "pretrained"]).wait(5)
    assert in_progress(service) == 0
    start(service).cancel()
    assert in_progress(service) == 0
    start(service)
    service.stop("me")
    assert in_progress(service) == 0
    start(service)
    service.close_session("me")
    assert in_progress(service) == 0
    for bad, error in (("", EmptyInput), ("x" * 99_999, InputError)):
        with pytest.raises(error):
            service.start("sentiment", bad, session="me", emit=lambda event: None)
    assert in_progress(service) == 0

    def broken(event):
        raise OSError("the receiver is gone")

    with pytest.raises(OSError, match="gone"):
        service.start("sentiment", "text", session="me", emit=broken, tiers=["pretrained", "scratch"])
    assert in_progress(service) == 0
    assert not service._sessions._find("me").in_flight
    assert hangs.running == 0


def test_a_newer_run_is_not_refused_because_its_elder_is_just_ending():
    """Its place is free in the very moment in which it is told to stop, whenever its tier gets round to it."""

    class Deaf(FakeTier):
        def start(self, task, request, emit, cancel):
            return super().start(task, request, emit, Cancel())  # hears of no cancel

    service = service_with(Deaf("scratch", delay=0.2), max_requests=1, max_session_requests=1)
    token = Cancel()
    elder = start(service, cancel=token)
    token.set()
    newer = start(service)
    assert not elder.done
    assert newer.wait(5)
    assert elder.wait(5)
    assert in_progress(service) == 0


def test_a_table_is_one_request_and_gives_its_place_back_when_it_is_left():
    tier = FakeTier("scratch", hangs=True)
    service = service_with(tier, max_requests=1)

    async def drive():
        rows = service.run_table("sentiment", ["one", "two"], session="me")
        first = asyncio.ensure_future(anext(rows))
        await asyncio.sleep(0.05)
        assert service.work().tables[0].lines == 2
        assert service._limits.in_progress() == {"table": 1}
        with pytest.raises(ServerFull):
            await anext(service.run_table("sentiment", ["three"], session="you"))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await rows.aclose()

    asyncio.run(drive())
    assert in_progress(service) == 0
    assert service.work().tables == ()
    assert tier.running == 0

    async def refused():
        with pytest.raises(InputError, match="No tier"):
            await anext(service.run_table("sentiment", ["one"], session="me", tiers=[]))

    asyncio.run(refused())
    assert in_progress(service) == 0


def test_a_whole_table_is_measured():
    service = service_with(FakeTier("scratch"))

    async def drive():
        return [row async for row in service.run_table("sentiment", ["one", "two"], session="me")]

    assert len(asyncio.run(drive())) == 2
    assert in_progress(service) == 0
    assert service._limits._seconds["table"] > 0


def test_no_tier_or_one_named_twice():
    service = service_with(FakeTier("scratch"))
    with pytest.raises(InputError, match="No tier"):
        start(service, tiers=[])
    assert start(service, tiers=["scratch", "scratch"]).wait(5)
    assert in_progress(service) == 0


def test_the_sentences_name_what_to_do():
    assert limits_module.MINUTE == 60
    service = service_with(FakeTier("scratch", hangs=True), max_session_requests=1)
    handle = start(service)
    with pytest.raises(TooManyRequests, match="stop one"):
        start(service)
    handle.cancel()
