"""The inside of every kind of model: what it shows of a text, and what is left of its answer without some of its parts."""

import numpy as np
import pytest

from playground.core.attention_types import Cut, Head, Instead, PartName, Token

from .looked_into import NAMES

OWN = ("scratch-classifier", "scratch-encoder", "scratch-tagger", "scratch-reader", "scratch-masked")
WRITERS = ("gpt2", "llama", "sliding", "lora-decoder", "scratch-decoder", "scratch-letters")
REWRITERS = ("t5", "bart", "marian", "lora-seq2seq", "scratch-seq2seq")


def some_cuts(inside, seen):
    """A head of each part, a whole layer, tokens of each side, and all together; zero and mean."""
    cuts = [Cut()]
    for instead in Instead:
        for part in inside.parts:
            cuts.append(Cut((Head(part.name, part.layers - 1, part.heads - 1),), instead=instead))
            cuts.append(Cut(tuple(Head(part.name, 0, head) for head in range(part.heads)), instead=instead))
        for at, one in enumerate(seen.sides):
            cuts.append(Cut(tokens=(Token(at, 0), Token(at, len(one) // 2)), instead=instead))
        cuts.append(Cut((Head(inside.parts[0].name, 0, 0),), (Token(0, 1),), instead))
    return cuts


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_shares_of_what_may_be_looked_at(looked, name):
    inside, seen = looked.seen(name)
    found = inside.attend(seen)
    assert list(found) == [part.name for part in inside.parts]
    for part in inside.parts:
        queries, keys = len(seen.sides[part.queries]), len(seen.sides[part.keys])
        assert len(found[part.name]) == part.layers
        for weights in found[part.name]:
            numbers = weights.numpy()
            assert numbers.dtype == np.float32
            assert numbers.shape == (part.heads, queries, keys)
            np.testing.assert_allclose(numbers.sum(-1), 1, atol=1e-5)
            assert numbers.min() >= 0
            if part.causal:
                assert (np.triu(numbers, 1) == 0).all()
    if name in REWRITERS:
        encoder, decoder, cross = inside.parts
        assert (encoder.queries, encoder.keys, encoder.causal) == (0, 0, False)
        assert (decoder.queries, decoder.keys, decoder.causal) == (1, 1, True)
        assert (cross.queries, cross.keys, cross.causal) == (1, 0, False)
    else:
        assert [part.name for part in inside.parts] == [PartName.DECODER if name in WRITERS else PartName.ENCODER]


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_of_cuts_is_each_cut_by_itself_and_nothing_stays_behind(looked, name):
    inside, seen = looked.seen(name)
    before = inside.answers(seen, [Cut()])[0]
    question = inside.question(seen, looked.cases[name].ref.labels or looked.model(name).labels)
    assert len(before) == len(question.places)
    assert before.dtype == np.float32
    cuts = some_cuts(inside, seen)
    together = inside.answers(seen, cuts)
    scale = np.abs(before).max()
    changed = 0
    for cut, found in zip(cuts, together, strict=True):
        (alone,) = inside.answers(seen, [cut])
        np.testing.assert_allclose(found, alone, atol=1e-5 * max(1, scale))
        changed += bool(np.abs(found - before).max() > 1e-5)
    np.testing.assert_allclose(together[0], before, atol=1e-5 * max(1, scale))
    assert changed > len(cuts) / 2, "cuts that do nothing show nothing"
    np.testing.assert_array_equal(inside.answers(seen, [Cut()])[0], before)


@pytest.mark.parametrize("name", NAMES)
def test_the_last_layer_of_the_lens_is_the_answer(looked, name):
    inside, seen = looked.seen(name)
    names = looked.cases[name].ref.labels or looked.model(name).labels
    (answer,) = inside.answers(seen, [Cut()])
    lens = inside.lens(seen, names)
    layers = (inside.parts[1] if name in REWRITERS else inside.parts[0]).layers
    assert lens.count == layers + 1
    assert lens.note == ""
    numbers = [lens.at(layer) for layer in range(lens.count)]
    assert all(one.shape == (len(lens.question.places), answer.shape[1]) for one in numbers)
    last = numbers[-1][-1:] if name in WRITERS else numbers[-1]
    np.testing.assert_allclose(last, answer, atol=1e-5)
    assert all(np.abs(one - numbers[-1]).max() > 1e-4 for one in numbers[:-1])
    np.testing.assert_array_equal(inside.answers(seen, [Cut()])[0], answer)  # nothing stays behind


@pytest.mark.parametrize("name", [*OWN, "scratch-decoder", "scratch-letters", "scratch-seq2seq"])
def test_of_our_own_a_head_switched_off_is_its_slice_of_the_output_projection_set_to_zero(looked, name):
    import torch

    inside, seen = looked.seen(name)
    module = looked.model(name).module
    for part in inside.parts:
        blocks = module.blocks if name in ("scratch-decoder", "scratch-letters") else module.encoder.blocks
        blocks = module.blocks if part.name in (PartName.DECODER, PartName.CROSS) else blocks
        for layer, block in enumerate(blocks):
            attention = block.cross if part.name is PartName.CROSS else block.attention
            weight, head = attention.output.weight, part.heads - 1
            width = weight.shape[1] // part.heads
            (found,) = inside.answers(seen, [Cut((Head(part.name, layer, head),))])
            kept = weight.detach().clone()
            with torch.no_grad():
                weight[:, head * width : (head + 1) * width] = 0
                (expected,) = inside.answers(seen, [Cut()])
                weight.copy_(kept)
            np.testing.assert_array_equal(found, expected)


def projections(name, module):
    """Of models of transformers: by part and layer the module that takes the heads side by side."""
    if name == "pipeline-classifier":
        return {
            (PartName.ENCODER, at): layer.attention.output.dense for at, layer in enumerate(module.bert.encoder.layer)
        }
    if name == "gpt2":
        return {(PartName.DECODER, at): block.attn.c_proj for at, block in enumerate(module.transformer.h)}
    if name == "llama":
        return {(PartName.DECODER, at): layer.self_attn.o_proj for at, layer in enumerate(module.model.layers)}
    encoder, decoder, t5 = module.get_encoder(), module.get_decoder(), name == "t5"
    found = {}
    for at, block in enumerate(encoder.block if t5 else encoder.layers):
        found[PartName.ENCODER, at] = block.layer[0].SelfAttention.o if t5 else block.self_attn.out_proj
    for at, block in enumerate(decoder.block if t5 else decoder.layers):
        found[PartName.DECODER, at] = block.layer[0].SelfAttention.o if t5 else block.self_attn.out_proj
        found[PartName.CROSS, at] = block.layer[1].EncDecAttention.o if t5 else block.encoder_attn.out_proj
    return found


@pytest.mark.parametrize("name", ["pipeline-classifier", "gpt2", "llama", "t5", "bart", "marian"])
def test_of_others_a_head_switched_off_is_its_slice_of_that_layers_output_projection(looked, name):
    inside, seen = looked.seen(name)
    model = looked.model(name)
    modules = projections(name, getattr(model, "module", None) or model._module)
    assert set(modules) == {(part.name, layer) for part in inside.parts for layer in range(part.layers)}
    for part in inside.parts:
        for layer in range(part.layers):
            head = part.heads - 1

            def by_hand(module, given, heads=part.heads, head=head):
                mixed = given[0].clone()
                mixed.unflatten(-1, (heads, -1))[..., head, :] = 0
                return (mixed, *given[1:])

            (found,) = inside.answers(seen, [Cut((Head(part.name, layer, head),))])
            handle = modules[part.name, layer].register_forward_pre_hook(by_hand)
            (expected,) = inside.answers(seen, [Cut()])
            handle.remove()
            np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("name", ["scratch-classifier", "scratch-decoder"])
def test_of_our_own_the_mean_of_a_head_is_that_over_the_tokens(looked, name):
    inside, seen = looked.seen(name)
    module, part = looked.model(name).module, inside.parts[0]
    blocks = module.blocks if name == "scratch-decoder" else module.encoder.blocks
    (found,) = inside.answers(seen, [Cut((Head(part.name, 1, 0),), instead=Instead.MEAN)])

    def by_hand(projection, given):
        mixed = given[0].clone()
        width = mixed.shape[-1] // part.heads
        mixed[:, :, :width] = mixed[:, :, :width].mean(dim=1, keepdim=True)
        return (mixed,)

    handle = blocks[1].attention.output.register_forward_pre_hook(by_hand)
    (expected,) = inside.answers(seen, [Cut()])
    handle.remove()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def embedding_of(looked, name):
    model = looked.model(name)
    if name.startswith("scratch"):
        return (
            model.module.tokens
            if name in ("scratch-decoder", "scratch-seq2seq")
            else model.module.encoder.embeddings.tokens
        )
    return (model.encoder.module if name.startswith("lora") else model.module).get_input_embeddings()


@pytest.mark.parametrize("instead", list(Instead))
@pytest.mark.parametrize(
    "name", ["lora-classifier", "pipeline-classifier", "scratch-classifier", "pipeline-tagger", "gpt2"]
)
def test_a_token_switched_off_is_its_line_of_the_embeddings_changed(looked, name, instead):
    """A token that stands in the text once: so the table can be changed instead."""
    import torch

    inside, seen = looked.seen(name)
    (one,) = seen.sides
    own = [id_ for id_, special in zip(one.ids, one.special, strict=True) if not special]
    place = next(at for at, id_ in enumerate(one.ids) if id_ in own and one.ids.count(id_) == 1)
    (found,) = inside.answers(seen, [Cut(tokens=(Token(0, place),), instead=instead)])
    weight = embedding_of(looked, name).weight
    kept = weight.detach().clone()
    with torch.no_grad():
        weight[one.ids[place]] = kept[own].mean(dim=0) if instead is Instead.MEAN else 0
        (expected,) = inside.answers(seen, [Cut()])
        weight.copy_(kept)
    if name == "gpt2":  # what comes next is compared with the same table
        found, expected = (np.delete(numbers, one.ids[place], axis=1) for numbers in (found, expected))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_tokens_of_both_sides_of_an_encoder_decoder_are_switched_off_apart(looked):
    for name in REWRITERS:
        inside, seen = looked.seen(name)
        plain, source, target = inside.answers(seen, [Cut(), Cut(tokens=(Token(0, 1),)), Cut(tokens=(Token(1, 2),))])
        assert np.abs(source - plain)[0].max() > 1e-5  # the start token looks at the source
        np.testing.assert_allclose(target[:2], plain[:2], atol=1e-5)  # what comes before the token does not see it
        assert np.abs(target - plain)[2].max() > 1e-5


@pytest.mark.parametrize("name", ["lora-classifier", "lora-masked"])
def test_merged_it_is_looked_into_as_beside_the_weights(looked, name):
    from playground.engine.models import _merged

    model = looked.model(name)
    inside, seen = looked.seen(name)
    cuts = some_cuts(inside, seen)
    names = looked.cases[name].ref.labels
    plain = inside.attend(seen)["encoder"], inside.answers(seen, cuts), inside.lens(seen, names)
    layers = [plain[2].at(layer) for layer in range(plain[2].count)]
    merged = {id(layer): _merged._linear(layer, model.adapter) for layer in model.encoder.adapted(model.adapter)}
    model.use(_merged._with(model.encoder.module, merged))
    try:
        assert model.path == "adapter merged"
        for mine, other in zip(inside.attend(seen)["encoder"], plain[0], strict=True):
            np.testing.assert_allclose(mine.numpy(), other.numpy(), atol=1e-5)
        for mine, other in zip(inside.answers(seen, cuts), plain[1], strict=True):
            np.testing.assert_allclose(mine, other, atol=1e-4)
        lens = inside.lens(seen, names)
        for layer, other in enumerate(layers):
            np.testing.assert_allclose(lens.at(layer), other, atol=1e-4)
            model.forget()  # given up between two steps: the plain path goes on with it
    finally:
        model.forget()


@pytest.mark.parametrize("name", ["lora-decoder", "lora-seq2seq"])
def test_an_adapter_is_looked_into_and_not_its_base(looked, name):
    model = looked.model(name)
    inside, seen = looked.seen(name)
    base = model.base.insides
    (mine,), (theirs,) = inside.answers(seen, [Cut()]), base.answers(seen, [Cut()])
    assert np.abs(mine - theirs).max() > 1e-3
    np.testing.assert_array_equal(inside.answers(seen, [Cut()])[0], mine)
    part = inside.parts[0].name
    pairs = zip(inside.attend(seen)[part], base.attend(seen)[part], strict=True)
    assert max(float((one - other).abs().max()) for one, other in pairs) > 1e-4


@pytest.mark.parametrize("name", ["lora-classifier", "pipeline-tagger", "scratch-masked", "llama", "scratch-seq2seq"])
def test_an_error_in_the_pass_leaves_nothing_behind(looked, name, monkeypatch):
    import torch

    inside, seen = looked.seen(name)
    (before,) = inside.answers(seen, [Cut()])
    lens = inside.lens(seen, looked.cases[name].ref.labels or looked.model(name).labels)

    def broken(*inputs, **more):
        raise ZeroDivisionError

    part = inside.parts[0]
    cut = Cut((Head(part.name, 0, 0),), (Token(0, 1),))
    with monkeypatch.context() as patch:
        patch.setattr(torch.nn.functional, "linear", broken)
        patch.setattr("playground.inspection.attention.silenced", broken)
        with pytest.raises(ZeroDivisionError):
            inside.answers(seen, [cut])
        with pytest.raises(ZeroDivisionError):
            lens.at(0)
        with pytest.raises(ZeroDivisionError):
            inside.attend(seen)
    np.testing.assert_array_equal(inside.answers(seen, [Cut()])[0], before)
