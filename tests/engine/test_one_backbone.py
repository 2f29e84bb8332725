"""One backbone in memory serves every adapter of all tasks: with all of them loaded and used, at most 1.3 times its bytes."""

import gc
import threading
import time
import warnings
import weakref

import pytest

from playground.catalog import Catalog
from playground.core.calls import Candidate, Classify, Extract, Fill, Match, Pick, Tag
from playground.core.cancel import Cancel
from playground.core.events import Finished
from playground.core.streams import iterate
from playground.core.types import ModelRef
from playground.engine.models import _merged
from playground.engine.runtime_local import LocalRuntime
from playground.settings import ROOT, Settings

from .conftest import LABELS, WORDS, eventually

MOST = 1.3
KINDS = (("SEQ_CLS", "lora-classifier"), ("TOKEN_CLS", "lora-tagger"), ("FEATURE_EXTRACTION", "lora-encoder"))
TAGS = ("O", "B-X")


@pytest.fixture
def runtime(monkeypatch):
    monkeypatch.setattr(_merged, "DELAY", 0.0)
    monkeypatch.setattr(_merged, "CALM", 0.0)
    runtime = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=512))
    yield runtime
    runtime.close()


@pytest.fixture(scope="module")
def many(tmp_path_factory, tiny):
    """Eleven adapters over one encoder, in the proportions of the project's: half of it embeddings, 2 % to 3 % an adapter."""
    import torch
    import transformers
    from peft import LoraConfig, get_peft_model

    root = tmp_path_factory.mktemp("many")
    torch.manual_seed(4)
    config = transformers.BertConfig(
        vocab_size=8000,
        hidden_size=96,
        num_hidden_layers=6,
        num_attention_heads=4,
        intermediate_size=384,
        max_position_embeddings=48,
    )
    transformers.BertModel(config).save_pretrained(root / "encoder")
    transformers.AutoTokenizer.from_pretrained(tiny.encoder).save_pretrained(root / "encoder")
    base = ModelRef("many/encoder", "encoder", str(root / "encoder"), max_length=32)
    makers = {
        "SEQ_CLS": transformers.BertForSequenceClassification,
        "TOKEN_CLS": transformers.BertForTokenClassification,
        "FEATURE_EXTRACTION": transformers.BertModel,
    }
    refs = []
    for number in range(11):
        task, loader = KINDS[number % 3]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # peft 0.21 reads a name that transformers 5.23 deprecates
            inner = makers[task].from_pretrained(root / "encoder")
            lora = LoraConfig(
                task_type=task,
                r=4 if number % 2 else 2,
                target_modules=["query", "key", "value", "dense"],
                exclude_modules=["pooler.dense"],
                modules_to_save=None if task == "FEATURE_EXTRACTION" else ["classifier"],
            )
            model = get_peft_model(inner, lora)
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.1)
        folder = root / f"adapter{number}"
        model.save_pretrained(folder)
        labels = {"lora-classifier": LABELS, "lora-tagger": TAGS}.get(loader, ())
        refs.append(ModelRef(f"many/{number}", loader, str(folder), base=base, labels=labels, max_length=32))
    return refs


def use(runtime, ref, text="a good film"):
    if ref.loader == "lora-classifier":
        call = Classify(ref, text=text)
    elif ref.loader == "lora-tagger":
        call = Tag(ref, text=text)
    elif ref.loader == "lora-reader":
        call = Extract(ref, question="Which film?", context=text)
    elif ref.loader == "lora-masked":
        call = Fill(ref, text=f"{text} and a [MASK]")
    elif ref.loader == "lora-picker":
        call = Pick(ref, text=f"{text}. It was long.", most=1)
    else:
        call = Match(ref, text=text, candidates=(Candidate("a", "good"), Candidate("b", "bad")))
    last = list(iterate(lambda emit: runtime.submit(call, emit, Cancel(60))))[-1]
    assert isinstance(last, Finished), last
    return last


def resident(runtime, base):
    """Bytes of the backbone, and of it with all that stands on it, as the Status tab shows them."""
    rows = [row for row in runtime.report().residents if row.model == base or row.base == base]
    return next(row.bytes for row in rows if row.model == base), sum(row.bytes for row in rows)


