"""The "code" of cards that quote answers is run as its reader would run it, and prints what the card shows.

Checkpoints of every kind are made here, with random weights and narrow windows.
"""

import json

import pytest

from tests.app import made
from tests.app.made import executed

REPO = "test/answers"
QUESTION = 'Where\'s "it", \\great\\ {braces}?'
CONTEXT = (
    "Ann said: \"it's \\great\\\",\n{braces} <b>Zoe\u0308</b> \u202e 👩‍🔬 didn't\tcome to 東京\n\n"
    + "Bob and Carla met Dr. Lee of St. Ives in New York, and again in Rome, or was it Paris? " * 3
)
ROWS = "".join(
    (
        made.row(REPO, "pipeline-reader", "qa", "pretrained", hub=True, max_length=64, no_answer=1.01),
        made.row(
            "made/lora",
            "lora-reader",
            "qa",
            "finetuned",
            folder="checkpoints/lora",
            base="sentence-transformers/all-MiniLM-L6-v2",
            max_length=48,
            no_answer=0.9,
        ),
        made.row("made/scratch", "scratch-reader", "qa", "scratch", folder="checkpoints/scratch", max_length=60),
    )
)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    import torch
    from transformers import AutoModelForQuestionAnswering, BertForQuestionAnswering

    from playground.scratch.model import EncoderReader, ReaderConfig
    from playground.scratch.tokenizer import CLS, MASK, PAD, SEP, Tokenizer

    torch.manual_seed(3)
    home = tmp_path_factory.mktemp("playground")
    folder = made.home_with(home, ROWS)
    own = {"target_modules": ["query", "key", "value", "dense"], "modules_to_save": ["qa_outputs"]}
    made.lora("QUESTION_ANS", AutoModelForQuestionAnswering, folder / "lora", 0.1, own)
    tokenizer = Tokenizer.train([CONTEXT] * 3, 330, (PAD, CLS, MASK, SEP), lowercase=True)
    model = EncoderReader(ReaderConfig(len(tokenizer), dim=24, layers=2, heads=2, hidden=48, max_length=60))
    for parameter in model.parameters():
        parameter.data *= 8
    model.save(folder / "scratch")
    tokenizer.save(folder / "scratch" / "tokenizer.json")
    made.bert_in_cache(home, REPO, BertForQuestionAnswering, 64, {0: "a", 1: "b"})
    return home


@pytest.mark.parametrize(
    ("tier", "model"), [("pretrained", REPO), ("finetuned", "made/lora"), ("scratch", "made/scratch")]
)
def test_it_prints_the_cards_own_answers(service, warm, home, tier, model, tmp_path):
    values = {"context": CONTEXT}
    handle = service.start(
        "qa", QUESTION, session="code", emit=lambda event: None, tiers=[tier], models={tier: model}, values=values
    )
    assert handle.wait(60)
    (result,) = handle.record().results
    assert result.error is None, result.error
    assert "windows" in result.stats.note  # the context is longer than one
    code = service.snippet("qa", tier, QUESTION, model, values=values)
    assert str(home) not in code
    found = warm(code, home, tmp_path)
    assert found.returncode == 0, found.stderr
    *said, none = found.stdout.splitlines()
    output = result.output
    shown = [one for one in (output, *output.others) if one.answer]
    assert [int(line.split("[")[1].split(":")[0]) for line in said][:1] == [shown[0].start]
    assert [float(line.split()[0]) for line in said][: len(shown)] == pytest.approx(
        [one.score for one in shown], abs=3e-3
    )
    assert float(none.split()[0]) == pytest.approx(output.no_answer, abs=3e-3)


def test_the_hosted_one_asks_what_the_card_asks(service, home, tmp_path):
    from tests.tiers.scripted_server import ScriptedServer, whole

    values = {"context": CONTEXT}
    code = service.snippet("qa", "hosted", QUESTION, values=values)
    reply = {"answerable": True, "answer": "Rome", "occurrence": 2, "confidence": 0.9}
    server = ScriptedServer(whole(json.dumps(reply)))
    try:
        found = executed(code, home, tmp_path, OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=server.base_url)
    finally:
        server.close()
    assert found.returncode == 0, found.stderr
    assert "Rome" in found.stdout
    (asked,) = server.asked
    bound = service.tasks.get("qa").bound(values)
    assert asked["messages"][1]["content"] == bound.prompt(QUESTION)
    assert asked["response_format"]["json_schema"]["schema"] == bound.schema()
