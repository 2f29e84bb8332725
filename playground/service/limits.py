"""How much may be asked at once: of the whole server, of one visitor, and of one visitor in a minute.

Pure counting over a clock that is passed in; it knows no task, tier or runtime. What it tells of a wait comes from how long
requests took here; where nothing has ended yet and the runtime knows nothing either, it names no number.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from playground.core.errors import Busy, ServerFull, TooManyRequests
from playground.settings import Settings

VISITORS_PER_MINUTE = 60  # requests of one visitor of a public server, where the settings say nothing
MINUTE = 60.0  # seconds
NEWEST = 0.2  # weight of the newest duration in the mean
PATIENCE = 2.0  # seconds after which somebody who was told to come back, and did not, is no longer expected
MOST_EXPECTED = 1024  # visitors who were sent away and are expected back

Wait = Callable[[], float | None]


class Place:
    """One request's place. It is given back once, whoever does it first; afterwards nothing happens."""

    def __init__(self, limits: Limits, visitor: str, kind: str, since: float) -> None:
        self._limits, self.visitor, self.kind, self.since = limits, visitor, kind, since

    def done(self) -> None:
        """The request came to its end by itself: how long it took is remembered."""
        self._limits._leave(self, measured=True)

    def give_back(self) -> None:
        """It was cancelled, or it failed to start."""
        self._limits._leave(self, measured=False)


@dataclass
class _Visitor:
    """`sent`: when the requests of the last minute were let in. `places`: those in progress."""

    sent: deque[float] = field(default_factory=deque)
    places: set[Place] = field(default_factory=set)


