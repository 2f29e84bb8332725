import threading
import time

from playground.core.cancel import Cancel


def test_set_runs_every_callback_once():
    cancel, seen = Cancel(), []
    cancel.on_set(lambda: seen.append("a"))
    forget = cancel.on_set(lambda: seen.append("b"))
    forget()
    cancel.set()
    cancel.set()
    assert seen == ["a"]


def test_a_late_callback_runs_at_once():
    cancel, seen = Cancel(), []
    cancel.set()
    cancel.on_set(lambda: seen.append("late"))
    assert seen == ["late"]


def test_a_child_follows_its_parent_and_not_the_other_way_round():
    parent = Cancel()
    first, second = parent.child(), parent.child()
    first.set()
    assert (parent.is_set, second.is_set) == (False, False)
    parent.set()
    assert second.is_set


def test_a_child_has_the_earlier_deadline():
    parent = Cancel(timeout=0.01)
    child = parent.child(timeout=100)
    assert child.remaining() < 1
    time.sleep(0.02)
    assert child.expired
    assert not child.is_set  # a deadline is asked for, it does not cancel by itself
    assert Cancel().remaining() is None


def test_a_child_that_ends_leaves_nothing_on_its_parent():
    parent = Cancel()
    for _ in range(100):
        parent.child().set()
    assert len(parent._callbacks) == 0


def test_many_threads_set_it_and_the_callback_runs_once():
    cancel, seen = Cancel(), []
    cancel.on_set(lambda: seen.append(1))
    threads = [threading.Thread(target=cancel.set) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1]
