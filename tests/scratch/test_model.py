"""The encoder from scratch against PyTorch's own with the same weights, and what must hold for padding, attention and files."""

import json
from dataclasses import replace
from itertools import product

import pytest
import torch
from torch import nn

from playground.scratch.model import EncoderClassifier, EncoderConfig, highest_over_tokens, mean_over_tokens, pad

SMALL = EncoderConfig(vocabulary=97, labels=3, dim=24, layers=3, heads=4, hidden=40, max_length=20, dropout=0.3)


@pytest.fixture(params=["mean", "mean+max"])
def model(request) -> EncoderClassifier:
    torch.manual_seed(5)
    model = EncoderClassifier(replace(SMALL, pooling=request.param)).eval()
    with torch.no_grad():  # away from the start's zeros and ones, where mistakes would not show
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    return pad([[1, 5, 9, 42, 7], [1, 96], [1, 3, 3, 8, 90, 11, 12, 13]])


def oracle(model: EncoderClassifier) -> tuple[nn.TransformerEncoder, nn.Module]:
    """torch.nn.TransformerEncoder with the weights of our blocks copied in."""
    c = model.config
    layer = nn.TransformerEncoderLayer(
        c.dim, c.heads, c.hidden, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    encoder = nn.TransformerEncoder(layer, c.layers, norm=nn.LayerNorm(c.dim), enable_nested_tensor=False)
    with torch.no_grad():
        for theirs, ours in zip(encoder.layers, model.encoder.blocks, strict=True):
            three = (ours.attention.query, ours.attention.key, ours.attention.value)
            theirs.self_attn.in_proj_weight.copy_(torch.cat([linear.weight for linear in three]))
            theirs.self_attn.in_proj_bias.copy_(torch.cat([linear.bias for linear in three]))
            theirs.self_attn.out_proj.load_state_dict(ours.attention.output.state_dict())
            theirs.linear1.load_state_dict(ours.feed_forward.widen.state_dict())
            theirs.linear2.load_state_dict(ours.feed_forward.narrow.state_dict())
            theirs.norm1.load_state_dict(ours.attention_norm.state_dict())
            theirs.norm2.load_state_dict(ours.feed_forward_norm.state_dict())
        encoder.norm.load_state_dict(model.encoder.norm.state_dict())
    return encoder.eval()


def test_the_encoder_equals_pytorchs_own(model, batch):
    ids, mask = batch
    embedded = model.encoder.embeddings(ids)
    expected = oracle(model)(embedded, src_key_padding_mask=~mask)
    found = model.encoder(ids, mask)
    assert found.std() > 0.1
    torch.testing.assert_close(found[mask], expected[mask], atol=1e-5, rtol=1e-5)


def test_its_gradients_equal_pytorchs_own(model, batch):
    ids, mask = batch
    reference = oracle(model)
    reference(model.encoder.embeddings(ids), src_key_padding_mask=~mask)[mask].square().mean().backward()
    expected = model.encoder.embeddings.tokens.weight.grad.clone()
    model.zero_grad()
    model.encoder(ids, mask)[mask].square().mean().backward()
    torch.testing.assert_close(model.encoder.embeddings.tokens.weight.grad, expected, atol=1e-6, rtol=1e-4)


def test_its_attention_equals_pytorchs_own(model, batch):
    ids, mask = batch
    record: list[torch.Tensor] = []
    model(ids, mask, record)
    x = model.encoder.blocks[0].attention_norm(model.encoder.embeddings(ids))
    _, expected = oracle(model).layers[0].self_attn(x, x, x, ~mask, average_attn_weights=False)
    torch.testing.assert_close(record[0], expected, atol=1e-6, rtol=1e-5)


def test_recording_attention_changes_no_answer(model, batch):
    ids, mask = batch
    record: list[torch.Tensor] = []
    torch.testing.assert_close(model(ids, mask, record), model(ids, mask), atol=0, rtol=0)
    assert [tuple(weights.shape) for weights in record] == [(3, SMALL.heads, 8, 8)] * SMALL.layers
    for weights in record:
        torch.testing.assert_close(weights.sum(-1), torch.ones(3, SMALL.heads, 8))
        assert (weights[~mask[:, None, None, :].expand_as(weights)] == 0).all(), "somebody looks at padding"


def test_padding_changes_no_logits(model, batch):
    ids, mask = batch
    together = model(ids, mask)
    wider = model(nn.functional.pad(ids, (0, 7), value=55), nn.functional.pad(mask, (0, 7)))  # whatever stands there
    torch.testing.assert_close(wider, together, atol=1e-6, rtol=1e-5)
    for row, (row_ids, row_mask) in enumerate(zip(ids, mask, strict=True)):
        alone = model(row_ids[row_mask][None], torch.ones(1, int(row_mask.sum()), dtype=torch.bool))
        torch.testing.assert_close(alone[0], together[row], atol=1e-6, rtol=1e-5)


def test_the_order_of_tokens_matters(model):
    mask = torch.ones(1, 4, dtype=torch.bool)
    one, other = model(torch.tensor([[1, 5, 9, 4]]), mask), model(torch.tensor([[1, 9, 5, 4]]), mask)
    assert (one - other).abs().max() > 1e-3


def test_the_mean_counts_real_tokens_alone():
    x = torch.tensor([[[1.0], [3.0], [100.0]]])
    assert mean_over_tokens(x, torch.tensor([[True, True, False]])).item() == 2.0


def test_the_highest_counts_real_tokens_alone():
    x = torch.tensor([[[1.0, -5.0], [-3.0, -2.0], [100.0, 100.0]], [[-7.0, 0.5], [9.0, 9.0], [9.0, 9.0]]])
    mask = torch.tensor([[True, True, False], [True, False, False]])
    torch.testing.assert_close(highest_over_tokens(x, mask), torch.tensor([[1.0, -2.0], [-7.0, 0.5]]))


def test_pooling_sets_the_highest_beside_the_mean(batch, tmp_path):
    """By hand, from the tokens' states on; and what is saved comes back with its pooling."""
    torch.manual_seed(5)
    model = EncoderClassifier(replace(SMALL, pooling="mean+max")).eval()
    ids, mask = batch
    states, logits = model.encoder(ids, mask), model(ids, mask)
    for row in range(3):
        real = states[row][mask[row]]
        pooled = torch.cat([real.mean(0), real.max(0).values])
        torch.testing.assert_close(logits[row], model.classifier.weight @ pooled + model.classifier.bias)
    model.save(tmp_path)
    torch.testing.assert_close(EncoderClassifier.load(tmp_path)(ids, mask), logits, atol=0, rtol=0)
    with pytest.raises(ValueError, match="cannot be pooled by “sum”"):
        replace(SMALL, pooling="sum")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_saved_and_loaded_it_answers_the_same(model, batch, tmp_path, dtype):
    model.save(tmp_path, dtype)
    again = EncoderClassifier.load(tmp_path)
    assert again.config == model.config
    assert not again.training
    tolerance = 0.0 if dtype == torch.float32 else 5e-3
    torch.testing.assert_close(again(*batch), model(*batch), atol=tolerance, rtol=0)


def test_weights_of_another_shape_are_refused_in_a_sentence(model, tmp_path):
    model.save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"dim": 48}))
    with pytest.raises(ValueError, match=r"do not fit their config"):
        EncoderClassifier.load(tmp_path)


