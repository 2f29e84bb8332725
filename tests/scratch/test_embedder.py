"""The embedder from scratch: a text's vector is what the docstring says, computed here by hand, and depends on the text alone."""

import json
import math

import pytest
import torch
from torch import nn

from playground.scratch.model import EmbedderConfig, EncoderEmbedder, pad

SMALL = EmbedderConfig(vocabulary=97, dim=24, layers=2, heads=4, hidden=40, max_length=20, dropout=0.3, output=10)
ROWS = [[1, 5, 9, 42, 7], [1, 96], [1, 3, 3, 8, 90, 11, 12, 13]]


@pytest.fixture
def model() -> EncoderEmbedder:
    torch.manual_seed(5)
    model = EncoderEmbedder(SMALL).eval()
    with torch.no_grad():  # away from the start's zeros and ones, where mistakes would not show
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def test_a_vector_is_the_mean_projected_and_of_length_one(model):
    """In plain Python, from each token's state on."""
    ids, mask = pad(ROWS)
    states = model.encoder(ids, mask).tolist()
    weight, bias = model.projection.weight.tolist(), model.projection.bias.tolist()
    found = model(ids, mask)
    assert found.shape == (3, 10)
    for row, tokens in enumerate(ROWS):
        mean = [sum(states[row][t][d] for t in range(len(tokens))) / len(tokens) for d in range(24)]
        projected = [sum(w * x for w, x in zip(weight[e], mean, strict=True)) + bias[e] for e in range(10)]
        length = math.sqrt(sum(x * x for x in projected))
        torch.testing.assert_close(found[row], torch.tensor([x / length for x in projected]), atol=1e-5, rtol=1e-5)


def test_vectors_have_length_one_and_differ(model):
    vectors = model(*pad(ROWS))
    torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(3))
    cosines = vectors @ vectors.T
    assert (cosines - torch.eye(3)).abs().max() < 0.999, "all texts point the same way"


def test_neither_padding_nor_the_batch_changes_a_vector(model):
    ids, mask = pad(ROWS)
    together = model(ids, mask)
    wider = model(nn.functional.pad(ids, (0, 7), value=55), nn.functional.pad(mask, (0, 7)))  # whatever stands there
    turned = model(*pad(ROWS[::-1])).flip(0)
    for other in (wider, turned, torch.cat([model(*pad([row])) for row in ROWS])):
        torch.testing.assert_close(other, together, atol=1e-5, rtol=1e-5)


def test_recording_attention_changes_no_vector(model):
    ids, mask = pad(ROWS)
    record: list[torch.Tensor] = []
    torch.testing.assert_close(model(ids, mask, record), model(ids, mask), atol=0, rtol=0)
    assert [tuple(weights.shape) for weights in record] == [(3, 4, 8, 8)] * 2


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_saved_and_loaded_it_gives_the_same_vectors(model, tmp_path, dtype):
    model.save(tmp_path, dtype)
    again = EncoderEmbedder.load(tmp_path)
    assert again.config == SMALL
    assert isinstance(again.config, EmbedderConfig)
    assert (again.config.labels, again.config.output) == (0, 10)
    assert not again.training
    tolerance = 0.0 if dtype == torch.float32 else 5e-3
    torch.testing.assert_close(again(*pad(ROWS)), model(*pad(ROWS)), atol=tolerance, rtol=0)


def test_weights_of_another_length_are_refused_in_a_sentence(model, tmp_path):
    model.save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"output": 12}))
    with pytest.raises(ValueError, match=r"do not fit their config"):
        EncoderEmbedder.load(tmp_path)


def test_it_learns_pairs_and_finds_those_it_never_saw_together():
    """Texts "a b" belong to the label "f(b)". It learns some pairs, and then ranks the right label first for others."""
    torch.manual_seed(0)
    config = EmbedderConfig(vocabulary=30, dim=32, layers=1, heads=4, hidden=64, max_length=4, dropout=0.0, output=16)
    model = EncoderEmbedder(config)
    texts = torch.tensor([[1, a, b] for a in range(3, 13) for b in range(13, 20)])
    labels = torch.tensor([[1, 20 + i] for i in range(7)])
    truth = torch.tensor([i % 7 for i in range(len(texts))])
    new = torch.arange(len(texts)) % 5 == 0
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)

    def cosines(rows: torch.Tensor) -> torch.Tensor:
        label_vectors = model(labels, torch.ones_like(labels, dtype=torch.bool))
        return model(rows, torch.ones_like(rows, dtype=torch.bool)) @ label_vectors.T  # [N, 7]

    with torch.no_grad():
        before = (cosines(texts[new]).argmax(1) == truth[new]).float().mean()
    for _ in range(60):
        loss = nn.functional.cross_entropy(10 * cosines(texts[~new]), truth[~new])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        after = (cosines(texts[new]).argmax(1) == truth[new]).float().mean()
    assert before < 0.5 < 0.99 < after
