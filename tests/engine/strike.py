"""Throws an exception into a running thread from outside, as nothing in Python can forbid."""

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


def _starts_another(ident):
    frame = sys._current_frames().get(ident)
    while frame is not None:
        if frame.f_code is threading.Thread.start.__code__:
            return True
        frame = frame.f_back
    return False
