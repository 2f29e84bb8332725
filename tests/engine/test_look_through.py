"""What a model would say if it ended after each layer: by hand, out of the hidden states that transformers itself gives."""

import numpy as np
import pytest

from playground.core.attention_types import Cut
from playground.core.calls import LookThrough
from playground.core.events import Progress
from playground.engine.models import _lens

from .looked_into import PLAIN
from .writers import finish, work_of


def layers_of(looked, name):
    inside, seen = looked.seen(name)
    lens = inside.lens(seen, ())
    return seen, [lens.at(layer) for layer in range(lens.count)]


def hub(folder, kind):
    import transformers

    return getattr(transformers, kind).from_pretrained(folder).eval()


@pytest.mark.parametrize(("name", "norm"), [("gpt2", "ln_f"), ("llama", "norm"), ("sliding", "norm")])
def test_the_logit_lens_is_the_final_norm_and_the_unembedding_of_each_layer(looked, name, norm):
    import torch

    seen, found = layers_of(looked, name)
    model = hub(looked.cases[name].ref.folder, "AutoModelForCausalLM")
    with torch.inference_mode():
        output = model(input_ids=torch.tensor([seen.row]), output_hidden_states=True, use_cache=False)
        states = output.hidden_states[:-1]  # the last one has gone through the norm already
        expected = [model.lm_head(getattr(model.base_model, norm)(one))[0].numpy() for one in states]
    for mine, theirs in zip(found, [*expected, output.logits[0].numpy()], strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_of_an_encoder_with_a_pooler_each_layer_is_pooled(looked):
    import torch

    seen, found = layers_of(looked, "pipeline-classifier")
    model = hub(looked.cases["pipeline-classifier"].ref.folder, "AutoModelForSequenceClassification")
    with torch.inference_mode():
        inputs = {key: torch.tensor([value]) for key, value in seen.row.inputs.items()}
        states = model(**inputs, output_hidden_states=True).hidden_states
        expected = [model.classifier(model.bert.pooler(one)).numpy() for one in states]
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_of_our_own_each_layer_goes_through_the_last_norm(looked):
    import torch

    from playground.scratch.model import pad

    seen, found = layers_of(looked, "scratch-classifier")
    module = looked.model("scratch-classifier").module
    with torch.inference_mode():
        ids, mask = pad([list(seen.row.inputs["input_ids"])])
        x, expected = module.encoder.embeddings(ids), []
        for block in (None, *module.encoder.blocks):
            x = x if block is None else block(x, mask[:, None, None, :])
            expected.append(module.classifier(module.pool(module.encoder.norm(x), mask)).numpy())
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


@pytest.mark.parametrize("name", ["t5", "bart", "marian"])
def test_of_an_encoder_decoder_it_is_the_decoder_that_ends(looked, name):
    import torch

    seen, found = layers_of(looked, name)
    model = hub(looked.cases[name].ref.folder, "AutoModelForSeq2SeqLM")
    with torch.inference_mode():
        source, target = (torch.tensor([list(ids)]) for ids in (seen.row.source, seen.row.target))
        output = model(input_ids=source, decoder_input_ids=target, output_hidden_states=True, use_cache=False)
        states = output.decoder_hidden_states
        if name == "t5":
            assert model.config.tie_word_embeddings
            ends = [model.decoder.final_layer_norm(one) * model.config.d_model**-0.5 for one in states[:-1]]
            expected = [model.lm_head(one)[0] for one in ends]
        else:
            expected = [(model.lm_head(one) + model.final_logits_bias)[0] for one in states[:-1]]
    for mine, theirs in zip(found, [*expected, output.logits[0]], strict=True):
        np.testing.assert_allclose(mine, theirs.numpy(), atol=1e-5)


def test_of_our_gpt_and_encoder_decoder_too(looked):
    import torch

    seen, found = layers_of(looked, "scratch-decoder")
    module = looked.model("scratch-decoder").module
    with torch.inference_mode():
        x = module.tokens(torch.tensor([seen.row]))
        turns = module.rotary(torch.arange(x.shape[1]))
        expected = [module.score(module.norm(x))[0].numpy()]
        for layer, block in enumerate(module.blocks):
            x = block(x, layer, turns=turns)
            expected.append(module.score(module.norm(x))[0].numpy())
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)

    seen, found = layers_of(looked, "scratch-seq2seq")
    module = looked.model("scratch-seq2seq").module
    with torch.inference_mode():
        source, target = (torch.tensor([list(ids)]) for ids in (seen.row.source, seen.row.target))
        expected = [module.score(module.norm(module.tokens(target)))[0].numpy()]
        expected.append(module(source, torch.ones_like(source, dtype=torch.bool), target)[0].numpy())
    np.testing.assert_allclose(found[0], expected[0], atol=1e-5)
    np.testing.assert_allclose(found[-1], expected[1], atol=1e-5)


