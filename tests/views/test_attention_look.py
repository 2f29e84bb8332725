"""What is sent of a look: thumbnails that are read again as they were made, and never more of them than a page should wait for."""

import base64
import json
import zlib

import numpy as np
import pytest

from playground.core.attention_types import AttentionMap, Part, PartMap, PartName
from playground.core.head_measures import MEASURES, PLACES
from playground.core.types import Stats
from playground.inspection.sides import side
from playground.inspection.thumbnails import thumbnails
from playground.views.attention.look import look


def of(layers, heads, tokens, seed=0) -> AttentionMap:
    text = " ".join("a" * tokens)
    one = side(text, ["a"] * tokens, [(2 * at, 2 * at + 1) for at in range(tokens)], [7] * tokens)
    weights = np.random.default_rng(seed).random((layers, heads, tokens, tokens)) ** 6
    weights = (weights / weights.sum(axis=-1, keepdims=True)).astype(np.float32)
    scores = np.full((layers, heads, len(MEASURES)), np.nan, np.float32)
    scores[0, 0, PLACES["previous"]] = 0.9
    part = Part(PartName.ENCODER, layers, heads)
    return AttentionMap((one,), (PartMap(part, {}, thumbnails(weights), scores),))


def read(part) -> np.ndarray:
    content = zlib.decompress(base64.b64decode(part["thumbnails"]))
    return np.frombuffer(content, np.uint8).reshape(part["layers"], part["heads"], part["q"], part["k"])


@pytest.mark.parametrize("tokens", [1, 16, 64, 128, 200])
def test_thumbnails_are_read_as_they_were_made(tokens):
    found = of(2, 3, tokens)
    [part] = look(found, Stats())["parts"]
    np.testing.assert_array_equal(read(part), found.parts[0].thumbnails)


def test_12_layers_of_12_heads_and_128_tokens_are_less_than_a_million_bytes():
    assert len(json.dumps(look(of(12, 12, 128), Stats()), allow_nan=False)) < 1_000_000


def test_of_very_many_heads_each_point_is_the_strongest_of_four():
    found = of(24, 16, 128)
    sent = look(found, Stats())
    assert len(json.dumps(sent)) < 1_000_000
    small, whole = read(sent["parts"][0]), found.parts[0].thumbnails
    assert small.shape == (24, 16, 32, 32)
    np.testing.assert_array_equal(small, whole.reshape(24, 16, 32, 2, 32, 2).max(axis=(3, 5)))


def test_each_head_has_its_label_and_what_says_nothing_is_null():
    [part] = look(of(1, 2, 3), Stats())["parts"]
    assert part["labels"] == [["previous token", ""]]
    assert part["scores"][0][0][PLACES["previous"]] == 0.9
    assert part["scores"][0][1] == [None] * len(MEASURES)