def merged(runtime, refs):
    """Which of these have a copy."""
    found = []
    for ref in refs:
        with runtime._cache.lease(ref) as model:
            found.append(model.merged is not None)
    return found


def test_all_adapters_together_are_a_fraction_of_their_backbone(runtime, many):
    for ref in many:
        use(runtime, ref)
    for ref in many:
        assert use(runtime, ref).stats.path is None
    time.sleep(0.2)
    backbone, everything = resident(runtime, "many/encoder")
    assert len(runtime.report().residents) == 1 + len(many)
    assert 1.1 * backbone < everything <= MOST * backbone
    assert not any(merged(runtime, many))
    stats = use(runtime, many[-1]).stats
    assert stats.resident_bytes == backbone + stats.adapter_bytes


def test_with_a_copy_for_each_they_would_not_be(runtime, many, monkeypatch):
    monkeypatch.setattr(_merged, "FEW", 99)
    for ref in many[:3]:
        use(runtime, ref)
    eventually(lambda: all(merged(runtime, many[:3])), 60)
    backbone, everything = resident(runtime, "many/encoder")
    assert everything > MOST * backbone


def test_few_adapters_have_copies_and_the_next_one_ends_them_for_good(runtime, many):
    """Their bytes are booked while they are there; then the very tensors are gone, and nobody's answer has changed."""
    first, second, third = many[:3]
    plain = {ref: use(runtime, ref).output for ref in (first, second)}
    eventually(lambda: all(merged(runtime, (first, second))), 60)
    backbone, with_copies = resident(runtime, "many/encoder")
    copies = []
    for ref in (first, second):
        with runtime._cache.lease(ref) as model:
            shared = {p.data_ptr() for p in model.encoder.module.parameters()}
            copies += [weakref.ref(p) for p in model.merged.parameters() if p.data_ptr() not in shared]
            own = sum(p().nbytes for p in copies if p() is not None)
        del model
    assert copies
    assert with_copies - backbone > own  # with the adapters themselves
    stats = use(runtime, first).stats
    assert stats.path == "adapter merged"
    assert stats.resident_bytes > backbone + stats.adapter_bytes
    use(runtime, third)
    eventually(lambda: not any(merged(runtime, (first, second, third))))
    gc.collect()
    assert [copy for copy in copies if copy() is not None] == []
    backbone, without = resident(runtime, "many/encoder")
    assert without <= MOST * backbone
    assert with_copies - without > 0.9 * own
    for ref, expected in plain.items():
        again = use(runtime, ref)
        assert again.stats.path is None
        assert again.stats.resident_bytes == backbone + again.stats.adapter_bytes
        same(again.output, expected)


def same(found, expected):
    if hasattr(found, "spans"):
        assert [(s.start, s.end, s.label) for s in found.spans] == [(s.start, s.end, s.label) for s in expected.spans]
    else:
        for row in expected.scores:
            assert found.score_of(row.label) == pytest.approx(row.score, abs=1e-5)


def merging():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("merge ")]


def test_when_others_have_left_the_few_get_copies_again(runtime, many):
    for ref in many[:4]:
        use(runtime, ref)
    assert not any(merged(runtime, many[:4]))
    for row in runtime.report().residents:
        if row.model in {"many/2", "many/3"}:
            assert runtime.unload(row.key) == 1
    eventually(lambda: all(merged(runtime, many[:2])), 60)
    backbone, everything = resident(runtime, "many/encoder")
    assert everything > MOST * backbone


def test_adapters_that_come_and_go_are_not_merged_each_time(runtime, many, monkeypatch):
    monkeypatch.setattr(_merged, "CALM", 60.0)
    for ref in many[:3]:
        use(runtime, ref)
    key = next(row.key for row in runtime.report().residents if row.model == "many/2")
    for _ in range(3):
        assert runtime.unload(key) == 1
        eventually(lambda: "many/2" not in {row.model for row in runtime.status()})
        use(runtime, many[2])
        assert not any(merged(runtime, many[:3]))
    assert runtime.unload() == 4  # and nothing waits for the calm to end


