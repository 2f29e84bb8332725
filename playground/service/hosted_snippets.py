"""The hosted tier's code: what a card's input asks an OpenAI-compatible endpoint."""

from __future__ import annotations

from pprint import pformat

from playground.core.span_task import SpanTask
from playground.core.task import Task
from playground.core.writing_types import Writing
from playground.service import tagger_snippets

_FORM = '''"""{title} by a hosted API. Needs: pip install openai

Reads OPENAI_API_KEY, and OPENAI_BASE_URL for another OpenAI-compatible endpoint.
"""
import json

from openai import OpenAI

text = {text}
schema = {schema}

client = OpenAI(timeout=30)
reply = client.chat.completions.create(
    model={model},
    messages=[
        {{"role": "system", "content": {instruction}}},
        {{"role": "user", "content": text}},
    ],
    response_format={{"type": "json_schema", "json_schema": {{"name": {name}, "strict": True, "schema": schema}}}},
)
{shown}
print(reply.usage.prompt_tokens, "tokens in,", reply.usage.completion_tokens, "tokens out")
'''

_TEXT = '''"""{title} by a hosted API, as it is written. Needs: pip install openai

Reads OPENAI_API_KEY, and OPENAI_BASE_URL for another OpenAI-compatible endpoint.
"""
{imports}
from openai import OpenAI

text = {text}

client = OpenAI(timeout=30)
stream = client.chat.completions.create(
    model={model},
    messages=[
        {{"role": "system", "content": {instruction}}},
        {{"role": "user", "content": text}},
    ],
    # Leave out what your model refuses; one that thinks before it writes needs a greater length.
    temperature={temperature},
    top_p={top_p},
    seed={seed},
    max_completion_tokens={length},{logprobs}
    stream=True,
    stream_options={{"include_usage": True}},
)
{before}for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True){each}
    if chunk.usage:
        counts = f"{{chunk.usage.prompt_tokens}} tokens in, {{chunk.usage.completion_tokens}} tokens out"
        print("\\n" + counts, file=sys.stderr)
{after}'''

_PLAIN = {"imports": "import sys\n", "logprobs": "", "before": "", "each": "", "after": ""}
_DETAILED = {
    "imports": "import math\nimport sys\n",
    "logprobs": "\n    logprobs=True,\n    top_logprobs=5,",
    "before": "tokens = []\n",
    "each": "\n        tokens += chunk.choices[0].logprobs.content if chunk.choices[0].logprobs else []",
    "after": """for token in tokens:
    others = ", ".join(f"{other.token!r} {math.exp(other.logprob):.3f}" for other in token.top_logprobs)
    print(f"{token.token!r} {math.exp(token.logprob):.3f} of {others}", file=sys.stderr)
""",
}


def hosted(task: Task, text: str, model: str) -> str:
    """The file as text."""
    common = {
        "title": task.title,
        "text": repr(task.prompt(text)),
        "model": repr(model),
        "instruction": repr(task.instruction),
    }
    if task.writing is not None:
        return _text(task.writing, common)
    return _FORM.format(
        **common,
        schema=pformat(task.schema(), width=110, sort_dicts=False),
        name=repr(task.name.replace("-", "_")),
        shown=_shown(task).strip("\n"),
    )


def _text(writing: Writing, common: dict[str, str]) -> str:
    """With those of the settings that OpenAI's API has."""
    return _TEXT.format(
        **common,
        temperature=repr(writing.temperature),
        top_p=repr(writing.top_p),
        seed=writing.seed,
        length=writing.length,
        **(_DETAILED if writing.details else _PLAIN),
    )


def _shown(task: Task) -> str:
    """How an answer of JSON is printed."""
    if not isinstance(task, SpanTask):
        return "print(json.loads(reply.choices[0].message.content))"
    return tagger_snippets.IN_READING_ORDER if task.every_word else tagger_snippets.BY_OCCURRENCE
