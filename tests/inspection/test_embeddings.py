"""Embeddings in files that are made here, against brute force, numpy's eigenvectors and peft's own arithmetic."""

import hashlib
import json
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.numpy import save_file

from playground.catalog import Catalog
from playground.core.errors import DigestMismatch, LoadFailed, NotHere, NotSupported, TooLarge
from playground.core.types import ModelRef
from playground.inspection.embeddings import LocalEmbeddings, nearest, principal
from playground.settings import Settings

RANDOM = np.random.default_rng(7)
VECTORS = RANDOM.normal(size=(50, 8)).astype(np.float32)
NAME = "bert.embeddings.word_embeddings.weight"


def model(folder, tensors=None, **rest):
    folder.mkdir(exist_ok=True)
    save_file(
        {NAME: VECTORS, "other.weight": VECTORS[:3]} if tensors is None else tensors, folder / "model.safetensors"
    )
    return ModelRef(folder.name, loader="", folder=str(folder), **rest)


def adapter(folder, base, tensors, **config):
    folder.mkdir()
    save_file(tensors, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({"target_modules": ["query"], **config}))
    return ModelRef(folder.name, loader="", folder=str(folder), base=base)


# -- cosines


def brute_force(vectors, token, most):
    def cosine(one, other):
        lengths = sum(x * x for x in one) ** 0.5 * sum(x * x for x in other) ** 0.5
        return sum(x * y for x, y in zip(one, other, strict=True)) / lengths if lengths else 0.0

    rows = [[float(x) for x in row] for row in vectors]
    found = [(-cosine(rows[token], row), place) for place, row in enumerate(rows) if place != token]
    return [(place, -minus) for minus, place in sorted(found)[:most]]


@given(arrays(np.float32, (12, 4), elements=st.integers(-3, 3).map(float)), st.integers(0, 11), st.integers(1, 20))
def test_the_nearest_are_those_of_a_plain_loop(vectors, token, most):
    ids, cosines = nearest(vectors, np.linalg.norm(vectors, axis=1), token, most)
    expected = brute_force(vectors, token, most)
    assert token not in ids
    assert len(ids) == min(most, 11)
    np.testing.assert_allclose(cosines, [cosine for _, cosine in expected], atol=1e-5)
    assert (np.diff(cosines) <= 0).all()


def test_of_equals_the_lower_id_comes_first():
    vectors = np.array([[1, 0], [2, 0], [3, 0], [0, 1]], dtype=np.float32)
    ids, cosines = nearest(vectors, np.linalg.norm(vectors, axis=1), 2, 2)
    assert ids.tolist() == [0, 1]
    assert cosines.tolist() == [1, 1]


def test_a_vector_of_length_0_is_near_to_nobody():
    vectors = np.array([[0, 0], [1, 0], [-1, 0]], dtype=np.float32)
    assert nearest(vectors, np.linalg.norm(vectors, axis=1), 0, 5)[1].tolist() == [0, 0]


# -- the map


@given(st.integers(3, 30), st.integers(2, 6), st.integers(0, 1000))
def test_the_axes_are_the_covariances_first_two_eigenvectors(many, width, seed):
    vectors = np.random.default_rng(seed).normal(size=(many, width)) * np.arange(1, width + 1) ** 2
    points, shares = principal(vectors.astype(np.float32))
    values, axes = np.linalg.eigh(np.cov(vectors.T))
    centred = vectors - vectors.mean(axis=0)
    for place in range(2):
        expected = centred @ axes[:, -1 - place]
        difference = min(np.abs(points[:, place] - sign * expected).max() for sign in (1, -1))
        assert difference < 1e-3 * np.abs(centred).max()
        assert shares[place] == pytest.approx(values[-1 - place] / values.sum(), abs=1e-5)
        assert points[np.abs(points[:, place]).argmax(), place] >= 0


@pytest.mark.parametrize("vectors", [VECTORS[:1], VECTORS[[3, 3, 3]]])
def test_tokens_that_do_not_differ_lie_on_one_point(vectors):
    points, shares = principal(vectors)
    assert np.abs(points).max() < 1e-5
    assert all(0 <= share <= 1 for share in shares)


