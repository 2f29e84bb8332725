"""Texts that the engine writes: the same alone and in company, in whole characters, stopped within a token, told in full."""

import itertools
import threading
from dataclasses import replace

import pytest

from playground.core.calls import Classify, Foresee, Generate
from playground.core.cancel import Cancel
from playground.core.errors import DeadlineExceeded, InputError, NotSupported, OutOfMemory
from playground.core.events import LAST, Cancelled, Failed, Finished, Partial
from playground.core.writing_types import Writing
from playground.engine.runtime_local import LocalRuntime
from playground.engine.spelling import Speller
from playground.settings import Settings

from .conftest import eventually
from .writers import CONTEXT, TEXT, finish, load, step, work_of, written

NAMES = ("llama", "sliding", "ours", "letters")
PROMPTS = [TEXT[:n] for n in (5, 17, 30, 64, 2, 40, 11, 23)]
SETTINGS = [
    {"length": 30},
    {"length": 20, "temperature": 0.9, "seed": 5},
    {"length": 60, "temperature": 1.2, "seed": 6, "top_k": 20},
    {"length": 25, "repetition_penalty": 1.4},
    {"length": 12, "beams": 3},
    {"length": 40, "temperature": 0.8, "top_p": 0.8, "seed": 7, "details": True},
    {"length": 1},
    {"length": 30, "details": True},
]


@pytest.fixture(scope="module")
def loaded(writers):
    base = load(writers.llama)
    return {name: base if name == "llama" else load(getattr(writers, name)) for name in NAMES} | {
        "lora": load(writers.lora, base)
    }


@pytest.fixture
def runtime():
    runtime = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=64))
    yield runtime
    runtime.close()


def works_of(model, ref):
    both = zip(PROMPTS, SETTINGS, strict=True)
    return [work_of(model, Generate(ref, text=text, writing=Writing(**how))) for text, how in both]


def same(found, expected):
    """The same texts; numbers of a batch differ in their last digits."""
    for one, other in zip(found, expected, strict=True):
        assert (one.text, one.ended) == (other.text, other.ended)
        assert [token.text for token in one.tokens] == [token.text for token in other.tokens]
        chances = [token.probability for token in other.tokens]
        assert [token.probability for token in one.tokens] == pytest.approx(chances, abs=1e-4)


def told(events):
    return "".join(event.delta for event in events if isinstance(event, Partial))


@pytest.mark.parametrize("name", NAMES)
def test_each_of_eight_texts_is_what_it_is_alone_whichever_of_them_a_step_takes(loaded, writers, name):
    model, ref = loaded[name], getattr(writers, name)
    alone = [finish(work).output for work, _ in works_of(model, ref)]
    assert len({one.text for one in alone}) > 5
    pairs = works_of(model, ref)
    outcomes = {}
    for turn in itertools.count():
        open_ = [place for place in range(8) if place not in outcomes]
        if not open_:
            break
        # all of them, every second one, one alone, in other orders
        chosen = [open_, open_[::2], open_[turn % len(open_) :][:1], open_[::-1]][turn % 4]
        found = step([pairs[place][0] for place in chosen])
        outcomes |= {place: one for place, one in zip(chosen, found, strict=True) if one is not None}
    same([outcomes[place].output for place in range(8)], alone)
    assert [told(events) for _, events in pairs] == [one.text for one in alone]
    batch = getattr(model.desk, "_batch", None)
    assert batch is None or (not len(batch) and batch.cache is None), "memory is held for nobody"


@pytest.mark.parametrize("name", ["llama", "ours"])
def test_who_leaves_in_the_middle_takes_nothing_from_the_others(loaded, writers, name):
    model, ref = loaded[name], getattr(writers, name)
    alone = [finish(work).output for work, _ in works_of(model, ref)]
    works = [work for work, _ in works_of(model, ref)]
    for _ in range(5):
        step([work for work in works if not work.begun or work.state.opened is not None])
    stay = [0, 2, 3, 7]
    for place in (1, 4, 5):
        works[place].op.drop(works[place])
        works[place].op.drop(works[place])  # as often as it may be called
    found = {}
    while len(found) < len(stay):
        turn = [place for place in stay if place not in found]
        found |= {p: one for p, one in zip(turn, step([works[p] for p in turn]), strict=True) if one is not None}
    same([found[place].output for place in stay], [alone[place] for place in stay])


