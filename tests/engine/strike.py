"""Throws an exception into a running thread from outside, as nothing in Python can forbid."""

import ctypes
import threading


class Struck(BaseException):
    """What a thread is killed with. No `Exception`, so that no ordinary handler stops it."""


def strike(thread, kind=Struck):
    """It is raised in that thread at its next bytecode; False where the thread is gone. `thread`: a Thread or its id."""
    ident = thread.ident if isinstance(thread, threading.Thread) else thread
    return ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(kind)) == 1
