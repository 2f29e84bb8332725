"""The test with random tokens that are said twice: on heads whose scores can be said by hand, and on the two bundled models."""

from types import SimpleNamespace

import numpy as np
import pytest

from playground.core.attention_types import Part, PartName, RepeatScores, Side
from playground.core.calls import Repeat
from playground.core.cancel import Cancel
from playground.core.errors import NotSupported
from playground.core.events import Progress
from playground.core.head_measures import PLACES
from playground.core.types import ModelRef
from playground.engine.insides import Seen
from playground.engine.ops.repeat import OP, around_length, begin_of, drawn, second_time, self_attention
from playground.engine.work import Work
from playground.inspection import heads
from playground.settings import ROOT

REF = ModelRef("made up", "none", "", max_length=200)


class Made:
    """A model of one layer whose heads are made by hand. kinds: a function each, (ids, causal) -> weights [T, T]."""

    def __init__(self, *kinds, causal=True, most=200, vocabulary=300, begin=(7,), end=()):
        name = PartName.DECODER if causal else PartName.ENCODER
        self.parts = (Part(name, 1, len(kinds), causal=causal),)
        self.kinds, self.most, self.vocabulary, self.begin, self.end = kinds, most, vocabulary, begin, end
        self.read = []

    def common(self):
        return range(10, 10 + self.vocabulary)

    def of_ids(self, ids):
        self.read.append(list(ids))
        row = (*self.begin, *ids, *self.end)
        own = range(len(self.begin), len(self.begin) + len(ids))
        special = tuple(place not in own for place in range(len(row)))
        words = tuple(-1 if mark else place for place, mark in enumerate(special))
        return Seen((Side("", tuple(map(str, row)), ((0, 0),) * len(row), row, special, words),), row)

    def attend(self, seen):
        import torch

        part = self.parts[0]
        found = np.stack([kind(seen.row, part.causal) for kind in self.kinds]).astype(np.float32)
        return {part.name: [torch.from_numpy(found)]}


def even(ids, causal):
    seen = np.tril(np.ones((len(ids), len(ids)))) if causal else np.ones((len(ids), len(ids)))
    return seen / seen.sum(-1, keepdims=True)


def induction(ids, causal):
    """Looks at what came after the same token before; from a token that is new at the first one."""
    found = np.zeros((len(ids), len(ids)))
    for place, id_ in enumerate(ids):
        earlier = [at for at in range(place) if ids[at] == id_]
        found[place, earlier[-1] + 1 if earlier else 0] = 1
    return found


def back(distance):
    def looks(ids, causal):
        found = np.zeros((len(ids), len(ids)))
        for place in range(len(ids)):
            found[place, max(0, place - distance)] = 1
        return found

    return looks


def run(made, **options):
    """The answer, and the events before it."""
    events = []
    identity = SimpleNamespace(fingerprint="f")
    model = SimpleNamespace(insides=made, identity=identity, path=None)
    work = Work(Repeat(REF, **options), OP, model, Cancel(60), events.append, lambda work, outcome, error: None)
    OP.prepare(work)
    for _ in range(1000):
        [outcome] = OP.step([work])
        if outcome is not None:
            return outcome, events
    raise AssertionError("it does not end")


def test_each_kind_of_head_gets_what_it_deserves():
    made = Made(induction, back(1), even, back(23))
    outcome, events = run(made, length=24, texts=13)
    found = outcome.output
    assert isinstance(found, RepeatScores)
    assert (found.part, found.texts) == (made.parts[0], 13)
    assert found.scores.shape == found.previous.shape == (1, 4)
    assert found.scores[0, 0] == 1
    assert found.scores[0, 1] == 0
    assert found.scores[0, 2] == pytest.approx(found.chance)
    assert found.scores[0, 3] == pytest.approx(1 / 13), "a fixed distance passes in the one text of that length"
    assert found.previous[0].tolist() == pytest.approx([0, 1, found.chance, 0])
    assert 1 / (2 * 30 + 1) < found.chance < 1 / 19
    assert found.tokens == 48
    assert [event.so_far.texts for event in events if isinstance(event, Progress)] == list(range(1, 13))
    assert outcome.note is None