def test_two_tokens_lie_on_one_line():
    points, shares = principal(VECTORS[:2])
    assert shares == pytest.approx((1, 0), abs=1e-6)
    assert np.linalg.norm(points[0] - points[1]) == pytest.approx(np.linalg.norm(VECTORS[0] - VECTORS[1]), rel=1e-4)


# -- files


def test_the_matrix_is_found_in_the_file_whatever_its_type(tmp_path):
    peek = LocalEmbeddings()
    whole = peek.neighbours(model(tmp_path / "f32"), 4)
    half = peek.neighbours(model(tmp_path / "f16", {"model.embed_tokens.weight": VECTORS.astype(np.float16)}), 4)
    assert (whole.matrix.tensor, whole.matrix.rows, whole.matrix.width) == (NAME, 50, 8)
    assert half.matrix.tensor == "model.embed_tokens.weight"
    assert whole.ids.tolist() == [place for place, _ in brute_force(VECTORS, 4, 10)]
    np.testing.assert_allclose(half.cosines, whole.cosines, atol=1e-2)
    assert whole.norm == pytest.approx(float(np.linalg.norm(VECTORS[4])))


def test_a_bfloat16_matrix_is_read_to_the_bit(tmp_path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file as save_torch

    (tmp_path / "bf").mkdir()
    rounded = torch.tensor(VECTORS).bfloat16()
    save_torch({"first": torch.ones(3), "wte.weight": rounded}, tmp_path / "bf" / "model.safetensors")
    found = LocalEmbeddings().map(ModelRef("bf", loader="", folder=str(tmp_path / "bf")), range(50))
    expected, _ = principal(rounded.float().numpy())
    np.testing.assert_array_equal(found.points, expected)


def test_a_sharded_checkpoint(tmp_path):
    folder = tmp_path / "shards"
    folder.mkdir()
    save_file({"layer.weight": VECTORS}, folder / "a.safetensors")
    save_file({"shared.weight": VECTORS}, folder / "b.safetensors")
    index = {"weight_map": {"layer.weight": "a.safetensors", "shared.weight": "b.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert (
        LocalEmbeddings().neighbours(ModelRef("s", loader="", folder=str(folder)), 0).matrix.tensor == "shared.weight"
    )


def test_a_file_is_checked_before_it_is_read(tmp_path):
    right = model(tmp_path / "m")
    digest = hashlib.sha256((tmp_path / "m" / "model.safetensors").read_bytes()).hexdigest()
    LocalEmbeddings().neighbours(model(tmp_path / "m", digests=(("model.safetensors", digest),)), 1)
    with pytest.raises(DigestMismatch):
        LocalEmbeddings().neighbours(model(tmp_path / "m", digests=(("model.safetensors", "0" * 64),)), 1)
    (tmp_path / "m" / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}")
    with pytest.raises(LoadFailed):
        LocalEmbeddings().neighbours(right, 1)


def test_what_cannot_be_looked_at_says_so(tmp_path):
    peek = LocalEmbeddings()
    with pytest.raises(NotSupported, match="No input embeddings"):
        peek.neighbours(model(tmp_path / "none", {"head.weight": VECTORS}), 1)
    with pytest.raises(NotSupported, match="no vector for this token"):
        peek.neighbours(model(tmp_path / "m"), 50)
    with pytest.raises(NotSupported):
        peek.map(model(tmp_path / "m"), [-1])
    with pytest.raises(TooLarge, match="choose a smaller model"):
        LocalEmbeddings(most=100).neighbours(model(tmp_path / "m"), 1)
    with pytest.raises(NotHere):
        peek.neighbours(ModelRef("gone", loader="", folder=str(tmp_path / "gone")), 1)
    broken = VECTORS.copy()
    broken[3, 3] = np.nan
    with pytest.raises(LoadFailed):
        peek.neighbours(model(tmp_path / "nan", {NAME: broken}), 1)


def test_memory_is_bounded_and_the_last_looked_at_stay(tmp_path):
    peek = LocalEmbeddings(most=2 * VECTORS.nbytes)
    refs = [model(tmp_path / name) for name in "abc"]
    for ref in refs:
        peek.neighbours(ref, 0)
    assert list(peek._kept) == refs[1:]


# -- adapters


def test_an_adapter_that_leaves_the_embeddings_says_so_and_shares_them(tmp_path):
    peek, base = LocalEmbeddings(), model(tmp_path / "base")
    ref = adapter(tmp_path / "one", base, {"x.lora_A.weight": VECTORS}, modules_to_save=["classifier"])
    assert "leaves the embeddings as they are" in peek.neighbours(ref, 3).matrix.said
    assert peek.neighbours(ref, 3).ids.tolist() == peek.neighbours(base, 3).ids.tolist()
    assert peek._bytes() == VECTORS.nbytes


def test_an_adapter_with_embeddings_of_its_own(tmp_path):
    mine = RANDOM.normal(size=VECTORS.shape).astype(np.float32)
    name = "base_model.model.embeddings.word_embeddings.weight"
    ref = adapter(tmp_path / "own", model(tmp_path / "base"), {name: mine}, modules_to_save=["word_embeddings"])
    found = LocalEmbeddings().neighbours(ref, 3)
    assert found.ids.tolist() == [place for place, _ in brute_force(mine, 3, 10)]
    assert "of its own" in found.matrix.said


def test_an_adapters_change_of_the_embeddings_is_peft_s_own(tmp_path):
    torch = pytest.importorskip("torch")
    peft = pytest.importorskip("peft")

    class Tiny(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embed_tokens = torch.nn.Embedding(50, 8)

        def forward(self, ids):
            return self.embed_tokens(ids)

    torch.manual_seed(1)
    tiny = Tiny()
    base = model(tmp_path / "base", {"embed_tokens.weight": tiny.embed_tokens.weight.detach().numpy().copy()})
    adapted = peft.get_peft_model(
        tiny, peft.LoraConfig(r=2, lora_alpha=6, target_modules=["embed_tokens"], init_lora_weights=False)
    )
    adapted.save_pretrained(tmp_path / "lora", save_embedding_layers=False)
    merged = adapted.merge_and_unload().embed_tokens.weight.detach().numpy()
    ref = ModelRef("lora", loader="", folder=str(tmp_path / "lora"), base=base)
    found = LocalEmbeddings().map(ref, range(50))
    np.testing.assert_allclose(found.points, principal(merged)[0], atol=1e-4)
    assert found.matrix.said == "The adapter changes the embeddings, by rank 2."


def test_a_change_that_is_not_understood_is_not_passed_over(tmp_path):
    ref = adapter(tmp_path / "odd", model(tmp_path / "base"), {"x.weight": VECTORS}, trainable_token_indices=[3])
    with pytest.raises(NotSupported, match="choose its base"):
        LocalEmbeddings().neighbours(ref, 1)


# -- what comes with the playground


def test_the_whole_vocabulary_is_searched_in_a_fifth_of_a_second():
    catalog = Catalog.read(Settings().catalog)
    peek, ref = LocalEmbeddings(), catalog.ref(catalog.encoder)
    assert peek.neighbours(ref, 2000).matrix.rows == 30522
    times = []
    for token in range(3000, 3005):
        begin = time.perf_counter()
        peek.neighbours(ref, token)
        times.append(time.perf_counter() - begin)
    assert min(times) < 0.2


@pytest.mark.parametrize(
    "checkpoint", ["bundled/sentiment-scratch", "bundled/generation-scratch", "bundled/generation-shakespeare"]
)
def test_bundled_models_of_each_kind_have_a_matrix(checkpoint):
    catalog = Catalog.read(Settings().catalog)
    ref = catalog.ref(catalog.get(checkpoint))
    found = LocalEmbeddings().neighbours(ref, 10)
    assert len(found.ids) == 10
    assert bool(found.matrix.said) == (ref.base is not None)
