"""What loading and evicting leaves behind: nothing. `tests/benchmarks/memory.py` is the long version, with real models."""

import collections
import gc
import weakref

from playground.engine.runtime_local import LocalRuntime
from playground.settings import Settings
from tests.benchmarks.memory import cycle, empty, resident


def objects() -> collections.Counter:
    gc.collect()
    return collections.Counter(f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.get_objects())


def test_cycles_of_loading_and_evicting_leave_neither_objects_nor_memory(tiny):
    runtime = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=1))
    try:
        for number in range(12):
            cycle(runtime, tiny.all_refs, number)
        empty(runtime)
        before, level = objects(), resident()
        rounds = 5
        for number in range(rounds * len(tiny.all_refs)):
            cycle(runtime, tiny.all_refs, number)
        empty(runtime)
        left = objects() - before
        grown = {name: count for name, count in left.items() if count >= rounds}
        assert not any(name.startswith(("torch", "transformers", "peft", "tokenizers")) for name in grown), grown
        assert sum(left.values()) < 40 * rounds * len(tiny.all_refs), left.most_common(20)
        assert resident() < level * 1.1
    finally:
        runtime.close()


def test_an_evicted_model_is_gone_at_once_and_its_backbone_with_it(tiny):
    runtime = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=16))
    try:
        cycle(runtime, [tiny.adapter_ref(0)], 0)
        models = [weakref.ref(entry.value) for entry in _loaded(runtime)]
        assert len(models) == 2
        empty(runtime)
        gc.collect()
        assert [model() for model in models] == [None, None]
    finally:
        runtime.close()


def _loaded(runtime):
    return [slot for slot in runtime._cache._slots.values() if slot.value is not None]