def test_heads_that_cannot_share_the_width_are_refused():
    with pytest.raises(ValueError, match="5 heads cannot share"):
        EncoderConfig(vocabulary=10, dim=24, heads=5)


def test_it_learns_what_a_bag_of_tokens_cannot_know():
    """Does a 2 stand directly before a 3? It must learn to look at the neighbour."""
    torch.manual_seed(0)
    config = EncoderConfig(vocabulary=10, dim=32, layers=1, heads=4, hidden=64, max_length=6, dropout=0.0)
    texts = torch.tensor(list(product(range(4), repeat=4)))  # all 256
    labels = ((texts[:, :-1] == 2) & (texts[:, 1:] == 3)).any(1).long()
    bags: dict[tuple[int, ...], list[int]] = {}
    for text, label in zip(texts.tolist(), labels.tolist(), strict=True):
        bags.setdefault(tuple(sorted(text)), []).append(label)
    best_bag = sum(max(sum(found), len(found) - sum(found)) for found in bags.values()) / len(texts)

    model, mask = EncoderClassifier(config), torch.ones_like(texts, dtype=torch.bool)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(150):
        loss = nn.functional.cross_entropy(model(texts, mask), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    share = (model(texts, mask).argmax(1) == labels).float().mean()
    assert best_bag < 0.9 < 0.99 < share
