"""The faster path of an adapter: only after the plain one has answered, only while it agrees, and gone with its model."""

import gc
import logging
import threading
import time
import weakref
from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest

from playground.engine import stack
from playground.engine.loaders import LoadContext, build_loaders
from playground.engine.models import _agreement, _merged
from playground.engine.scheduler import Scheduler

from .conftest import eventually as within

eventually = partial(within, seconds=30.0)  # the copy is made beside whatever else the machine does

TEXTS = ["I loved it", "the plot was not good and the film was very bad", "a", "hated every minute of it", "good book"]


@contextmanager
def engine(book=lambda bytes: True, fast=True):
    """Loaders over a real device thread, the backbone not yet loaded."""
    import torch

    stack.import_all()
    torch.set_num_threads(1)
    device = Scheduler()
    context = LoadContext(torch.device("cpu"), torch.float32, device.on_device, fast=fast, book=book)
    try:
        yield build_loaders(), context
    finally:
        device.close()


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(_merged, "DELAY", 0.0)


def threads_of(model):
    return [thread for thread in threading.enumerate() if thread.name == f"merge {model.adapter}"]


def settle(base):
    """Until nothing is being merged any more."""
    for model in list(base.copies._members):
        for thread in threads_of(model):
            thread.join(30)


def logits(context, model, texts=TEXTS):
    def compute():
        rows = [(model, model.encode(text, 32)) for text in texts]
        return [model.runner.logits([row])[0] for row in rows]

    return context.on_device(compute)


def load(loaders, context, tiny, *indices):
    base = loaders.get("encoder").load(tiny.encoder_ref, None, context)
    return base, [loaders.get("lora-classifier").load(tiny.adapter_ref(i), base, context) for i in indices]


def test_an_adapter_is_merged_after_its_load_and_answers_the_same(tiny):
    with engine() as (loaders, context):
        base, (one, two) = load(loaders, context, tiny, 0, 1)
        plain = [context.on_device(lambda m=m: [m.plain([m.encode(t, 32)])[0] for t in TEXTS]) for m in (one, two)]
        assert one.path in (None, "adapter merged")
        eventually(lambda: one.path == two.path == "adapter merged")
        assert one.group != two.group != base.group
        for model, expected in zip((one, two), plain, strict=True):
            found = logits(context, model)
            assert _agreement.difference(expected, found) <= 1e-5
            rows = context.on_device(lambda m=model: [(m, m.encode(t, 32)) for t in TEXTS])
            assert _agreement.difference(expected, context.on_device(partial(model.runner.logits, rows))) <= 1e-5
        assert _agreement.difference(plain[0], plain[1]) > 0.01


def test_the_copy_shares_all_but_the_adapted_matrices_and_is_booked(tiny):
    with engine() as (loaders, context):
        base, (one,) = load(loaders, context, tiny, 0)
        eventually(lambda: one.path is not None)
        shared = {p.data_ptr() for p in base.module.parameters()}
        own = {p.data_ptr(): p.nbytes for p in one.merged.parameters() if p.data_ptr() not in shared}
        assert one.identity.own_bytes == one.identity.adapter_bytes + sum(own.values())
        assert len(own) == 2 * 6 + 1  # query, key, value and three dense layers in each of two, and the pooler
        assert one.identity.bytes == base.identity.bytes + one.identity.own_bytes


@pytest.mark.parametrize("how", [{"fast": False}, {"book": lambda bytes: False}], ids=["off", "no room"])
def test_it_stays_plain_where_it_is_switched_off_or_has_no_room(tiny, how):
    with engine(**how) as (loaders, context):
        base, (one,) = load(loaders, context, tiny, 0)
        settle(base)
        assert one.merged is None
        assert one.path is None
        assert one.identity.own_bytes == one.identity.adapter_bytes


def test_a_path_that_disagrees_is_not_taken_and_is_logged(tiny, monkeypatch, caplog):
    inner = _merged._linear

    def wrong(layer, name):
        linear = inner(layer, name)
        linear.weight *= 1.01
        return linear

    monkeypatch.setattr(_merged, "_linear", wrong)
    with engine() as (loaders, context), caplog.at_level(logging.WARNING):
        base, (one,) = load(loaders, context, tiny, 0)
        eventually(lambda: "its plain path stays" in caplog.text)
        settle(base)
        assert one.path is None
        assert one.merged is None


def test_a_failure_on_the_way_is_logged_and_leaves_the_plain_path(tiny, monkeypatch, caplog):
    def broken(layer, name):
        raise MemoryError

    monkeypatch.setattr(_merged, "_linear", broken)
    with engine() as (loaders, context), caplog.at_level(logging.WARNING):
        _, (one,) = load(loaders, context, tiny, 0)
        eventually(lambda: "stays unmerged" in caplog.text)
        assert one.path is None
        assert np.isfinite(logits(context, one)).all()


