"""Something dies in the middle of a run: its card has one sentence, the others answer, and the next run needs no restart."""

import sys
import threading
import time

import pytest

from playground.compose import compose
from playground.core.types import Source
from playground.settings import Settings
from tests.engine.strike import strike
from tests.tiers.scripted_server import ScriptedServer, hangs, whole

KEY = "sk-test-4f9a17c2d8e64b0f9a17c2d8"
LOCAL = ("pretrained", "finetuned", "scratch")
TEXT = "I loved every minute of it"


@pytest.fixture(scope="module")
def service():
    service = compose(
        Settings(space_id=None, openai_api_key=None, local_server_url=None, device="cpu", hosted_timeout=60)
    )
    yield service
    service.close()


def begin(service, tiers=None, models=None, seen=lambda event: None):
    return service.start("sentiment", TEXT, session="me", models=models or {}, tiers=tiers, emit=seen)


def results(handle, seconds=60):
    assert handle.wait(seconds), "a card has no last word"
    return {result.tier: result for result in handle.record().results}


def run(service, tiers=None, models=None):
    return results(begin(service, tiers, models))


def eventually(condition, seconds=10.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.005)


def one_sentence(result):
    message = str(result.error)
    assert result.error is not None
    assert message.endswith((".", "!"))
    assert "\n" not in message
    assert "Traceback" not in message


@pytest.fixture(autouse=True)
def _nothing_is_left(service):
    """Warm before, and nothing leased or in flight after."""
    assert {tier: result.error for tier, result in run(service).items()} == dict.fromkeys(("hosted", *LOCAL))
    yield
    eventually(lambda: all(row.leases == 0 for row in service.runtime.status()))
    queue = service.runtime.report().queue
    assert (queue.running, queue.waiting, queue.loading) == (0, 0, 0)


def server_on(port, *scripts):
    """A scripted server on the very port that another one had."""
    for _ in range(100):
        try:
            return ScriptedServer(*scripts, port=port)
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"port {port} is still taken")


def test_the_endpoint_dies_and_comes_back(service):
    server = ScriptedServer(hangs)
    service.set_key("me", KEY, server.base_url)
    try:
        handle = begin(service, models={"hosted": "some-model"})
        assert server.arrived.wait(10)
        server.close()
        found = results(handle)
        one_sentence(found["hosted"])
        assert found["hosted"].error.kind in ("endpoint_unreachable", "stream_cut", "endpoint_fault")
        assert all(found[tier].error is None for tier in LOCAL)
        one_sentence(run(service, models={"hosted": "some-model"})["hosted"])  # still away
        back = server_on(server.port, whole())
        try:
            again = run(service, models={"hosted": "some-model"})["hosted"]
            assert again.error is None
            assert again.stats.source is Source.LIVE
        finally:
            back.close()
    finally:
        service.close_session("me")


def told_to_exit(gateway):
    gateway._life._server.should_exit = True


def loop_stopped(gateway):
    loop = gateway._life._server.servers[0].get_loop()
    loop.call_soon_threadsafe(loop.stop)


def thread_exits(gateway):
    loop = gateway._life._server.servers[0].get_loop()
    loop.call_soon_threadsafe(sys.exit)


@pytest.mark.parametrize("kill", [told_to_exit, loop_stopped, thread_exits])
def test_the_gateway_dies_and_another_takes_its_place(service, kill, monkeypatch):
    """Held in the middle of a run by a device that is busy elsewhere."""
    gateway, gate = service._gateway, Gate(service)
    first = gateway._life
    handle = begin(service)
    try:
        eventually(lambda: gate.waiting() > len(LOCAL))  # the gateway's own question is there as well
        kill(gateway)
        first._thread.join(10)
        assert not first._thread.is_alive()
    finally:
        gate.open()
    found = results(handle)
    one_sentence(found["hosted"])
    assert "run again" in str(found["hosted"].error)
    assert all(found[tier].error is None for tier in LOCAL)
    again = run(service)
    assert again["hosted"].error is None
    assert again["hosted"].stats.source is Source.STAND_IN
    assert gateway._life is not first


