"""Decoders in the engine write what their models write: transformers' own token for token, adapters as peft does, ours as ours."""

import dataclasses
import math
import shutil

import pytest

from playground.core.errors import LoadFailed
from playground.engine import stack
from playground.training.evaluate_writing import bits_per_byte

from .writers import CONTEXT, END, TEXT, foreseen, load, written

PROMPT = "Once upon a café"


@pytest.fixture(scope="module")
def loaded(writers):
    found = {}
    for ref in writers.all:
        found[ref.id] = load(ref, found["tiny/llama"] if ref.base else None)
    return found


def ids_of(model, prompt, **how):
    """New tokens, by the desk."""
    from playground.scratch.sampling import Sampling

    opened = model.desk.open(prompt, Sampling(**how))
    found = []
    while not opened.done:
        found += [one.token for one in model.desk.advance([opened])[0]]
    model.desk.close(opened)
    return found


def theirs(module, prompt, **how):
    import torch

    ids = torch.tensor([prompt])
    out = module.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, pad_token_id=0, **how)
    return out[0, len(prompt) :].tolist()


@pytest.mark.parametrize("name", ["llama", "gpt2", "sliding"])
def test_tokens_are_those_of_transformers_own_generate(loaded, name):
    model = loaded[f"tiny/{name}"]
    assert (model.causal.shape is None) == (name == "sliding"), "windows that slide need their own cache"
    prompt = [*model.vocabulary.begin, *model.vocabulary.encode(PROMPT)]
    assert prompt[0] == 0
    assert ids_of(model, prompt, length=24, temperature=0) == theirs(model.module, prompt, max_new_tokens=24)
    penalised = ids_of(model, prompt, length=24, temperature=0, repetition_penalty=1.3)
    assert penalised == theirs(model.module, prompt, max_new_tokens=24, repetition_penalty=1.3)
    beams = ids_of(model, prompt, length=12, beams=3)
    assert beams == theirs(model.module, prompt, max_new_tokens=12, num_beams=3, early_stopping=False)


def test_an_adapter_writes_as_peft_does_and_leaves_its_backbone_as_it_was(loaded, writers):
    import transformers
    from peft import PeftModel

    stack.silence()
    base, lora = loaded["tiny/llama"], loaded["tiny/lora"]
    plain = transformers.AutoModelForCausalLM.from_pretrained(writers.root / "llama")
    peft = PeftModel.from_pretrained(
        transformers.AutoModelForCausalLM.from_pretrained(writers.root / "llama"), writers.root / "lora"
    )
    prompt = [*base.vocabulary.begin, *base.vocabulary.encode(PROMPT)]
    by_lora, by_base = (ids_of(model, prompt, length=16, temperature=0) for model in (lora, base))
    assert by_lora == theirs(peft.eval(), prompt, max_new_tokens=16)
    assert by_base == theirs(plain.eval(), prompt, max_new_tokens=16)
    assert by_lora != by_base
    assert lora.identity.adapter_bytes == lora.identity.own_bytes < base.identity.bytes / 4
    assert lora.identity.bytes == base.identity.bytes + lora.identity.own_bytes
    assert lora.identity.fingerprint != base.identity.fingerprint


def test_an_adapter_can_go_while_its_backbone_writes(writers):
    from playground.engine.loaders import build_loaders

    base = load(writers.llama)
    expected = written(base, writers.llama, PROMPT, length=12).output
    lora = load(writers.lora, base)
    context = type("Context", (), {"on_device": staticmethod(lambda function: function())})
    build_loaders().get("lora-decoder").unload(lora, context)
    assert written(base, writers.llama, PROMPT, length=12).output == expected