def test_the_operation_names_the_likeliest_of_every_layer(looked):
    import torch

    name = "gpt2"
    case = looked.cases[name]
    work, events = work_of(looked.model(name), LookThrough(case.ref, text=case.text))
    output = finish(work).output
    seen, found = layers_of(looked, name)
    side = seen.sides[0]
    assert output.places == side.tokens
    assert len(output.layers) == len(found) == 3
    inside = looked.model(name).insides
    option = inside.question(seen, ()).option
    best = found[-1].argmax(-1)
    for layer, logits in zip(output.layers, found, strict=True):
        shares = torch.tensor(logits).double().softmax(-1).numpy()
        for at, place in enumerate(layer):
            assert len(place.options) == 5
            scores = [score for _, score in place.options]
            assert scores == sorted(scores, reverse=True)
            assert scores[0] == pytest.approx(shares[at].max(), abs=1e-6)
            assert place.options[0][0] == option(int(shares[at].argmax()))
            assert place.final == pytest.approx(shares[at, best[at]], abs=1e-6)
    assert [place.options[0][1] for place in output.layers[-1]] == [place.final for place in output.layers[-1]]
    assert [event.fraction for event in events if isinstance(event, Progress)] == [
        pytest.approx(1 / 3),
        pytest.approx(2 / 3),
    ]


def test_of_a_long_text_the_last_places_are_shown(looked, monkeypatch):
    monkeypatch.setattr("playground.engine.models._decoder_insides.MOST_PLACES", 4)
    monkeypatch.setattr("playground.engine.models._rewriter_insides.MOST_PLACES", 3)
    for name, count in (("llama", 4), ("scratch-decoder", 4), ("t5", 3), ("scratch-seq2seq", 3)):
        inside, seen = looked.seen(name)
        lens = inside.lens(seen, ())
        every = inside.question(seen, ()).places if name in ("t5", "scratch-seq2seq") else seen.sides[0].tokens
        assert lens.question.places == every[-count:]
        assert [lens.at(layer).shape[0] for layer in range(lens.count)] == [count] * lens.count
        assert lens.note == f"Only what comes after the last {count} tokens is shown."


def test_a_model_whose_end_is_not_known_says_so(looked):
    """Behind its last layer something happens that is no norm."""
    import torch

    inside, seen = looked.seen("pipeline-classifier")
    encoder = looked.model("pipeline-classifier").module.bert.encoder
    inner = type(encoder).forward

    def twice(*inputs, **named):
        output = inner(encoder, *inputs, **named)
        return type(output)(last_hidden_state=2 * output.last_hidden_state)

    encoder.forward = twice
    try:
        (answer,) = inside.answers(seen, [Cut()])
        lens = inside.lens(seen, ())
        assert lens.note == _lens.UNKNOWN_END
        np.testing.assert_allclose(lens.at(2), answer, atol=1e-6)
        assert torch.isfinite(torch.tensor(lens.at(0))).all()
    finally:
        del encoder.forward
    assert inside.lens(inside.read(PLAIN, "", 32), ()).note == ""


@pytest.mark.parametrize("name", ["LlamaForCausalLM", "OPTForCausalLM", "GPTNeoXForCausalLM", "ModernBertForMaskedLM"])
def test_the_final_norm_is_found_and_no_other(name):
    """By their names; their weights are not all ones, so that no other norm gives the same."""
    import torch
    import transformers

    kind = getattr(transformers, name)
    torch.manual_seed(3)
    shape = {"vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4}
    module = kind(kind.config_class(**shape, intermediate_size=48, ffn_dim=48, pad_token_id=0)).eval()
    for key, parameter in module.named_parameters():
        if "norm" in key and key.endswith("weight"):
            torch.nn.init.normal_(parameter, 1, 0.3)
    trunk = module.base_model if "Masked" in name else module.get_decoder()
    ids = torch.randint(1, 60, (1, 7))
    with torch.inference_mode():
        ends = _lens.HubEnds(lambda: trunk, 3, lambda: module(input_ids=ids))
        with ends.after(3):
            last = module(input_ids=ids).logits
        with ends.after(2):
            earlier = module(input_ids=ids).logits
        norm = {"OPT": "final_layer_norm", "GPT": "final_layer_norm", "Mod": "final_norm"}.get(name[:3], "norm")
        assert ends.note == ""
        assert ends._norm == norm
        assert torch.equal(last, module(input_ids=ids).logits)
        head = module.decoder(module.head(trunk.final_norm(ends._states[2]))) if "Masked" in name else None
        if head is None:
            head = module.get_output_embeddings()(getattr(trunk, norm)(ends._states[2]))
        torch.testing.assert_close(earlier, head)


def test_shared_layers_cannot_be_told_apart():
    import torch
    import transformers

    from playground.core.errors import NotSupported

    shape = {"vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4}
    module = transformers.AlbertModel(transformers.AlbertConfig(**shape, intermediate_size=48, embedding_size=16))
    with pytest.raises(NotSupported, match="layers inside this model"):
        _lens.HubEnds(lambda: module, 3, lambda: module(input_ids=torch.ones(1, 4, dtype=torch.long)))
