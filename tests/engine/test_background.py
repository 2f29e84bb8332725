import threading
import weakref

from playground.engine.background import Background

from .conftest import eventually


def test_what_waits_ends_when_the_runtime_does():
    background = Background()
    began = [threading.Event() for _ in range(3)]
    ended = []

    def wait(at, stop):
        began[at].set()
        stop.wait(60)
        ended.append(at)

    for at in range(3):
        background.start(f"waits {at}", lambda stop, at=at: wait(at, stop))
    assert all(event.wait(10) for event in began)
    background.close()
    assert sorted(ended) == [0, 1, 2]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("waits ")]


def test_one_ends_alone_and_may_be_ended_twice():
    background = Background()
    first = background.start("first", lambda stop: stop.wait(60))
    second = background.start("second", lambda stop: stop.wait(60))
    first.end()
    first.end()
    names = {thread.name for thread in threading.enumerate()}
    assert "first" not in names
    assert "second" in names
    second.end()


def test_nothing_starts_once_it_is_closed():
    background, ran = Background(), []
    background.close()
    task = background.start("late", lambda stop: ran.append(stop))
    task.end()
    assert ran == []


def test_nothing_holds_what_has_run():
    class Model:
        def work(self, stop):
            pass

    background, model = Background(), Model()
    gone = weakref.ref(model)
    task = background.start("short", model.work)
    del model
    eventually(lambda: gone() is None)
    task.end()
