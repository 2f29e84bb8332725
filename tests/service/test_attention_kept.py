"""Looks that are kept: of a long text the layers that were seen, one by one, and none of another model's."""

import asyncio
import dataclasses

import numpy as np
import pytest

from playground.core.errors import InputError
from playground.service import attention
from playground.service.attention import Order, joined
from tests.fakes.service import FakePlayground

ENCODER = "bundled/sentiment-general"
LONG = Order(ENCODER, "word " * 200)


@pytest.fixture
def desk():
    service = FakePlayground()
    yield service.attention, service.runtime.looks
    service.close()


def layer(desk, number, order=LONG):
    return asyncio.run(desk.layer(order, "encoder", number, "page"))


def test_a_layer_of_a_long_text_is_worked_out_once(desk):
    desk, runtime = desk
    seen = {number: layer(desk, number)[1].weights[number] for number in (2, 1)}
    calls = len(runtime.calls)
    for number, weights in seen.items():
        np.testing.assert_array_equal(layer(desk, number)[1].weights[number], weights)
    assert len(runtime.calls) == calls == 3  # the look, whose one layer is the first, and two more
    assert layer(desk, 0)[1].whole


def test_a_short_text_is_read_once_for_all_its_layers(desk):
    desk, runtime = desk
    for number in range(3):
        layer(desk, number, Order(ENCODER, "a short one"))
    assert len(runtime.calls) == 1
    with pytest.raises(InputError, match="no such layer"):
        layer(desk, 3, Order(ENCODER, "a short one"))


def test_the_longest_known_layers_go_and_never_the_new_one(desk, monkeypatch):
    desk, _ = desk
    monkeypatch.setattr(attention, "LONG_BYTES", 2 * 4 * 202 * 202 * 4)  # two layers of four heads
    for number in (0, 1, 2):
        layer(desk, number)
    assert sorted(asyncio.run(desk.look(LONG, "page")).map.part("encoder").weights) == [1, 2]
    monkeypatch.setattr(attention, "LONG_BYTES", 1)
    layer(desk, 0)
    assert sorted(asyncio.run(desk.look(LONG, "page")).map.part("encoder").weights) == [0]


def test_layers_of_other_weights_or_another_text_are_no_part_of_it(desk):
    desk, _ = desk
    looked = layer(desk, 1)[0]
    other = dataclasses.replace(looked, stats=dataclasses.replace(looked.stats, fingerprint="another"))
    assert joined(other, looked) is looked
    assert joined(None, looked) is looked
    assert joined(layer(desk, 2, Order(ENCODER, "other " * 200))[0], looked) is looked