def test_chance_of_an_encoder_is_one_of_all_tokens():
    made = Made(even, causal=False, begin=(1,), end=(2,))
    outcome, _ = run(made, length=8, texts=4)
    sizes = [2 * len(text) // 2 + 2 for text in made.read[1:]]
    assert outcome.output.chance == pytest.approx(np.mean([1 / size for size in sizes]))
    assert outcome.output.scores[0, 0] == pytest.approx(outcome.output.chance)


def test_texts_differ_in_length_and_their_tokens_all_differ_and_hang_on_the_seed():
    made = Made(even)
    run(made, length=16, texts=9, seed=5)
    texts = made.read[1:]
    assert sorted(len(text) // 2 for text in texts) == list(range(12, 21))
    for text in texts:
        once = text[: len(text) // 2]
        assert text == once * 2
        assert len(set(once)) == len(once)
    again = Made(even)
    run(again, length=16, texts=9, seed=5)
    other = Made(even)
    run(other, length=16, texts=9, seed=6)
    assert again.read == made.read != other.read


def test_a_short_context_means_shorter_texts_and_says_so():
    made = Made(induction, most=32)
    outcome, _ = run(made, length=24, texts=7)
    assert max(len(text) for text in made.read) <= 31
    assert outcome.output.scores[0, 0] == 1
    assert "15 tokens at most" in outcome.note


@pytest.mark.parametrize("made", [Made(even, most=8), Made(even, vocabulary=3)])
def test_who_cannot_read_four_tokens_twice_is_refused(made):
    with pytest.raises(NotSupported, match="too few tokens"):
        run(made)


def test_a_model_without_attention_is_refused():
    work = Work(Repeat(REF), OP, SimpleNamespace(), Cancel(60), print, lambda work, outcome, error: None)
    with pytest.raises(NotSupported, match="no attention"):
        OP.prepare(work)


def test_of_several_parts_the_causal_one_that_reads_the_tokens():
    seen = Made(even).of_ids([20, 21])
    encoder, decoder = Part(PartName.ENCODER, 1, 1), Part(PartName.DECODER, 1, 1, queries=1, keys=1, causal=True)
    cross = Part(PartName.CROSS, 1, 1, queries=1)
    read = Seen((seen.sides[0], Made(even).of_ids([]).sides[0]), None)
    assert self_attention(SimpleNamespace(parts=(encoder, decoder, cross)), read, [20, 21]) is encoder
    both = Seen((seen.sides[0], seen.sides[0]), None)
    assert self_attention(SimpleNamespace(parts=(encoder, decoder, cross)), both, [20, 21]) is decoder
    assert begin_of(both, decoder, [20, 21]) == 1
    with pytest.raises(NotSupported):
        self_attention(SimpleNamespace(parts=(cross,)), both, [20, 21])


def test_the_place_is_what_the_measure_of_any_text_looks_at():
    """The score of one text is the induction score of that text, times the share of its tokens that have something to find."""
    made = Made(induction, even)
    text = [*range(20, 28)]
    seen = made.of_ids(text * 2)
    weights = made.attend(seen)[PartName.DECODER][0].numpy()
    places = second_time(1, len(text))
    table = heads.scores(weights, made.parts[0], seen.sides[0], seen.sides[0])
    np.testing.assert_allclose(
        weights[:, places.queries, places.keys].mean(1), table[:, PLACES["induction"]], rtol=1e-5
    )


def test_lengths():
    random = np.random.default_rng(0)
    assert sorted(drawn(random, range(3, 6), 3)) == [3, 4, 5]
    assert sorted(drawn(random, range(3, 6), 7)).count(3) in (2, 3)
    for length in range(4, 60):
        for most in range(4, 60):
            found = around_length(length, most)
            assert len(found) >= 1
            assert found[0] >= 4
            assert found[-1] <= most


# -- the bundled models ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def runtime():
    from playground.engine.runtime_local import LocalRuntime
    from playground.settings import Settings

    runtime = LocalRuntime(Settings(device="cpu", threads=1, fast_cpu=False))
    yield runtime
    runtime.close()


def answer(runtime, call):
    from playground.core.events import Finished
    from playground.core.streams import iterate

    last = list(iterate(lambda emit: runtime.submit(call, emit, Cancel(60))))[-1]
    assert isinstance(last, Finished), last
    return last.output


def bundled(name):
    from playground.catalog import Catalog

    catalog = Catalog.read(ROOT / "assets" / "catalog.toml")
    return catalog.ref(catalog.get(f"bundled/{name}"))


def test_two_layers_have_induction_heads_in_the_second_and_none_elsewhere(runtime):
    found = answer(runtime, Repeat(bundled("induction-two-layers")))
    assert found.scores.shape == (2, 4)
    assert (found.scores[1] >= 0.4).any()
    assert (found.scores[0] < 0.1).all()
    assert found.previous[0].max() > 0.9, "the head that tells them what stands before each token"
    assert found.chance < 0.05


def test_one_layer_has_none(runtime):
    found = answer(runtime, Repeat(bundled("induction-one-layer")))
    assert found.scores.shape == (1, 4)
    assert (found.scores < 0.1).all()


def test_the_labels_of_a_text_agree_with_it(runtime):
    from playground.core.calls import Attend
    from playground.core.head_measures import label_of

    text = "kQ7wZx2mVbR9kQ7wZx2mVbR9"
    tested = answer(runtime, Repeat(bundled("induction-two-layers")))
    part = answer(runtime, Attend(bundled("induction-two-layers"), text=text)).parts[0]
    named = np.array([[label_of(row.tolist()) for row in layer] for layer in part.scores])
    np.testing.assert_array_equal(named == "induction", tested.scores >= 0.4)
    assert (named[0] == "previous token").any()
    alone = answer(runtime, Attend(bundled("induction-one-layer"), text=text)).parts[0]
    assert not any(label_of(row.tolist()) == "induction" for row in alone.scores[0])
