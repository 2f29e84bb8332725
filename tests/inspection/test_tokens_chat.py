"""Conversations: whose token is whose, and what the template adds."""

import json

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from playground.core.errors import NotSupported
from playground.core.token_types import Flag, Message
from tests.inspection.made_tokenizers import BUNDLED, CL100K, INSPECTOR, O200K, saved

TALK = (Message("system", "You are kind."), Message("user", "user"), Message("assistant", "Hi <|im_start|> नमस्ते"))
TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] | trim }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


def chat_model(folder, template=TEMPLATE):
    bytes_alone = {sign: i for i, sign in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(bytes_alone, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<s>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"])
    ref = saved(tokenizer, folder)
    said = {"bos_token": {"content": "<s>"}, "chat_template": template}
    (folder / "tokenizer_config.json").write_text(json.dumps(said))
    return ref


def texts(talk):
    """What each message's tokens cover, and what the template's do."""
    reading, found = talk.reading, dict.fromkeys([-1, *range(len(talk.messages))], b"")
    for owner, (start, end) in zip(talk.owners.tolist(), reading.spans.tolist(), strict=True):
        found[owner] += reading.bytes[start:end]
    return {owner: data.decode() for owner, data in found.items()}


@pytest.mark.parametrize("ref", [CL100K, O200K], ids=lambda ref: ref.name)
def test_openais_messages_cost_three_tokens_and_the_answer_three(ref):
    talk = INSPECTOR.converse(ref, TALK)
    plain = [len(INSPECTOR.read(ref, text)) for message in TALK for text in (message.role, message.text)]
    assert len(talk.reading) == sum(plain) + 3 * len(TALK) + 3  # the cookbook's count
    assert texts(talk) == {
        -1: "".join(f"<|im_start|>{message.role}<|im_sep|><|im_end|>" for message in TALK)
        + "<|im_start|>assistant<|im_sep|>",
        **{i: message.text for i, message in enumerate(TALK)},
    }
    assert sum(bool(flag & Flag.SPECIAL) for flag in talk.reading.flags) == 3 * len(TALK) + 2  # “assistant” is none


def test_a_template_is_rendered_and_its_own_tokens_are_told_from_the_messages(tmp_path):
    talk = INSPECTOR.converse(chat_model(tmp_path), [Message("user", " user "), Message("assistant", "é user")])
    assert talk.reading.text == "<s><|user|>\nuser<|end|>\n<|assistant|>\né user<|end|>\n<|assistant|>\n"
    assert texts(talk) == {
        -1: "<s><|user|>\n<|end|>\n<|assistant|>\n<|end|>\n<|assistant|>\n",
        0: "user",
        1: "é user",
    }
    assert talk.template == TEMPLATE
    assert talk.reading.forms[int(talk.reading.ids[0])] == "<s>"


def test_a_template_in_a_file_of_its_own_goes_first(tmp_path):
    ref = chat_model(tmp_path, "wrong")
    (tmp_path / "chat_template.jinja").write_text("{{ messages[0].content }}!")
    assert INSPECTOR.converse(ref, [Message("user", "Hi")]).reading.text == "Hi!"


@pytest.mark.parametrize(
    "template",
    [
        "{{ raise_exception('roles must alternate') }}",
        "{{ messages[9].content.x }}",
        "{% for %}",
        "{{ ''.__class__.mro() }}",
    ],
)
def test_a_template_that_fails_is_one_sentence(tmp_path, template):
    with pytest.raises(NotSupported, match="does not take these messages"):
        INSPECTOR.converse(chat_model(tmp_path, template), TALK)


@pytest.mark.parametrize("ref", [ref for ref in BUNDLED if ref not in (CL100K, O200K)], ids=lambda ref: ref.id)
def test_who_knows_no_chat_says_so(ref):
    with pytest.raises(NotSupported, match="choose a chat model's tokenizer"):
        INSPECTOR.converse(ref, TALK)


def test_what_a_message_spells_out_stays_text():
    talk = INSPECTOR.converse(O200K, TALK)
    mine = [int(i) for i, owner in zip(talk.reading.ids, talk.owners, strict=True) if owner == 2]
    assert mine == INSPECTOR.read(O200K, TALK[2].text).ids.tolist()