@pytest.mark.parametrize("moment", [0.0, 0.02, 0.05, 0.5])
def test_unloading_at_any_moment_frees_the_copy_and_leaves_the_other_adapter_right(tiny, moment):
    with engine() as (loaders, context):
        _, (one, two) = load(loaders, context, tiny, 0, 1)
        expected = context.on_device(lambda: [two.plain([two.encode(t, 32)])[0] for t in TEXTS])
        time.sleep(moment)
        loaders.get("lora-classifier").unload(one, context)
        assert one.merged is None
        assert threads_of(one) == []
        gone = weakref.ref(one)
        del one
        gc.collect()
        assert gone() is None
        assert _agreement.difference(expected, logits(context, two)) <= 1e-5
        eventually(lambda: two.path is not None)
        assert _agreement.difference(expected, logits(context, two)) <= 1e-5


def test_rows_of_merged_and_unmerged_adapters_and_the_bare_encoder_in_one_batch(tiny):
    """What is in a batch when a path changes in the middle of a load of requests."""
    with engine() as (loaders, context):
        base, (one, two) = load(loaders, context, tiny, 0, 1)
        eventually(lambda: one.path and two.path)
        context.on_device(two.forget)
        rows = context.on_device(lambda: [(m, m.encode(t, 32)) for t in TEXTS for m in (one, two)])
        together = context.on_device(lambda: one.runner.logits(rows))
        alone = context.on_device(lambda: [model.plain([row])[0] for model, row in rows])
        assert _agreement.difference(alone, together) <= 1e-5
        vectors = context.on_device(lambda: base.embed([row for _, row in rows]))
        assert np.isfinite(vectors).all()


def test_the_path_changes_under_load_and_no_answer_does(tiny):
    """Two adapters of one backbone, asked by four threads while both are merged, forgotten and merged again."""
    with engine() as (loaders, context):
        _, models = load(loaders, context, tiny, 0, 1)
        expected = [context.on_device(lambda m=m: [m.plain([m.encode(t, 32)])[0] for t in TEXTS]) for m in models]
        eventually(lambda: all(model.path for model in models))
        copies = [model.merged for model in models]
        stop, problems, asked = threading.Event(), [], [0]

        def ask(which):
            while not stop.is_set():
                off = _agreement.difference(expected[which], logits(context, models[which]))
                asked[0] += 1
                if off > 1e-5:
                    problems.append(off)

        threads = [threading.Thread(target=ask, args=(n % 2,)) for n in range(4)]
        for thread in threads:
            thread.start()
        until, least = time.monotonic() + 60, time.monotonic() + 1
        while time.monotonic() < least or (asked[0] < 40 and time.monotonic() < until):
            for model, module in zip(models, copies, strict=True):
                context.on_device(model.forget)
                context.on_device(partial(model.use, module))
        stop.set()
        for thread in threads:
            thread.join()
        assert not problems
        assert asked[0] >= 40


def test_no_number_never_agrees():
    good = [np.array([0.0, 1.0])]
    assert _agreement.difference(good, [np.array([np.nan, 1.0])]) == np.inf
    assert _agreement.difference(good, good) == 0


def test_through_the_runtime_the_card_names_the_path_and_the_cache_books_the_copy(tiny):
    from playground.core.calls import Attend, Classify
    from playground.core.cancel import Cancel
    from playground.core.streams import iterate
    from playground.engine.runtime_local import LocalRuntime
    from playground.settings import Settings

    def ask(runtime, call):
        return list(iterate(lambda emit: runtime.submit(call, emit, Cancel(30))))[-1]

    call = Classify(tiny.adapter_ref(0), text=TEXTS[1])
    plain = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=64, fast_cpu=False))
    fast = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=64))
    try:
        expected = ask(plain, call)
        ask(fast, call)
        eventually(lambda: ask(fast, call).stats.path == "adapter merged")
        found = ask(fast, call)
        time.sleep(0.2)
        assert ask(plain, call).stats.path is None
        assert found.stats.fingerprint == expected.stats.fingerprint
        assert found.stats.resident_bytes > expected.stats.resident_bytes
        assert found.stats.adapter_bytes == expected.stats.adapter_bytes
        for row in expected.output.scores:
            assert found.output.score_of(row.label) == pytest.approx(row.score, abs=1e-5)
        rows = {row.model: row.bytes for row in fast.status()}
        others = {row.model: row.bytes for row in plain.status()}
        assert rows["tiny/encoder"] == others["tiny/encoder"]
        assert rows["tiny/lora0"] - others["tiny/lora0"] == found.stats.resident_bytes - expected.stats.resident_bytes
        shown = ask(fast, Attend(tiny.adapter_ref(0), text=TEXTS[1]))
        beside = ask(plain, Attend(tiny.adapter_ref(0), text=TEXTS[1]))
        np.testing.assert_allclose(shown.output.parts[0].stack(), beside.output.parts[0].stack(), atol=1e-5)
        fast.unload()
        eventually(lambda: not fast.status())
    finally:
        plain.close()
        fast.close()