@pytest.mark.parametrize("name", ["llama", "gpt2", "sliding", "lora", "ours", "letters"])
def test_a_text_is_foreseen_as_by_the_plain_computation(loaded, writers, name):
    ref = getattr(writers, name)
    model = loaded[ref.id]
    vocabulary = model.vocabulary

    def logits(window):
        if name in ("ours", "letters"):
            return model._logits(window, 0)
        return model._logits(window, 0) if name == "lora" else model.module(input_ids=window).logits

    if name in ("llama", "gpt2", "sliding"):
        model.switch("__base__")
    for text in (TEXT * 5, "a", "水"):
        known = "".join(one for one in text if one not in vocabulary.unknown(text))
        expected = bits_per_byte(logits, vocabulary.encode, vocabulary.begin[0], {"one": known}, CONTEXT)["one"]
        found = foreseen(model, ref, text)
        assert found.bits_per_byte == pytest.approx(expected * len(known.encode()) / len(text.encode()), rel=1e-4)
        assert found.bytes == len(text.encode())
        assert math.isfinite(found.bits)


def test_where_nothing_says_that_a_text_begins_its_first_token_is_given(writers, tmp_path):
    import json

    folder = tmp_path / "nameless"
    shutil.copytree(writers.root / "llama", folder)
    for name in ("config.json", "tokenizer_config.json"):
        said = json.loads((folder / name).read_text())
        kept = {
            key: value
            for key, value in said.items()
            if key not in ("bos_token_id", "eos_token_id", "bos_token", "eos_token")
        }
        (folder / name).write_text(
            json.dumps(kept | ({"bos_token_id": None, "eos_token_id": None} if name == "config.json" else {}))
        )
    ref = dataclasses.replace(writers.llama, folder=str(folder))
    model = load(ref)
    assert (model.vocabulary.begin, model.vocabulary.stop) == ((), frozenset())
    assert foreseen(model, ref, TEXT).bits > 0
    first = model.vocabulary.decode(model.vocabulary.encode(TEXT)[:1])
    assert foreseen(model, ref, first).bits == 0


def test_a_context_is_no_longer_than_the_catalog_says(writers):
    assert load(dataclasses.replace(writers.llama, max_length=20)).context == 20


def test_a_checkpoint_of_pickles_is_refused_in_a_sentence(writers, tmp_path):
    shutil.copytree(writers.root / "gpt2", tmp_path / "pickled")
    (tmp_path / "pickled" / "model.safetensors").rename(tmp_path / "pickled" / "pytorch_model.bin")
    with pytest.raises(LoadFailed, match=r"is offered as a pickle only, which can run code: choose another model\.$"):
        load(dataclasses.replace(writers.gpt2, folder=str(tmp_path / "pickled")))


def test_a_checkpoint_in_parts_is_read(writers, tmp_path):
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(writers.root / "llama")
    shutil.copytree(writers.root / "llama", tmp_path / "parts")
    (tmp_path / "parts" / "model.safetensors").unlink()
    model.save_pretrained(tmp_path / "parts", max_shard_size="50KB")
    assert (tmp_path / "parts" / "model.safetensors.index.json").is_file()
    ref = dataclasses.replace(writers.llama, folder=str(tmp_path / "parts"))
    assert (
        written(load(ref), ref, PROMPT, length=8).output
        == written(load(writers.llama), writers.llama, PROMPT, length=8).output
    )


def test_a_model_that_reads_in_both_directions_is_refused(tiny, tmp_path):
    import transformers

    from playground.core.types import ModelRef

    folder = tmp_path / "both"
    shutil.copytree(tiny.encoder, folder)
    config = transformers.BertConfig.from_pretrained(folder)
    transformers.BertLMHeadModel(config).save_pretrained(folder)
    with pytest.raises(LoadFailed, match="does not write texts token by token"):
        load(ModelRef("tiny/both", "pipeline-decoder", str(folder)))


def test_an_end_in_the_middle_of_a_prompt_is_read_as_what_it_is(loaded):
    """A text that has the name of a special token is not the end of anything for who is asked to go on."""
    assert ids_of(
        loaded["tiny/llama"], [0, *loaded["tiny/llama"].vocabulary.encode(f"a{END}b")], length=4, temperature=0
    )
