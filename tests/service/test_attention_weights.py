"""All the weights of a look: layer by layer, read again where a text is too long to keep them, and as a file that numpy reads."""

import asyncio
import io
import zipfile

import numpy as np
import pytest

from playground.core.attention_types import AttentionMap, Part, PartName
from playground.core.calls import Attend
from playground.core.errors import Busy, InputError
from playground.inspection.sides import side
from playground.service import attention_weights
from playground.service.attention import Order
from playground.service.attention_weights import layers, npz
from tests.service.made_looks import ADAPTER, THREE, TRANSLATOR, made
from tests.service.service_helpers import service_with


@pytest.fixture
def service():
    service = service_with()
    yield service
    service.close()


def look(service, found, order):
    service.runtime.script(output=found)
    return asyncio.run(service.attention.look(order, "page"))


async def collected(pieces):
    return [piece async for piece in pieces]


def saved(service, looked):
    pieces = asyncio.run(collected(npz(service.attention, looked, "page")))
    return np.load(io.BytesIO(b"".join(pieces)), allow_pickle=False), pieces


def asked(service):
    return [call.keep for call in service.runtime.calls if isinstance(call, Attend)]


def test_what_is_kept_is_asked_of_nobody(service):
    looked = look(service, made("abcd"), Order(ADAPTER, "abcd"))
    found = asyncio.run(collected(layers(service.attention, looked, "page")))
    assert [(one.part.name, one.number) for one in found] == [("encoder", number) for number in range(5)]
    np.testing.assert_array_equal([one.weights for one in found], looked.map.parts[0].stack())
    assert asked(service) == [()]


def test_what_is_not_is_read_again_for_as_many_layers_as_may_be_held(service, monkeypatch):
    monkeypatch.setattr(attention_weights, "AT_ONCE", 2 * (2 * 4 * 4 * 4))  # two layers
    looked = look(service, made("abcd", keep=[("encoder", 1)]), Order(ADAPTER, "abcd"))
    expected = [(("encoder", 0), ("encoder", 2)), (("encoder", 3), ("encoder", 4))]
    for keep in expected:
        service.runtime.script(output=made("abcd", keep=keep))
    found = asyncio.run(collected(layers(service.attention, looked, "page")))
    assert asked(service) == [(), *expected]
    np.testing.assert_array_equal([one.weights for one in found], made("abcd").parts[0].stack())
    assert (
        asyncio.run(service.attention.look(Order(ADAPTER, "abcd"), "page")) is looked
    )  # what the page shows is still kept


def test_a_layer_that_is_too_large_comes_alone(service, monkeypatch):
    monkeypatch.setattr(attention_weights, "AT_ONCE", 1)
    looked = look(service, made("abcd", keep=[("encoder", 0)]), Order(ADAPTER, "abcd"))
    for layer in range(1, 5):
        service.runtime.script(output=made("abcd", keep=[("encoder", layer)]))
    arrays, pieces = saved(service, looked)
    assert asked(service)[1:] == [(("encoder", layer),) for layer in range(1, 5)]
    np.testing.assert_array_equal(arrays["attention"], made("abcd").parts[0].stack())
    assert max(map(len, pieces)) < arrays["attention"].nbytes  # never all of it at once


def test_a_model_that_became_another_one_is_told(service):
    looked = look(service, made("abcd", keep=[]), Order(ADAPTER, "abcd"))
    service.runtime.script(output=made("abc", keep=[("encoder", 0)]))
    with pytest.raises(InputError, match="press Look"):
        asyncio.run(collected(layers(service.attention, looked, "page")))
    service.runtime.script(error=Busy("No memory is free: try again."))
    with pytest.raises(Busy):
        asyncio.run(collected(npz(service.attention, looked, "page")))


def test_the_file_is_numpys_and_holds_no_pickle(service):
    looked = look(service, made("aé🙂"), Order(ADAPTER, "aé🙂"))
    arrays, pieces = saved(service, looked)
    assert set(arrays.files) == {"attention", "tokens"}
    assert arrays["attention"].dtype == np.float32
    np.testing.assert_array_equal(arrays["attention"], looked.map.parts[0].stack())
    assert arrays["tokens"].tolist() == ["a", "é", "🙂"]
    assert zipfile.ZipFile(io.BytesIO(b"".join(pieces))).testzip() is None
    assert saved(service, looked)[1] == pieces  # the same look is the same file


def test_of_an_encoder_decoder_it_holds_all_three_parts_and_both_texts(service):
    looked = look(service, made("abc", "xyzw", parts=THREE), Order(TRANSLATOR, "abc", "xyzw"))
    arrays, _ = saved(service, looked)
    assert {name: arrays[name].shape for name in arrays.files} == {
        "attention": (3, 2, 3, 3),
        "decoder_attention": (2, 2, 4, 4),
        "cross_attention": (2, 2, 4, 3),
        "tokens": (3,),
        "target_tokens": (4,),
    }
    for name, one in zip(("attention", "decoder_attention", "cross_attention"), looked.map.parts, strict=True):
        np.testing.assert_array_equal(arrays[name], one.stack())
    assert arrays["target_tokens"].tolist() == list("xyzw")


def test_a_decoders_weights_have_the_plain_name_and_a_nul_is_not_lost(service):
    decoder = (Part(PartName.DECODER, 2, 2, causal=True),)
    found = made("ab", parts=decoder)
    named = side("ab", ["a", "\0"], [(0, 1), (1, 2)], (0, 1))
    looked = look(service, AttentionMap((named,), found.parts), Order(ADAPTER, "ab"))
    arrays, _ = saved(service, looked)
    assert set(arrays.files) == {"attention", "tokens"}
    assert arrays["tokens"].tolist() == ["a", "\N{REPLACEMENT CHARACTER}"]
