"""Memory, files and softmax by themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.errors import LoadFailed, NotHere, OutOfMemory
from playground.core.types import ModelRef
from playground.engine import memory, weights
from playground.engine.loaders import build_loaders
from playground.engine.ops import build_ops
from playground.engine.scores import HOLDS, chosen, judged

GB = 2**30


def test_the_budget_is_half_of_what_is_free_and_at_most_16_gb():
    assert memory.budget(8 * GB, 0) == 4 * GB
    assert memory.budget(200 * GB, 0) == 16 * GB
    assert memory.budget(8 * GB, 300) == 300 * 2**20


def test_a_containers_limit_counts(tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text(f"{GB}\n")
    (tmp_path / "memory.current").write_text(f"{GB // 4}\n")
    assert memory._container_limit(tmp_path) == (GB, GB // 4)
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._container_limit(tmp_path) == (None, 0)
    monkeypatch.setattr(memory, "_container_limit", lambda: (GB, GB // 4))
    free, total = memory.host_memory()
    assert total == GB
    assert free <= GB * 3 // 4


def test_devices():
    assert memory.choose_device("cpu").type == "cpu"
    assert memory.choose_device("auto").type in {"cpu", "cuda", "mps"}
    with pytest.raises(LoadFailed, match="not on this machine"):
        memory.choose_device("cuda:99")
    with pytest.raises(LoadFailed, match="PLAYGROUND_DEVICE"):
        memory.choose_device("abacus")


def test_out_of_memory_is_told_from_other_faults():
    import torch

    assert memory.is_out_of_memory(MemoryError())
    assert memory.is_out_of_memory(OutOfMemory("full"))
    assert memory.is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert memory.is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ..."))
    assert not memory.is_out_of_memory(RuntimeError("shapes do not fit"))
    assert not memory.is_out_of_memory(ValueError("out of memory"))


def test_shared_tensors_count_once():
    import torch

    one = torch.nn.Linear(10, 10, bias=False)
    two = torch.nn.Linear(10, 10, bias=False)
    two.weight = one.weight
    assert memory.module_bytes(torch.nn.ModuleList([one, two])) == 400
    assert memory.module_bytes(torch.nn.ModuleList([one, torch.nn.Linear(10, 10, bias=False)])) == 800


def test_an_estimate_comes_from_the_header_and_is_what_the_load_takes(tmp_path):
    import torch
    from safetensors.torch import save_file

    save_file({"w": torch.zeros(100, 3).half(), "ids": torch.arange(7)}, tmp_path / "model.safetensors")
    ref = ModelRef("m", "encoder", str(tmp_path))
    assert weights.estimate(ref, ["model.safetensors"]) == 300 * 4 + 7 * 8
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 50)
    assert weights.estimate(ref, ["model.safetensors"]) == 50  # judging it is the load's work
    with pytest.raises(NotHere):
        weights.estimate(ref, ["other.safetensors"])


def test_shards_are_read_through_their_index_and_never_from_elsewhere(tmp_path):
    import torch
    from safetensors.torch import save_file

    ref = ModelRef("m", "encoder", str(tmp_path))
    for name in "ab":
        save_file({name: torch.ones(2)}, tmp_path / f"{name}.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    index.write_text('{"weight_map": {"a": "a.safetensors", "b": "b.safetensors"}}')
    assert weights.weight_files(ref) == ("a.safetensors", "b.safetensors")
    assert weights.tensors(ref, weights.weight_files(ref)).keys() == {"a", "b"}
    index.write_text('{"weight_map": {"a": "../secret.safetensors"}}')
    with pytest.raises(NotHere):
        weights.weight_files(ref)
    index.write_text("[1, 2")
    with pytest.raises(LoadFailed, match="damaged"):
        weights.weight_files(ref)


def test_a_fingerprint_changes_with_one_number_a_name_or_a_part():
    import torch

    state = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.zeros(())}
    one = weights.fingerprint(state)
    assert len(one) == 16
    assert one == weights.fingerprint(dict(reversed(state.items())))
    assert one == weights.fingerprint({"a": state["a"].t().contiguous().t(), "b": state["b"]})  # layout is no weight
    changed = state["a"].clone()
    changed[1, 2] += 1e-6
    others = [{**state, "a": changed}, {"a": state["a"], "c": state["b"]}, {**state, "a": state["a"].reshape(3, 2)}]
    assert len({one, *map(weights.fingerprint, others), weights.fingerprint("base", state)}) == 5


def test_scores_are_a_softmax_best_first():
    found = chosen(("a", "b", "c"), np.array([1.0, 3.0, 2.0], dtype=np.float32))
    assert [row.label for row in found.scores] == ["b", "c", "a"]
    assert found.label == "b"
    assert sum(row.score for row in found.scores) == pytest.approx(1)
    assert found.scores[0].score / found.scores[1].score == pytest.approx(np.e)
    assert chosen(("a", "b"), np.array([1000.0, -1000.0])).scores[0].score == 1.0


LOGITS = st.lists(st.floats(-800, 800, width=32), min_size=1, max_size=12)


@given(LOGITS, st.data())
def test_each_label_judged_by_itself_is_a_plain_sigmoid_against_its_own_threshold(numbers, data):
    import torch

    names = tuple(f"l{place}" for place in range(len(numbers)))
    thresholds = data.draw(st.sampled_from([(), tuple(0.05 + 0.9 * place / len(names) for place in range(len(names)))]))
    found = judged(names, np.array(numbers, dtype=np.float32), thresholds)
    expected = torch.sigmoid(torch.tensor(numbers, dtype=torch.float64)).tolist()
    assert {row.label: row.score for row in found.scores} == pytest.approx(dict(zip(names, expected, strict=True)))
    assert [row.score for row in found.scores] == sorted((row.score for row in found.scores), reverse=True)
    wanted = dict(zip(names, thresholds or [HOLDS] * len(names), strict=True))
    assert {row.label: row.threshold for row in found.scores} == wanted
    assert found.labels == tuple(row.label for row in found.scores if row.score >= wanted[row.label])


@given(LOGITS, st.randoms(use_true_random=False))
def test_the_order_of_the_names_is_no_part_of_the_answer(numbers, chance):
    names = [f"l{place}" for place in range(len(numbers))]
    order = chance.sample(range(len(numbers)), len(numbers))
    logits = np.array(numbers, dtype=np.float32)
    for decide in (chosen, judged):
        one, other = decide(names, logits), decide([names[i] for i in order], logits[order])
        scores = {row.label: row.score for row in one.scores}
        assert {row.label: row.score for row in other.scores} == pytest.approx(scores, abs=1e-12)
        assert [row.score for row in one.scores] == pytest.approx([row.score for row in other.scores], abs=1e-12)


def test_loaders_and_operations_are_found_in_their_packages():
    assert set(build_loaders().names()) == {
        "encoder",
        *("lora-classifier", "lora-encoder", "lora-masked", "lora-reader", "lora-tagger"),
        *("lora-decoder", "lora-picker", "lora-seq2seq"),
        *("pipeline-classifier", "pipeline-masked", "pipeline-nli", "pipeline-reader", "pipeline-tagger"),
        *("pipeline-decoder", "pipeline-seq2seq"),
        *("scratch-classifier", "scratch-encoder", "scratch-masked", "scratch-reader", "scratch-tagger"),
        *("scratch-decoder", "scratch-seq2seq"),
    }
    reading = ["Classify", "Embed", "Extract", "Fill", "Match", "Tag"]
    looking = ["Ablate", "AblateEach", "Attend", "LookThrough", "Repeat"]
    assert build_ops().names() == sorted([*reading, *looking, "Foresee", "Generate", "Pick", "Rewrite"])