def test_a_backbone_and_its_adapter_take_turns(loaded, writers):
    base, lora = loaded["llama"], loaded["lora"]
    expected = [
        written(base, writers.llama, TEXT[:9], length=20).output,
        written(lora, writers.lora, TEXT[:9], length=20).output,
    ]
    assert expected[0].text != expected[1].text
    works = [
        work_of(m, Generate(r, text=TEXT[:9], writing=Writing(length=20)))[0]
        for m, r in ((base, writers.llama), (lora, writers.lora))
    ]
    found = [None, None]
    while None in found:
        for place, work in enumerate(works):
            found[place] = found[place] or step([work])[0]
    assert [one.output for one in found] == expected


def test_the_seed_decides_where_chance_does(loaded, writers):
    def text(**how):
        return written(loaded["llama"], writers.llama, "Once", length=24, **how).output.text

    assert text(temperature=1.0, seed=1) == text(temperature=1.0, seed=1)
    assert text(temperature=1.0, seed=1) != text(temperature=1.0, seed=2)
    assert text(seed=1) == text(seed=2)
    assert text(temperature=1.0, top_k=1, seed=3) == text()


@pytest.mark.parametrize("name", ["llama", "ours"])
def test_details_join_to_the_text_and_name_what_else_might_have_stood_there(loaded, writers, name):
    outcome = written(loaded[name], getattr(writers, name), TEXT[:30], length=40, temperature=1.0, seed=2, details=True)
    tokens = outcome.output.tokens
    assert "".join(token.text for token in tokens) == outcome.output.text
    assert len(tokens) in (outcome.tokens_out, outcome.tokens_out - 1)  # the end of a text is none of it
    assert any(not token.text for token in tokens), "no character came in parts"
    for token in tokens:
        chances = [one.probability for one in token.alternatives]
        assert 0 <= token.probability <= 1
        assert chances == sorted(chances, reverse=True)
        assert all(one.text and not one.text.endswith("\ufffd") for one in token.alternatives)


def test_a_whole_character_of_several_tokens_comes_at_once(loaded):
    for name in ("llama", "ours"):
        vocabulary = loaded[name].vocabulary
        text = "a水🙂 café שלום\u0301<b>"
        speller = Speller(vocabulary.decode, vocabulary.encode("x"))
        parts = []
        for token in vocabulary.encode(text):
            assert speller.would(token) in ("", text[len("".join(parts)) :][: len(speller.would(token))])
            parts.append(speller.add(token))
        assert "".join(parts) == text
        assert "" in parts
        assert "\ufffd" not in "".join(parts)


def test_a_blank_that_a_tokenizer_drops_at_the_start_of_a_text_is_kept_within_it():
    words = {1: "▁Hello", 2: "▁world", 3: "s", 4: "<0xE6>"}

    def decode(ids):  # as sentencepiece: the first blank is not of the text
        return "".join(words[i] for i in ids if i in words).replace("▁", " ").removeprefix(" ")

    speller = Speller(decode, [1])
    assert [speller.add(token) for token in (2, 3, 2)] == [" world", "s", " world"]


def test_of_a_long_prompt_the_end_is_read_and_that_is_said(loaded, writers):
    for how in ({"length": 6}, {"length": 6, "beams": 2}):
        outcome = written(loaded["llama"], writers.llama, TEXT * 9, **how)
        assert outcome.truncated
        assert outcome.tokens_in <= CONTEXT
        assert (
            outcome.note
            == f"Only the last {outcome.tokens_in} tokens were read: the text is longer than this model takes."
        )
    short = written(loaded["llama"], writers.llama, "Once", length=6)
    assert (short.truncated, short.note) == (False, None)
    assert (
        written(loaded["llama"], writers.llama, "x" * 50 + TEXT * 9, length=6).output
        == written(loaded["llama"], writers.llama, "yy" * 25 + TEXT * 9, length=6).output
    )


def test_a_text_goes_on_beyond_the_context_and_from_where_it_was_stopped(loaded, writers):
    model, ref = loaded["letters"], writers.letters
    whole = written(model, ref, "Once", length=3 * CONTEXT).output
    assert len(whole.text) == 3 * CONTEXT
    first = written(model, ref, "Once", length=70).output.text
    assert first + written(model, ref, "Once" + first, length=3 * CONTEXT - 70).output.text == whole.text


def test_letters_that_a_model_does_not_know_are_named(loaded, writers):
    outcome = written(loaded["letters"], writers.letters, "Once ξζ upon", length=4)
    assert outcome.note == "This model does not know ξ ζ: they were left out."


