"""Parts of a model switched off, through the runtime: one by one, in any company, with Stop, and without a trace afterwards."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from playground.core.attention_types import AblationGrid, AnswerKind, Cut, Head, Instead, PartName, Token
from playground.core.calls import Ablate, AblateEach, Attend, Classify, Generate, LookThrough
from playground.core.cancel import Cancel
from playground.core.errors import EmptyInput, InputError, LoadFailed, NotSupported
from playground.core.events import LAST, Cancelled, Failed, Finished, Progress
from playground.core.streams import iterate
from playground.core.writing_types import Writing
from playground.engine import effects
from playground.engine.ops import ablate_each
from playground.engine.runtime_local import LocalRuntime
from playground.settings import Settings

from .conftest import eventually
from .looked_into import PLAIN


@pytest.fixture(scope="module")
def runtime():
    runtime = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=128, fast_cpu=False))
    yield runtime
    runtime.close()


def ask(runtime, call):
    return list(iterate(lambda emit: runtime.submit(call, emit, Cancel(60))))


def answer(runtime, call):
    found = ask(runtime, call)[-1]
    assert isinstance(found, Finished), found
    return found


def fails(runtime, call, kind):
    found = ask(runtime, call)[-1]
    assert isinstance(found, Failed), found
    assert isinstance(found.error, kind), found.error
    return str(found.error)


ENCODER_HEAD = Head(PartName.ENCODER, 1, 2)
CASES = ["lora-classifier", "scratch-tagger", "pipeline-reader", "pipeline-masked", "llama", "t5", "scratch-seq2seq"]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("instead", list(Instead))
def test_the_grid_is_each_head_switched_off_by_itself(runtime, looked, name, instead, monkeypatch):
    case = looked.cases[name]
    texts = {"text": case.text, "target": case.target}
    monkeypatch.setattr(ablate_each, "TOKENS", 3 * len(looked.seen(name)[1].sides[0]))  # a few heads a step
    for part in looked.model(name).insides.parts:
        events = ask(runtime, AblateEach(case.ref, part=part.name, instead=instead, **texts))
        grid = events[-1].output
        assert isinstance(grid, AblationGrid)
        assert grid.effects.shape == grid.drops.shape == grid.changed.shape == (part.layers, part.heads)
        assert grid.effects.dtype == grid.drops.dtype == np.float32
        assert (grid.part, grid.instead) == (part.name, instead)
        assert events[-1].stats.batch_size >= 1
        for layer in range(part.layers):
            for head in (0, part.heads - 1):
                cut = Cut((Head(part.name, layer, head),), instead=instead)
                one = answer(runtime, Ablate(case.ref, cut=cut, **texts)).output
                assert one.answer is grid.answer
                assert grid.effects[layer, head] == pytest.approx(one.effect, abs=1e-5)
                first = [max(place.options, key=lambda option: option.before) for place in one.places]
                drop = np.mean([option.before - option.after for option in first])
                assert grid.drops[layer, head] == pytest.approx(drop, abs=1e-5)
        assert grid.effects.max() > 0
        steps = [event for event in events if isinstance(event, Progress) and event.so_far is not None]
        assert len(steps) >= 1
        for event in steps:
            known = ~np.isnan(event.so_far.effects)
            assert known.sum() == round(event.fraction * part.layers * part.heads)
            np.testing.assert_array_equal(event.so_far.effects[known], grid.effects[known])
            assert not event.so_far.changed[~known].any()


def test_an_ablation_says_what_each_option_lost(runtime, looked):
    case = looked.cases["lora-classifier"]
    plain = answer(runtime, Classify(case.ref, text=case.text))
    found = answer(runtime, Ablate(case.ref, text=case.text, cut=Cut((ENCODER_HEAD,))))
    (place,) = found.output.places
    assert found.output.answer is AnswerKind.LABELS
    assert found.stats.fingerprint == plain.stats.fingerprint
    for option in place.options:
        assert option.before == pytest.approx(plain.output.score_of(option.text), abs=1e-5)
    assert sum(option.after for option in place.options) == pytest.approx(1)
    moved = sum(abs(option.after - option.before) for option in place.options) / 2
    assert found.output.effect == pytest.approx(moved)
    nothing = answer(runtime, Ablate(case.ref, text=case.text)).output
    assert nothing.effect == pytest.approx(0, abs=1e-6)
    assert not nothing.places[0].changed


def test_labels_judged_by_themselves_are_questions_by_themselves(runtime, looked):
    case = looked.cases["lora-classifier"]
    ref = replace(case.ref, thresholds=(0.5, 0.5))
    logits = looked.model("lora-classifier").insides
    seen = looked.seen("lora-classifier")[1]
    before, after = logits.answers(seen, [Cut(), Cut((ENCODER_HEAD,))])
    found = answer(runtime, Ablate(ref, text=case.text, cut=Cut((ENCODER_HEAD,)))).output
    assert found.answer is AnswerKind.MANY
    assert found.effect == pytest.approx(effects.effect(AnswerKind.MANY, before, after).effect, abs=1e-6)
    wanted = dict(zip(case.ref.labels, 1 / (1 + np.exp(-before[0].astype(float))), strict=True))
    assert {one.text: one.before for one in found.places[0].options} == pytest.approx(wanted, abs=1e-6)
    assert answer(runtime, AblateEach(ref, text=case.text)).output.answer is AnswerKind.MANY
    lens = answer(runtime, LookThrough(ref, text=case.text)).output
    assert lens.answer is AnswerKind.MANY
    assert dict(lens.layers[-1][0].options) == pytest.approx(wanted, abs=1e-6)


def test_vectors_are_compared_by_their_cosine(runtime, looked):
    case = looked.cases["lora-encoder"]
    found = answer(runtime, Ablate(case.ref, text=case.text, cut=Cut((ENCODER_HEAD,)))).output
    ((option,),) = (place.options for place in found.places)
    assert found.answer is AnswerKind.VECTOR
    assert option.before == 1.0
    assert found.effect == pytest.approx(1 - option.after)
    assert 0 < found.effect < 1
    lens = answer(runtime, LookThrough(case.ref, text=case.text)).output
    assert lens.layers[-1][0].final == pytest.approx(1.0)
    assert all(layer[0].final < 0.9999 for layer in lens.layers[:-1])


# -- what cannot be switched off


@pytest.mark.parametrize(
    ("cut", "kind", "said"),
    [
        (Cut((Head(PartName.ENCODER, 2, 0),)), InputError, "no layer 2: choose one of 0 to 1"),
        (Cut((Head(PartName.ENCODER, -1, 0),)), InputError, "no layer -1"),
        (Cut((Head(PartName.ENCODER, 0, 4),)), InputError, "no head 4: choose one of 0 to 3"),
        (Cut(tokens=(Token(0, 11),)), InputError, "no token 11: choose one of 0 to 10"),
        (Cut(tokens=(Token(0, -1),)), InputError, "no token -1"),
        (Cut(tokens=(Token(1, 0),)), InputError, "no side 1"),
        (Cut((Head(PartName.CROSS, 0, 0),)), NotSupported, "no cross attention: look at its encoder attention"),
        (Cut((Head(PartName.DECODER, 0, 0),)), NotSupported, "no decoder attention"),
    ],
)
def test_what_is_not_there_cannot_be_switched_off(runtime, looked, cut, kind, said):
    case = looked.cases["lora-classifier"]
    assert said in fails(runtime, Ablate(case.ref, text="the plot was not good and I loved it", cut=cut), kind)


def test_a_special_token_can_be_switched_off(runtime, looked):
    case = looked.cases["pipeline-classifier"]
    found = answer(runtime, Ablate(case.ref, text=case.text, cut=Cut(tokens=(Token(0, 0),)))).output
    assert found.effect > 0


def test_what_has_no_attention_or_no_answer_says_so(runtime, looked, matchers):
    nli = matchers.nli()  # with an attention of its own
    head = Cut((Head(PartName.ENCODER, 0, 0),))
    assert "cannot be read" in fails(runtime, Ablate(nli, text="a\nb", cut=head), NotSupported)
    assert "cannot be read" in fails(runtime, AblateEach(nli, text="a\nb"), NotSupported)
    assert answer(runtime, LookThrough(nli, text="a good film\nit was good")).output.layers
    assert answer(runtime, Ablate(nli, text="a good film\nit was bad", cut=Cut(tokens=(Token(0, 2),)))).output.places
    case = looked.cases["lora-classifier"]
    assert "no decoder" in fails(runtime, AblateEach(case.ref, text="a", part=PartName.DECODER), NotSupported)
    fails(runtime, Ablate(looked.cases["t5"].ref, text=" "), EmptyInput)
    fails(runtime, LookThrough(looked.cases["scratch-tagger"].ref, text=" "), EmptyInput)
    three = replace(case.ref, labels=("a", "b", "c"))
    for call in (Ablate(three, text="a"), AblateEach(three, text="a"), LookThrough(three, text="a")):
        assert "2 labels and 3 names" in fails(runtime, call, LoadFailed)


def test_a_model_that_shows_nothing_says_so():
    from playground.engine.ops.attend import insides

    with pytest.raises(NotSupported, match="no attention to show"):
        insides(object(), "tiny/none")


def test_one_token_and_as_many_as_the_model_takes(runtime, looked):
    for name in ("gpt2", "scratch-letters", "scratch-classifier", "pipeline-classifier"):
        case = looked.cases[name]
        for text in ("a", "the film was good " * 60):
            found = answer(runtime, Attend(case.ref, text=text)).output
            part = found.parts[0].part
            head = Cut((Head(part.name, 0, 0),))
            shown = answer(runtime, Ablate(case.ref, text=text, cut=head))
            assert shown.stats.truncated == (text != "a")
            assert ("Only the first" in (shown.stats.note or "")) == (text != "a")
            assert np.isfinite(answer(runtime, AblateEach(case.ref, text=text, part=part.name)).output.effects).all()
            assert answer(runtime, LookThrough(case.ref, text=text)).output.layers


# -- in company


def test_stop_ends_a_grid_between_two_steps(runtime, looked, monkeypatch):
    monkeypatch.setattr(ablate_each, "TOKENS", 1)  # a head a step
    case = looked.cases["lora-classifier"]
    events, done, cancel = [], threading.Event(), Cancel(60)

    def emit(event):
        events.append(event)
        if isinstance(event, Progress) and event.so_far is not None:
            cancel.set()
        if isinstance(event, LAST):
            done.set()

    runtime.submit(AblateEach(case.ref, text=case.text), emit, cancel)
    assert done.wait(30)
    assert isinstance(events[-1], Cancelled)
    assert sum(isinstance(event, Progress) and event.so_far is not None for event in events) <= 2
    plain = answer(runtime, Classify(case.ref, text=case.text)).output
    assert plain.scores == answer(runtime, Classify(case.ref, text=case.text)).output.scores


def test_a_model_that_is_unloaded_meanwhile_is_there_until_the_end(runtime, looked, monkeypatch):
    monkeypatch.setattr(ablate_each, "TOKENS", 1)
    case = looked.cases["pipeline-classifier"]
    expected = answer(runtime, AblateEach(case.ref, text=case.text)).output
    found, done = [], threading.Event()

    def emit(event):
        if isinstance(event, Progress) and event.so_far is not None and not found:
            found.append(event)
            threading.Thread(target=runtime.unload).start()
        if isinstance(event, LAST):
            found.append(event)
            done.set()

    runtime.submit(AblateEach(case.ref, text=case.text), emit, Cancel(60))
    assert done.wait(60)
    assert isinstance(found[-1], Finished), found[-1]
    np.testing.assert_allclose(found[-1].output.effects, expected.effects, atol=1e-6)
    runtime.unload()
    eventually(lambda: not runtime.status())


def test_answers_of_others_do_not_change_while_parts_are_switched_off(runtime, looked):
    """Requests between the steps of grids, of the same models, and texts that are being written."""
    names = ("lora-classifier", "pipeline-classifier", "scratch-classifier")
    writer, rewriter = looked.cases["llama"], looked.cases["t5"]
    quiet = {name: answer(runtime, Classify(looked.cases[name].ref, text=PLAIN)).output for name in names}
    writing = Writing(length=12, temperature=0)
    text = answer(runtime, Generate(writer.ref, text=PLAIN, writing=writing)).output.text
    calls = []
    for turn in range(6):
        for name in names:
            case = looked.cases[name]
            calls.append((name, Classify(case.ref, text=PLAIN, user=f"u{turn}")))
            calls.append((None, AblateEach(case.ref, text=case.text, user=f"u{turn}")))
            calls.append((None, LookThrough(case.ref, text=case.text, user=f"u{turn}")))
        calls.append(("text", Generate(writer.ref, text=PLAIN, writing=writing, user=f"u{turn}")))
        calls.append((None, AblateEach(writer.ref, text=PLAIN, part=PartName.DECODER, user=f"u{turn}")))
        calls.append((None, AblateEach(rewriter.ref, text=PLAIN, part=PartName.CROSS, user=f"u{turn}")))
    found, left = {}, threading.Semaphore(0)

    def receive(index):
        def emit(event):
            if isinstance(event, LAST):
                found[index] = event
                left.release()

        return emit

    for index, (_, call) in enumerate(calls):
        runtime.submit(call, receive(index), Cancel(100))
    for _ in calls:
        assert left.acquire(timeout=100)
    for index, (name, _) in enumerate(calls):
        assert isinstance(found[index], Finished), found[index]
        if name == "text":
            assert found[index].output.text == text
        elif name:
            for row in quiet[name].scores:
                assert found[index].output.score_of(row.label) == pytest.approx(row.score, abs=1e-5)


def test_what_was_looked_into_can_be_forgotten(runtime, looked, monkeypatch):
    """No hook, no function in a module's place, nothing that holds it: when it is unloaded its memory is free."""
    import gc
    import weakref

    from playground.engine.ops.attend import insides

    held = []

    def spy(model, name):
        held.append(weakref.ref(model))
        return insides(model, name)

    monkeypatch.setattr("playground.engine.ops._look.insides", spy)
    for name in ("gpt2", "t5", "scratch-seq2seq", "pipeline-classifier"):
        case = looked.cases[name]
        given = {"text": case.text, "target": case.target}
        part = looked.model(name).insides.parts[-1].name
        cut = Cut((Head(part, 0, 0),), (Token(0, 1),))
        held.clear()
        answer(runtime, Attend(case.ref, **given))
        answer(runtime, Ablate(case.ref, cut=cut, **given))
        answer(runtime, AblateEach(case.ref, part=part, **given))
        answer(runtime, LookThrough(case.ref, **given))
        (gone,) = set(held)
        model = gone()
        module = model._module if name == "t5" else model.module
        for child in module.modules():
            assert not {"forward", "states"} & vars(child).keys()
            assert not child._forward_hooks
            assert not child._forward_pre_hooks
        weights = weakref.ref(module)
        del model, module, child
        runtime.unload()
        eventually(lambda: not runtime.status())
        gc.collect()
        assert gone() is None, name
        assert weights() is None, name