def test_a_runtime_that_closes_waits_for_no_calm(many, monkeypatch):
    monkeypatch.setattr(_merged, "CALM", 60.0)
    runtime = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=512))
    for ref in many[:3]:
        use(runtime, ref)
    key = next(row.key for row in runtime.report().residents if row.model == "many/2")
    assert runtime.unload(key) == 1
    eventually(lambda: merging())
    runtime.close()
    assert merging() == []


def test_a_copy_is_made_of_memory_that_is_plenty_and_nothing_is_evicted_for_it(many, monkeypatch):
    monkeypatch.setattr(_merged, "DELAY", 0.0)
    probe = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=512, fast_cpu=False))
    try:
        use(probe, many[0])
        need = sum(row.bytes for row in probe.report().residents)
    finally:
        probe.close()
    tight = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=-(-need // 2**20)))
    try:
        use(tight, many[0])
        time.sleep(0.3)
        assert merged(tight, many[:1]) == [False]
        assert tight.report().departures == ()
        assert tight.report().device.used <= tight.report().device.budget
    finally:
        tight.close()


# -- the project's own

CATALOG = Catalog.read(ROOT / "assets" / "catalog.toml")
OURS = [row for row in CATALOG.checkpoints.values() if row.base == CATALOG.encoder.id]


def test_the_projects_own_adapters_and_their_backbone(monkeypatch):
    """All of the catalog's, loaded and used, each by what it is for."""
    texts = [f"{' '.join(WORDS[:4])} {number}." for number in range(2)]
    runtime = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=1024))
    try:
        for text in texts:
            for row in OURS:
                use(runtime, CATALOG.ref(row), text)
        backbone, everything = resident(runtime, CATALOG.encoder.id)
        assert len(runtime.report().residents) == 1 + len(OURS)
        assert everything <= MOST * backbone, f"{everything / backbone:.3f} times the backbone"
        assert all(use(runtime, CATALOG.ref(row)).stats.path is None for row in OURS)
    finally:
        runtime.close()


@pytest.mark.parametrize(
    ("had", "wanted", "granted"),
    [(100, 120, True), (100, 400, True), (100, 500, False), (100, 40, True), (100, 100, True)],
)
def test_a_model_may_take_more_only_of_plenty(had, wanted, granted):
    """Budget 900, another model of 100: up to half of the 700 that are free."""
    from playground.engine.cache import ModelCache

    from .conftest import FakeBackend, ref

    one, other = ref("one"), ref("other")
    cache = ModelCache(FakeBackend(sizes={"one": had, "other": 100}), 900, 10_000)
    try:
        assert cache.rebook(one, 5) is False
        for wish in (one, other):
            with cache.lease(wish):
                pass
        assert cache.rebook(one, wanted) is granted
        assert cache.total_bytes == 100 + (wanted if granted else had)
        assert cache.rebook(one, had) is True
        assert cache.total_bytes == 100 + had
    finally:
        cache.close()


def test_a_load_that_is_not_over_is_not_booked_anew_and_what_is_given_back_serves_who_waits():
    import threading

    from playground.engine.cache import ModelCache

    from .conftest import Answer, FakeBackend, ref

    gate = threading.Event()
    backend = FakeBackend(sizes={"one": 100, "two": 150}, gate=gate)
    cache = ModelCache(backend, 300, 10_000)
    one, two = ref("one"), ref("two")
    try:
        loading = Answer()
        cache.acquire((one,), loading)
        eventually(lambda: backend.loads == ["one"])
        assert cache.rebook(one, 120) is None
        gate.set()
        loading.wait()
        assert cache.rebook(one, 200) is True
        waiting = Answer()
        cache.acquire((two,), waiting)
        assert not waiting.ready.wait(0.1)
        assert cache.rebook(one, 201) is False  # somebody waits
        assert cache.rebook(one, 100) is True
        waiting.wait()
        assert backend.unloads == []
        assert cache.rebook(two, 150) is True
    finally:
        for lease in (*loading.leases, *waiting.leases):
            lease.release()
        cache.close()