def test_an_end_ends_a_text(loaded, writers):
    """The model's own most likely token is made its end."""
    from playground.engine.models._desk import Desk
    from playground.scratch.sampling import Sampling

    model, ref = loaded["ours"], writers.ours
    free = written(model, ref, "Once", length=20, details=True)
    assert free.output.ended == "length"
    assert free.tokens_out == 20
    ids = model.vocabulary.encode("Once")
    opened = model.desk.open([*model.vocabulary.begin, *ids], Sampling(length=20, temperature=0))
    tokens = []
    while not opened.done:
        tokens += [one.token for one in model.desk.advance([opened])[0]]
    end = tokens[7]
    at = tokens.index(end)
    kept = model.vocabulary, model.desk
    try:
        model.vocabulary = type(
            "Ended",
            (),
            {**{k: getattr(kept[0], k) for k in ("begin", "encode", "decode", "unknown")}, "stop": frozenset({end})},
        )
        model.desk = Desk(model.desk._model, frozenset({end}))
        outcome = written(model, ref, "Once", length=20, details=True)
    finally:
        model.vocabulary, model.desk = kept
    assert outcome.output.ended == "stop"
    assert outcome.tokens_out == at + 1
    assert outcome.output.tokens == free.output.tokens[:at]


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"length": 0}, "length of 0"),
        ({"temperature": -1.0}, "temperature"),
        ({"top_p": 0.0}, "top_p"),
        ({"beams": 0}, "beams"),
    ],
)
def test_settings_that_mean_nothing_are_refused(loaded, writers, how, says):
    with pytest.raises(InputError, match=says):
        work_of(loaded["ours"], Generate(writers.ours, text="a", writing=Writing(**how)))


def test_who_has_no_memory_frees_what_it_held_and_the_text_is_begun_anew(loaded, writers, monkeypatch):
    from playground.scratch.decoding import Batch

    model, ref = loaded["llama"], writers.llama
    expected = written(model, ref, TEXT[:20], length=10).output
    other, _ = work_of(model, Generate(ref, text="x", writing=Writing(length=30)))
    step([other])
    work, _ = work_of(model, Generate(ref, text=TEXT[:20], writing=Writing(length=10)))
    ask = Batch._ask
    monkeypatch.setattr(Batch, "_ask", lambda *args: (_ for _ in ()).throw(RuntimeError("out of memory")))
    with pytest.raises(RuntimeError):
        step([work])
    assert len(model.desk._batch) == 1
    monkeypatch.setattr(Batch, "_ask", ask)
    assert finish(work).output == expected
    step([other])
    other.op.drop(other)
    assert not len(model.desk._batch)


# -- at the runtime


class Listener:
    """Events of one call, in the order of all."""

    def __init__(self, name="", order=None):
        self.name, self.order, self.events, self.ended = name, order if order is not None else [], [], threading.Event()
        self.begun = threading.Event()

    def __call__(self, event):
        self.events.append(event)
        if isinstance(event, Partial):
            self.order.append(self.name)
            self.begun.set()
        if isinstance(event, LAST):
            self.ended.set()

    @property
    def last(self):
        assert self.ended.wait(60)
        return self.events[-1]


def test_four_models_write_together_and_none_waits_for_another(runtime, writers):
    refs = {"llama": writers.llama, "lora": writers.lora, "gpt2": writers.gpt2, "letters": writers.letters}
    for ref in refs.values():
        warm = Listener()
        runtime.submit(Generate(ref, text="a", writing=Writing(length=1)), warm, Cancel(60))
        assert isinstance(warm.last, Finished)
    order: list[str] = []
    listeners = {name: Listener(name, order) for name in refs}
    for name, ref in refs.items():
        call = Generate(ref, text="Once upon", writing=Writing(length=60, temperature=1.0, seed=4, details=True))
        runtime.submit(call, listeners[name], Cancel(60))
    for listener in listeners.values():
        assert isinstance(listener.last, Finished)
    ended = [len(order) - order[::-1].index(name) for name in refs]
    begun = [order.index(name) for name in refs]
    assert max(begun) < min(ended), "one had ended before another began"
    middle = order[max(begun) : min(ended)]
    runs = [len(list(group)) for _, group in itertools.groupby(middle)]
    assert max(runs) <= 12, "one wrote on while the others waited"
    for name, listener in listeners.items():
        stats = listener.last.stats
        assert told(listener.events) == listener.last.output.text
        assert stats.tokens_out >= len(listener.last.output.tokens) > 0
        assert stats.time_to_first_token_seconds > 0
        assert stats.tokens_per_second > 0
        writing = stats.latency_seconds - stats.time_to_first_token_seconds  # among the steps of the other texts
        assert stats.tokens_per_second == pytest.approx((stats.tokens_out - 1) / writing)
        assert stats.tokens_in == len("Once upon") + 1 or name != "letters"
        assert stats.fingerprint
    eventually(
        lambda: all(row.leases == 0 for row in runtime.status() if row.base is not None or row.model != "tiny/llama")
    )