class Gate:
    """Keeps the device busy between two steps until it is opened."""

    def __init__(self, service):
        self._entered, self._open = threading.Event(), threading.Event()
        self._service = service
        self._thread = threading.Thread(target=lambda: service.runtime._on_device(self._hold))
        self._thread.start()
        assert self._entered.wait(10)

    def _hold(self):
        self._entered.set()
        assert self._open.wait(30)

    def waiting(self):
        """How many calls wait for the device."""
        return self._service.runtime.report().queue.waiting

    def open(self):
        self._open.set()
        self._thread.join(10)


class HeldOnce:
    """The first call of a method, made to last until its thread is struck or it is let go."""

    def __init__(self, monkeypatch, owner, name, only=lambda *args: True):
        self.entered, self.go, self.thread = threading.Event(), threading.Event(), None
        real, lock = getattr(owner, name), threading.Lock()

        def held(*args):
            with lock:
                first = self.thread is None and only(*args)
                if first:
                    self.thread = threading.current_thread()
            if first:
                self.entered.set()
                while not self.go.is_set():
                    time.sleep(0.001)
                    self.while_held(*args)
            return real(*args)

        monkeypatch.setattr(owner, name, held)

    def while_held(self, *args):
        pass


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_the_device_thread_is_struck_in_a_step(service, monkeypatch, kind):
    held = HeldOnce(monkeypatch, service.runtime._ops.get("Classify"), "step")
    handle = begin(service, tiers=LOCAL)
    assert held.entered.wait(10)
    assert strike(held.thread, kind)
    found = results(handle)
    broken = [result for result in found.values() if result.error is not None]
    assert 1 <= len(broken) < len(LOCAL), "the works of that step, and no others"
    for result in broken:
        one_sentence(result)
        assert result.error.kind == "internal_error"
    assert {tier: result.error for tier, result in run(service).items()} == dict.fromkeys(("hosted", *LOCAL))


def unloaded(service, model):
    """Takes a model out of memory, so that the next run has to load it."""
    key = next(row.key for row in service.runtime.status() if row.model == model)
    eventually(lambda: service.runtime.unload(key) == 1)
    eventually(lambda: model not in {row.model for row in service.runtime.status()})


SCRATCH = "bundled/sentiment-scratch"


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_a_loader_thread_is_struck_in_a_load(service, monkeypatch, kind):
    unloaded(service, SCRATCH)
    held = HeldOnce(monkeypatch, service.runtime._models, "load", lambda ref, base, report: ref.id == SCRATCH)
    handle = begin(service, tiers=LOCAL)
    assert held.entered.wait(10)
    assert strike(held.thread, kind)
    found = results(handle)
    one_sentence(found["scratch"])
    assert found["pretrained"].error is None
    assert found["finetuned"].error is None
    assert run(service, tiers=["scratch"])["scratch"].error is None
    assert SCRATCH in {row.model for row in service.runtime.status()}


def test_the_last_who_waits_for_a_load_leaves(service, monkeypatch):
    unloaded(service, SCRATCH)
    held = HeldOnce(monkeypatch, service.runtime._models, "load", lambda ref, base, report: ref.id == SCRATCH)
    ended = []

    def report_on(ref, base, report):
        try:
            report("reading the weights", 0.5)
        except BaseException as error:
            ended.append(error)
            raise

    held.while_held = report_on
    handle = begin(service, tiers=["scratch"])
    assert held.entered.wait(10)
    handle.cancel()
    assert results(handle)["scratch"].cancelled
    eventually(lambda: ended)  # the load has been told, and has stopped
    eventually(lambda: SCRATCH not in {row.model for row in service.runtime.status()})
    assert service.runtime.report().queue.loading == 0
    assert run(service, tiers=["scratch"])["scratch"].error is None
