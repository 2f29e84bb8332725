"""What the attention page asks about one head and its kind: answers that JSON can hold, whatever was sent."""

import base64
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from playground.core.calls import Attend
from playground.ui.plotly_route import address, plotly_route
from tests.fakes.attention import LONGEST, fake_attention
from tests.ui.looking import DECODER, ENCODER, EVIL, REWRITER, TEXT, asking, fake_service


@pytest.fixture(scope="module")
def service():
    with fake_service() as service:
        yield service


@pytest.fixture(scope="module")
def ask(service):
    return asking(service, part="encoder", layer=0, head=0)


def weights(found):
    packed = found["figure"]["data"][0]["z"]
    assert packed["dtype"] == "f4"
    shape = tuple(map(int, packed["shape"].split(",")))
    return np.frombuffer(base64.b64decode(packed["bdata"]), "<f4").reshape(shape)


def test_a_head_is_sent_as_the_model_has_it(service, ask):
    call = Attend(service.attention.ref(ENCODER), "", TEXT)
    wanted = fake_attention(call)
    for layer, head in ((0, 0), (2, 3)):
        found = ask("attention_head", layer=layer, head=head)
        np.testing.assert_array_equal(weights(found), wanted.part("encoder").weights[layer][head])
        assert found["row_names"] == list(wanted.sides[0].tokens)
        assert found["sentence"].startswith("Strongest: “")


def test_controls_change_what_is_sent(ask):
    count = len(ask("attention_head")["rows"])
    words = ask("attention_head", words=True)
    assert words["row_names"] == ["[CLS]", "The", "wonderful", "dog", ",", "the", "dog", "!", "[SEP]"]
    assert len(words["rows"]) < count
    hidden = ask("attention_head", head=1, hide_special=True)
    assert hidden["hidden"] > 0.9  # this head looks at [CLS]
    assert len(hidden["rows"]) == count - 2
    some = ask("attention_head", head=2, mass=50)
    assert 0 < np.isnan(weights(some)).sum() < count * count
    assert some["blank"] > 0.2
    greatest = ask("attention_head", combine="all-max")
    assert greatest["hidden"] is None
    assert weights(greatest).sum(axis=1).min() > 1


@pytest.mark.parametrize(("model", "part", "sides"), [(DECODER, "decoder", (0, 0)), (REWRITER, "cross", (1, 0))])
def test_every_part_of_every_kind_of_model(ask, model, part, sides):
    found = ask("attention_head", model=model, part=part, target="Le chien")
    assert (found["queries"], found["keys"]) == sides
    np.testing.assert_allclose(weights(found).sum(axis=1), 1, atol=1e-5)
    if part == "decoder":
        assert np.triu(weights(found), 1).max() == 0


def test_a_long_text_has_its_heads_and_no_sum_of_all(ask):
    long = "word " * 600
    look = ask("attention_look", text=long)
    assert len(look["sides"][0]["tokens"]) == LONGEST
    assert not look["parts"][0]["whole"]
    assert len(json.dumps(look)) < 1_000_000
    found = ask("attention_head", text=long, layer=2, head=2)
    assert weights(found).shape == (LONGEST, LONGEST)
    assert len(json.dumps(found)) < 1_600_000
    assert "too long for all layers" in ask("attention_head", text=long, combine="all-mean")["error"]


def test_a_look_has_a_label_for_each_head(ask):
    [part] = ask("attention_look")["parts"]
    assert len(part["labels"]) == part["layers"]
    assert part["labels"][0][:2] == ["previous token", "first token"]


def test_one_token_and_text_of_any_kind(ask):
    found = ask("attention_head", text="a", hide_special=True)
    assert weights(found).shape == (1, 1)
    found = ask("attention_head", text=EVIL)
    drawn = json.dumps(found["figure"])
    assert "<" not in drawn
    assert "\\ud800" not in drawn
    assert "</" not in json.dumps(found["figure"]["layout"])


def test_the_kind_of_a_head_and_the_test_for_induction(ask):
    kind = ask("attention_kind", head=0)["html"]
    assert "previous token" in kind
    assert "A[q, q − 1]" in kind
    assert "no repeated token" not in kind  # there are two dogs
    repeats = ask("attention_repeats")["html"]
    assert 'data-layer="1"' in repeats
    assert "layer 2 · head 3" in repeats


def test_a_fault_is_one_sentence(ask):
    for do in ("attention_head", "attention_kind"):
        for wrong in ({"layer": 9}, {"head": -1}, {"part": "cross"}, {"model": "x/y"}, {"text": " "}):
            error = ask(do, **wrong)["error"]
            assert error.endswith(".")
            assert "broke on our side" not in error
        assert "no attention to show" in ask(do, text="nothing to show")["error"]
    assert "put heads together" in ask("attention_head", combine="sum")["error"]
    assert ask("attention_repeats", model="x/y")["error"].endswith(".")


ANYTHING = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
FIELDS = ("part", "layer", "head", "combine", "words", "hide_special", "hide_first", "mass", "target")


@settings(max_examples=30)
@given(st.sampled_from(["attention_head", "attention_kind"]), st.fixed_dictionaries(dict.fromkeys(FIELDS, ANYTHING)))
def test_whatever_is_sent_there_is_an_answer(ask, do, data):
    assert "broke on our side" not in ask(do, **data).get("error", "")


def test_plotly_comes_from_here_compressed_and_is_kept():
    client = TestClient(Starlette(routes=[plotly_route()]))
    packed = client.get(f"/{address()}", headers={"accept-encoding": "gzip"})
    plain = client.get(f"/{address()}", headers={"accept-encoding": "identity"})
    assert packed.content == plain.content
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content) / 2.5
    assert "immutable" in packed.headers["cache-control"]
    assert packed.headers["content-type"].startswith("text/javascript")
    assert b"plotly.js" in plain.content[:200]
    assert client.get("/assets/plotly/0.0.js").status_code == 404
