"""Many labels, and several at once, over real HTTP: the forms of the tasks of whole texts."""

from __future__ import annotations

import json
import math

import openai
import pytest

from playground.core.task import Task
from playground.gateway.generalist import HOLDS_EACH, OFFSET_EACH, SCALE_EACH
from playground.tasks.intent import TASK as INTENT
from playground.tasks.topics import TASK as TOPICS
from playground.tasks.zero_shot import TASK as ZERO_SHOT
from tests.gateway.word_runtime import WordRuntime, vector

TEXT = "my card was swallowed, and joy it was not"


def ask(client: openai.OpenAI, task: Task, text: str = TEXT, **more: object) -> openai.types.chat.ChatCompletion:
    asked = {"type": "json_schema", "json_schema": {"name": "labels", "schema": task.schema(), "strict": True}}
    return client.chat.completions.create(
        model="stand-in",
        messages=[{"role": "system", "content": task.instruction}, {"role": "user", "content": text}],
        response_format=asked,
        **more,
    )


def content(reply: openai.types.chat.ChatCompletion) -> dict[str, object]:
    return json.loads(reply.choices[0].message.content)


def probability(option: str, text: str) -> float:
    """By the definition: the sigmoid of the scaled similarity."""
    return 1 / (1 + math.exp(OFFSET_EACH - SCALE_EACH * float(vector(option) @ vector(text))))


def own(*labels: str, many: bool = False) -> Task:
    return ZERO_SHOT.bound({"labels": "\n".join(labels), "many": "1" if many else ""})


def test_78_intents(client: openai.OpenAI) -> None:
    reply = ask(client, INTENT, "A cash machine kept the card.", logprobs=True, top_logprobs=20)
    assert INTENT.parse(content(reply), "").label == "card_swallowed"
    token = next(row for row in reply.choices[0].logprobs.content if row.token == "card_swallowed")
    assert len(token.top_logprobs) == 20
    assert sum(math.exp(row.logprob) for row in token.top_logprobs) < 1


@pytest.mark.parametrize("many", [False, True])
def test_500_labels_of_200_characters(client: openai.OpenAI, runtime: WordRuntime, many: bool) -> None:
    labels = [f"{number} {many} " + "x" * 180 for number in range(499)] + ["my card was swallowed"]
    task = own(*labels, many=many)
    reply = content(ask(client, task))
    output = task.parse(reply, TEXT)
    assert "my card was swallowed" in (output.labels if many else (output.label,))
    assert len(runtime.calls[0].texts) >= 500  # the text, and every label but those that were known


def test_several_labels_each_by_itself(client: openai.OpenAI) -> None:
    labels = ("my card was swallowed", "card", "joy it was not", "weather or trains")
    task = own(*labels, many=True)
    rows = content(ask(client, task))["labels"]
    each = {label: probability(label, TEXT) for label in labels}
    wanted = sorted((label for label in labels if each[label] >= HOLDS_EACH), key=lambda label: -each[label])
    assert [row["label"] for row in rows] == wanted
    assert 0 < len(wanted) < len(labels)
    assert [row["confidence"] for row in rows] == [round(each[label], 2) for label in wanted]


def test_nothing_may_be_true(client: openai.OpenAI) -> None:
    assert content(ask(client, own("weather", "trains", many=True), "zzz")) == {"labels": []}


def test_the_28_topics_stream_and_have_no_probabilities_to_choose_from(client: openai.OpenAI) -> None:
    text = "Finding something funny, amusement"
    whole = ask(client, TOPICS, text, logprobs=True, top_logprobs=5)
    assert "amusement" in TOPICS.parse(content(whole), text).labels
    assert {len(row.top_logprobs) for row in whole.choices[0].logprobs.content} == {1}
    streamed = "".join(
        chunk.choices[0].delta.content or "" for chunk in ask(client, TOPICS, text, stream=True) if chunk.choices
    )
    assert streamed == whole.choices[0].message.content


def test_bare_rows_and_their_bounds(client: openai.OpenAI) -> None:
    def asked(**bounds: int) -> list[str]:
        node = {"type": "array", "items": {"enum": ["card", "joy", "weather"]}, **bounds}
        schema = {"type": "object", "properties": {"found": node}, "required": ["found"]}
        reply = client.chat.completions.create(
            model="stand-in",
            messages=[{"role": "user", "content": "card joy"}],
            response_format={"type": "json_schema", "json_schema": {"name": "found", "schema": schema}},
        )
        return content(reply)["found"]

    assert set(asked()) == {"card", "joy"}
    assert len(asked(maxItems=1)) == 1
    assert set(asked(minItems=3)) == {"card", "joy", "weather"}


def test_labels_are_data_and_nothing_else(client: openai.OpenAI) -> None:
    labels = ('<script>alert("x")</script>', "a, b", 'say "hi" \\ then', "🙂 ملصق", "{label}")
    task = own(*labels)
    for label in labels:
        assert task.parse(content(ask(client, task, label)), label).label == label


def test_one_label_too_many_is_said_in_one_sentence(client: openai.OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"labels": {"type": "array", "items": {"enum": [str(number) for number in range(501)]}}},
        "required": ["labels"],
    }
    with pytest.raises(openai.BadRequestError, match="more than 500 choices") as caught:
        client.chat.completions.create(
            model="stand-in",
            messages=[{"role": "user", "content": "card"}],
            response_format={"type": "json_schema", "json_schema": {"name": "found", "schema": schema}},
        )
    assert caught.value.code == "unservable_schema"


def test_the_gateway_says_what_it_serves(gateway: object) -> None:
    from playground.tasks.ner import TASK as NER

    assert all(gateway.serves(task.schema()) for task in (INTENT, TOPICS, ZERO_SHOT, own("a", "b", many=True)))
    assert not gateway.serves(NER.schema())
