import asyncio
import dataclasses
import gc
import threading
import weakref

import pytest

from playground.core.errors import Busy, LoadFailed
from playground.core.events import LAST, Cancelled, Emitter, Failed, Finished, Progress, Queued
from playground.core.streams import aiterate, iterate


def test_events_are_numbered_and_only_the_first_last_word_goes_out():
    seen = []
    emitter = Emitter(seen.append)
    assert emitter(Queued())
    assert emitter(Failed(error=Busy("full")))
    assert not emitter(Finished())
    assert not emitter(Progress())
    assert [event.seq for event in seen] == [0, 1]
    assert emitter.done


def test_racing_threads_produce_one_last_word():
    seen = []
    emitter = Emitter(seen.append)
    threads = [threading.Thread(target=lambda kind=kind: emitter(kind())) for kind in [Finished, Cancelled] * 8]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(event, LAST) for event in seen) == 1


class Handle:
    def __init__(self):
        self.cancelled = False

    def cancel(self):
        self.cancelled = True


def started(events, handle):
    def start(emit):
        emitter = Emitter(emit)
        threading.Thread(target=lambda: [emitter(event) for event in events], daemon=True).start()
        return handle

    return start


def test_a_kept_error_keeps_no_frame_and_nothing_behind_it():
    class Reply:
        pass

    def ask():
        reply = Reply()
        gone.append(weakref.ref(reply))
        raise KeyError("key")

    gone = []
    try:
        try:
            ask()
        except KeyError as error:
            raise LoadFailed("It cannot be read: try again.") from error
    except LoadFailed as error:
        failed = Failed(error=error)
    gc.collect()
    assert gone[0]() is None
    assert str(failed.error) == "It cannot be read: try again."
    assert dataclasses.replace(failed, seq=3).error is failed.error


def test_iterate_ends_after_the_last_word():
    handle = Handle()
    events = list(iterate(started([Queued(), Progress(), Finished(output=1)], handle)))
    assert [type(event) for event in events] == [Queued, Progress, Finished]
    assert not handle.cancelled


def test_leaving_either_iterator_early_cancels():
    handle = Handle()
    loop = iterate(started([Queued()], handle))
    next(loop)
    loop.close()
    assert handle.cancelled

    async def leave():
        handle = Handle()
        events = aiterate(started([Queued()], handle))
        async for _ in events:
            break
        await events.aclose()
        return handle.cancelled

    assert asyncio.run(leave())


@pytest.mark.parametrize("count", [0, 1, 500])
def test_aiterate_keeps_the_order_across_threads(count):
    async def collect():
        return [event async for event in aiterate(started([Progress()] * count + [Finished()], Handle()))]

    assert [event.seq for event in asyncio.run(collect())] == list(range(count + 1))
