"""Attention weights as an eager copy reports them, and heads switched off as if their output projection were zero: of many
architectures, with random weights.
"""

import copy

import pytest

VOCABULARY = 60
SEQ = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 3,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 2,
    "max_position_embeddings": 64,
    "init_std": 0.1,
    "pad_token_id": 0,
    "eos_token_id": 1,
    "decoder_start_token_id": 0,
}
BERT = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
    "initializer_range": 0.1,
}
T5 = {
    "d_model": 32,
    "d_kv": 6,
    "d_ff": 48,
    "num_layers": 3,
    "num_heads": 4,
    "decoder_start_token_id": 0,
    "pad_token_id": 0,
}


def build(name):
    import torch
    import transformers as t

    torch.manual_seed(5)
    common = {"vocab_size": VOCABULARY}
    made = {
        "bert": lambda: t.BertForSequenceClassification(t.BertConfig(**common, **BERT)),
        "roberta": lambda: t.RobertaForMaskedLM(t.RobertaConfig(**common, **BERT | {"max_position_embeddings": 66})),
        "distilbert": lambda: t.DistilBertForTokenClassification(
            t.DistilBertConfig(**common, dim=32, hidden_dim=64, n_layers=3, n_heads=4, initializer_range=0.1)
        ),
        "gpt2": lambda: t.GPT2LMHeadModel(
            t.GPT2Config(**common, n_embd=32, n_layer=3, n_head=4, n_positions=64, initializer_range=0.1)
        ),
        "llama": lambda: t.LlamaForCausalLM(
            t.LlamaConfig(**common, **BERT | {"num_attention_heads": 8, "num_key_value_heads": 2})
        ),
        "t5": lambda: t.T5ForConditionalGeneration(t.T5Config(**common, **T5)),
        "bart": lambda: t.BartForConditionalGeneration(t.BartConfig(**common, **SEQ)),
        "marian": lambda: t.MarianMTModel(t.MarianConfig(**common, **SEQ)),
    }
    return made[name]().eval()


ENCODERS, DECODERS, REWRITERS = ("bert", "roberta", "distilbert"), ("gpt2", "llama"), ("t5", "bart", "marian")
ALL = (*ENCODERS, *DECODERS, *REWRITERS)


def inputs_of(name, rows=2, padded=True):
    import torch

    torch.manual_seed(6)
    ids = torch.randint(3, VOCABULARY, (1, 7)).repeat(rows, 1)
    mask = torch.ones_like(ids)
    if padded:
        ids = torch.randint(3, VOCABULARY, (rows, 7))
        mask[1:, 4:] = 0
    found = {"input_ids": ids, "attention_mask": mask}
    if name in REWRITERS:
        found["decoder_input_ids"] = torch.randint(3, VOCABULARY, (1, 5)).repeat(rows, 1)
    return found if name in ENCODERS else {**found, "use_cache": False}


def eager_of(model):
    other = copy.deepcopy(model)
    other.set_attn_implementation("eager")
    return other


def calls_of(name, output):
    """Attention of all layers in the order of the calls."""
    if name not in REWRITERS:
        return list(output.attentions)
    pairs = zip(output.decoder_attentions, output.cross_attentions, strict=True)
    return [*output.encoder_attentions, *(one for pair in pairs for one in pair)]


@pytest.mark.parametrize("name", ALL)
def test_weights_are_those_of_an_eager_copy_and_the_answer_is_the_same_to_the_last_bit(name):
    import torch

    from playground.inspection import attention

    model = build(name)
    eager, inputs = eager_of(model), inputs_of(name)
    with torch.inference_mode():
        plain = model(**inputs).logits
        expected = calls_of(name, eager(**inputs, output_attentions=True))
        assert attention.prepare(model)
        assert torch.equal(model(**inputs).logits, plain)
        with attention.observed(record=True) as seen:
            assert torch.equal(model(**inputs).logits, plain)
        assert torch.equal(model(**inputs).logits, plain)
    assert seen.calls == len(seen.weights) == len(expected) > 2
    for mine, theirs in zip(seen.weights, expected, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-6, rtol=0)
        torch.testing.assert_close(mine.sum(-1), torch.ones_like(mine.sum(-1)))
    causal = seen.weights if name in DECODERS else seen.weights[2::2] if name in ("bart", "marian") else []
    assert all(bool((weights.triu(1) == 0).all()) for weights in causal)


@pytest.mark.parametrize("name", ["t5", "bart", "marian"])
def test_what_they_write_stays_the_same(name):
    import torch

    from playground.inspection import attention

    model, inputs = build(name), inputs_of(name)
    inputs = {key: inputs[key] for key in ("input_ids", "attention_mask")}
    how = {"max_new_tokens": 12, "num_beams": 3}
    with torch.inference_mode():
        before = model.generate(**inputs, **how)
        assert attention.prepare(model)
        assert torch.equal(model.generate(**inputs, **how), before)


