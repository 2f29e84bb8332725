"""Throws an exception into a running thread from outside, as nothing in Python can forbid."""

import contextlib
import ctypes
import sys
import threading
import time


class Struck(BaseException):
    """What a thread is killed with. No `Exception`, so that no ordinary handler stops it."""


def strike(thread, kind=Struck):
    """It is raised in that thread at its next bytecode; False where the thread is gone. `thread`: a Thread or its id.

    Not while that thread is starting another: until the new one runs, CPython 3.11 knows both by the same id, and may strike
    the child before it has said that it lives; its parent would wait for that for ever.
    """
    ident = thread.ident if isinstance(thread, threading.Thread) else thread
    while _starts_another(ident):
        time.sleep(0.0005)
    return ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(kind)) == 1


def strike_dead(thread, wake, tries=20):
    """Until it is dead: an event loop takes what strikes it while it sends for a broken connection, and lives on.

    `wake` has it do something, since a thread that waits sees nothing.
    """
    for _ in range(tries):
        if not strike(thread):
            break
        with contextlib.suppress(OSError):
            wake()
        thread.join(1)
        if not thread.is_alive():
            break
    assert not thread.is_alive(), "it cannot be killed"


def _starts_another(ident):
    frame = sys._current_frames().get(ident)
    while frame is not None:
        if frame.f_code is threading.Thread.start.__code__:
            return True
        frame = frame.f_back
    return False