class Limits:
    """`most` in progress in all, `most_each` of one visitor, `per_minute` of one visitor (0: any). Thread-safe."""

    def __init__(self, most: int, most_each: int, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._most_each, self._per_minute, self._clock = most, most_each, per_minute, clock
        self._lock = threading.Lock()
        self._visitors: OrderedDict[str, _Visitor] = OrderedDict()  # who was let in last stands last
        self._places: set[Place] = set()
        self._seconds: dict[str, float] = {}  # by kind: how long one takes, a mean that forgets
        self._expected: OrderedDict[str, float] = OrderedDict()  # sent away, and when they were told to come back

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        per_minute = settings.requests_per_minute
        if per_minute is None:
            per_minute = VISITORS_PER_MINUTE if settings.public else 0
        return cls(settings.max_requests, settings.max_session_requests, per_minute)

    def admit(self, visitor: str, kind: str, wait: Wait = lambda: None) -> Place:
        """A place, or TooManyRequests or ServerFull with the way out. `wait`: what the runtime expects of a newcomer, in seconds;
        it is asked only for a refusal, and without a lock held.
        """
        with self._lock:
            now = self._clock()
            self._forget_idle(now)
            known = self._visitors.get(visitor) or _Visitor()
            refusal = self._refusal(visitor, known, now)
            if refusal is None:
                return self._let_in(visitor, known, kind, now)
        error = refusal(wait())
        if isinstance(error, ServerFull):
            self._expect(visitor, error.retry_after)
        raise error

    def in_progress(self) -> dict[str, int]:
        """By kind."""
        with self._lock:
            return dict(Counter(place.kind for place in self._places))

    # -- under the lock

    def _let_in(self, visitor: str, known: _Visitor, kind: str, now: float) -> Place:
        place = Place(self, visitor, kind, now)
        self._places.add(place)
        known.places.add(place)
        if self._per_minute:
            known.sent.append(now)
        self._visitors[visitor] = known
        self._visitors.move_to_end(visitor)
        self._expected.pop(visitor, None)
        return place

    def _refusal(self, visitor: str, known: _Visitor, now: float) -> Callable[[float | None], Busy] | None:
        """What makes the error, once it is known what the runtime expects; None where there is room."""
        while known.sent and known.sent[0] <= now - MINUTE:
            known.sent.popleft()
        if self._per_minute and len(known.sent) >= self._per_minute:
            seconds = known.sent[-self._per_minute] + MINUTE - now
            return lambda _: _too_often(self._per_minute, seconds)
        means = dict(self._seconds)
        if len(known.places) >= self._most_each:
            mine = Counter(place.kind for place in known.places)
            return lambda wait: _too_many(self._most_each, _until_one_ends(mine, means, wait))
        if len(self._places) >= self._most:
            every = Counter(place.kind for place in self._places)
            turn = self._before(visitor, now) + 1
            return lambda wait: _full(every.total(), _times(_until_one_ends(every, means, wait), turn))
        return None

    def _before(self, visitor: str, now: float) -> int:
        """How many others were sent away earlier and are expected back: the places that become free are theirs first."""
        for other in [other for other, due in self._expected.items() if due + PATIENCE < now]:
            del self._expected[other]
        return next((turn for turn, other in enumerate(self._expected) if other == visitor), len(self._expected))

    def _forget_idle(self, now: float) -> None:
        """Those whose last request was more than a minute ago; amortized, one or two at each newcomer."""
        for visitor, known in list(_first(self._visitors, 2)):
            if not known.places and (not known.sent or known.sent[-1] <= now - MINUTE):
                del self._visitors[visitor]
            elif known.places:
                self._visitors.move_to_end(visitor)  # at work: looked at again when its turn comes

    # -- and what takes it

    def _expect(self, visitor: str, seconds: float) -> None:
        with self._lock:
            self._expected[visitor] = self._clock() + seconds  # who is in it already keeps the turn
            while len(self._expected) > MOST_EXPECTED:
                self._expected.popitem(last=False)

    def _leave(self, place: Place, *, measured: bool) -> None:
        with self._lock:
            if place not in self._places:
                return
            self._places.remove(place)
            known = self._visitors[place.visitor]
            known.places.discard(place)
            if not known.places and not known.sent:
                del self._visitors[place.visitor]
            if measured:
                took = self._clock() - place.since
                mean = self._seconds.get(place.kind, took)
                self._seconds[place.kind] = mean + NEWEST * (took - mean)


def _first(visitors: Mapping[str, _Visitor], count: int) -> list[tuple[str, _Visitor]]:
    found = []
    for row in visitors.items():
        found.append(row)
        if len(found) == count:
            break
    return found


def _until_one_ends(counts: Mapping[str, int], means: Mapping[str, float], wait: float | None) -> float | None:
    """Seconds until one of so many requests has ended: n requests of d seconds each leave at n / d a second (Little's law).

    A newcomer's wait for the device, where that is longer, tells more than the past: then models are being loaded.
    """
    rate = 0.0
    for kind, count in counts.items():
        seconds = max(means.get(kind, 0.0), wait or 0.0)
        if seconds > 0:
            rate += count / seconds
    return 1 / rate if rate else None


def _times(seconds: float | None, factor: int) -> float | None:
    return None if seconds is None else seconds * factor


def _full(count: int, seconds: float | None) -> ServerFull:
    progress = f"{count:,} requests are in progress" if count != 1 else "a request is in progress"
    advice = (
        "Run again in a little while."
        if seconds is None
        else f"There should be room in about {duration(seconds)}: run again then."
    )
    return ServerFull(f"The server is full: {progress}. {advice}", _whole(seconds))


def _too_many(most: int, seconds: float | None) -> TooManyRequests:
    progress = f"{most:,} of your requests are in progress" if most != 1 else "A request of yours is in progress"
    advice = (
        "Wait until one has ended, or stop one."
        if seconds is None
        else f"One should end in about {duration(seconds)}: run again then, or stop one."
    )
    return TooManyRequests(f"{progress}, the most for one visitor. {advice}", _whole(seconds))


def _too_often(most: int, seconds: float) -> TooManyRequests:
    sent = f"{most:,} requests" if most != 1 else "a request"
    return TooManyRequests(
        f"You have sent {sent} in the last minute, the most for one visitor: run again in {duration(seconds)}.",
        _whole(seconds),
    )


def _whole(seconds: float | None) -> float:
    """For a program that asks when to come again: whole seconds, and one where nobody can tell."""
    return 1.0 if seconds is None else max(1.0, math.ceil(seconds))


def duration(seconds: float) -> str:
    """Whole seconds, at least one; from two minutes on, minutes.

    >>> duration(0.03), duration(7.2), duration(119), duration(121)
    ('1\\xa0s', '8\\xa0s', '119\\xa0s', '3\\xa0min')
    """
    whole = int(_whole(seconds))
    return f"{whole}\N{NO-BREAK SPACE}s" if whole < 120 else f"{math.ceil(whole / 60)}\N{NO-BREAK SPACE}min"