def test_eight_texts_of_one_model_at_the_runtime_are_what_they_are_alone(runtime, writers):
    pairs = list(zip(PROMPTS, SETTINGS, strict=True))
    calls = [
        Generate(writers.llama, text=text, writing=Writing(**how), user=f"u{n % 3}")
        for n, (text, how) in enumerate(pairs)
    ]
    alone = []
    for call in calls:
        listener = Listener()
        runtime.submit(call, listener, Cancel(60))
        alone.append(listener.last.output)
    listeners = [Listener() for _ in calls]
    for call, listener in zip(calls, listeners, strict=True):
        runtime.submit(call, listener, Cancel(60))
    same([listener.last.output for listener in listeners], alone)
    assert max(listener.last.stats.batch_size for listener in listeners) > 1


def test_a_stopped_text_gets_no_further_token_and_its_lease_is_free(runtime, writers):
    listener, cancel = Listener(), Cancel(60)
    runtime.submit(Generate(writers.letters, text="Once", writing=Writing(length=100_000)), listener, cancel)
    assert listener.begun.wait(60)
    before = len(listener.events)
    cancel.set()
    assert isinstance(listener.last, Cancelled)
    assert len(listener.events) <= before + 2  # one token at most, and the last word
    eventually(lambda: all(row.leases == 0 for row in runtime.status()))
    with runtime._cache.lease(writers.letters) as model:
        assert not len(model.desk._batch)
        assert model.desk._batch.cache is None


def test_a_text_that_takes_too_long_ends_with_what_was_told(runtime, writers):
    listener = Listener()
    runtime.submit(Generate(writers.letters, text="Once", writing=Writing(length=100_000)), listener, Cancel(4))
    assert isinstance(listener.last, Failed)
    assert isinstance(listener.last.error, DeadlineExceeded)
    assert told(listener.events)
    eventually(lambda: all(row.leases == 0 for row in runtime.status()))


def test_a_model_without_memory_says_so_and_the_next_text_is_written(runtime, writers, monkeypatch):
    from playground.scratch.decoding import Batch

    call = Generate(writers.ours, text="Once", writing=Writing(length=400))
    listener = Listener()
    ask = Batch._ask

    def fails(self, ids, cache):
        if len(listener.events) > 12:
            raise MemoryError
        return ask(self, ids, cache)

    monkeypatch.setattr(Batch, "_ask", fails)
    runtime.submit(call, listener, Cancel(60))
    assert isinstance(listener.last.error, OutOfMemory)
    monkeypatch.setattr(Batch, "_ask", ask)
    again = Listener()
    runtime.submit(replace(call, writing=Writing(length=5)), again, Cancel(60))
    assert isinstance(again.last, Finished)
    with runtime._cache.lease(writers.ours) as model:
        assert not len(model.desk._batch)


def test_who_does_not_write_says_so(runtime, writers, tiny):
    for call in (
        Generate(tiny.classifier_ref, text="a"),
        Foresee(tiny.classifier_ref, text="a"),
        Classify(writers.letters, text="a"),
    ):
        listener = Listener()
        runtime.submit(call, listener, Cancel(60))
        assert isinstance(listener.last.error, NotSupported)


def test_a_long_text_is_foreseen_window_by_window_while_others_are_served(runtime, writers):
    long, short = Listener(), Listener()
    runtime.submit(Foresee(writers.letters, text=TEXT * 120, user="a"), long, Cancel(60))
    runtime.submit(Generate(writers.letters, text="Once", writing=Writing(length=3), user="b"), short, Cancel(60))
    assert isinstance(short.last, Finished)
    assert not long.ended.is_set()
    assert long.last.output.bytes == len((TEXT * 120).encode())