def outputs_of(name, model):
    """The output projection of each attention call, in their order, and whether its heads are rows."""
    if name in REWRITERS:
        encoder, decoder = model.get_encoder(), model.get_decoder()
        if name == "t5":
            found = [block.layer[0].SelfAttention.o for block in encoder.block]
            for block in decoder.block:
                found += [block.layer[0].SelfAttention.o, block.layer[1].EncDecAttention.o]
            return found
        found = [layer.self_attn.out_proj for layer in encoder.layers]
        for layer in decoder.layers:
            found += [layer.self_attn.out_proj, layer.encoder_attn.out_proj]
        return found
    return {
        "bert": lambda: [layer.attention.output.dense for layer in model.bert.encoder.layer],
        "roberta": lambda: [layer.attention.output.dense for layer in model.roberta.encoder.layer],
        "distilbert": lambda: [layer.attention.out_lin for layer in model.distilbert.transformer.layer],
        "gpt2": lambda: [block.attn.c_proj for block in model.transformer.h],
        "llama": lambda: [layer.self_attn.o_proj for layer in model.model.layers],
    }[name]()


def zeroed(name, model, call, head, heads):
    """A copy whose output projection takes nothing from one head."""
    import torch

    other = copy.deepcopy(model)
    module = outputs_of(name, other)[call]
    by_rows = name == "gpt2"  # Conv1D
    width = module.weight.shape[0 if by_rows else 1] // heads
    at = slice(head * width, (head + 1) * width)
    with torch.no_grad():
        module.weight[(at,) if by_rows else (slice(None), at)] = 0
    return other


def heads_of(seen):
    return [weights.shape[1] for weights in seen.weights]


@pytest.mark.parametrize("name", ALL)
def test_a_head_switched_off_is_its_slice_of_the_output_projection_set_to_zero(name):
    """Each row of a batch without another head, and one without any."""
    import torch

    from playground.inspection import attention
    from playground.inspection.attention import Off

    model = build(name)
    assert attention.prepare(model)
    with torch.inference_mode():
        with attention.observed(record=True) as seen:
            plain = model(**inputs_of(name, 1, padded=False)).logits
        heads = heads_of(seen)
        cases = [(call, head) for call, count in enumerate(heads) for head in (0, count - 1)]
        off = {
            call: [Off(row, head) for row, (at, head) in enumerate(cases) if at == call] for call in range(len(heads))
        }
        inputs = inputs_of(name, len(cases) + 1, padded=False)
        with attention.observed(record=False, off=off):
            found = model(**inputs).logits
        assert torch.allclose(found[-1], plain[0], atol=1e-6)
        for row, (call, head) in enumerate(cases):
            expected = zeroed(name, model, call, head, heads[call])(**inputs).logits[row]
            assert torch.equal(found[row], expected), (call, head)
            assert not torch.allclose(expected, plain[0], atol=1e-5), "the head does nothing: this shows nothing"


@pytest.mark.parametrize("name", ["bert", "gpt2", "llama", "t5"])
def test_the_mean_instead_of_a_head_is_the_mean_of_what_it_gathered(name):
    """By hand: what goes into the output projection, averaged over the tokens in the head's slice."""
    import torch

    from playground.inspection import attention
    from playground.inspection.attention import Off

    model = build(name)
    assert attention.prepare(model)
    inputs = inputs_of(name, 2, padded=False)
    with torch.inference_mode():
        with attention.observed(record=True) as seen:
            model(**inputs)
        heads = heads_of(seen)
        for call, count in enumerate(heads):
            head = count - 1

            def by_hand(module, given, count=count, head=head):
                mixed = given[0].clone()
                width = mixed.shape[-1] // count
                part = mixed[1, :, head * width : (head + 1) * width]
                mixed[1, :, head * width : (head + 1) * width] = part.mean(dim=0)
                return (mixed,)

            handle = outputs_of(name, model)[call].register_forward_pre_hook(by_hand)
            expected = model(**inputs).logits
            handle.remove()
            with attention.observed(record=False, off={call: [Off(1, head, mean=True)]}):
                found = model(**inputs).logits
            torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
            assert not torch.allclose(found[0], found[1], atol=1e-5)


def test_a_class_with_an_attention_of_its_own_is_left_alone():
    import torch
    import transformers

    from playground.inspection import attention

    torch.manual_seed(0)
    model = transformers.DebertaV2Model(
        transformers.DebertaV2Config(vocab_size=VOCABULARY, **BERT, relative_attention=True)
    ).eval()
    before = model.config._attn_implementation
    assert not attention.prepare(model)
    assert model.config._attn_implementation == before
    with torch.inference_mode(), attention.observed(record=True) as seen:
        model(**inputs_of("bert"))
    assert seen.calls == 0


def test_an_observation_ends_with_its_error():
    from playground.inspection import attention

    with pytest.raises(ZeroDivisionError), attention.observed(record=True):
        raise ZeroDivisionError
    assert attention._observation.get() is None
