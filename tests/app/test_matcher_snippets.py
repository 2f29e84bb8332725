"""The "code" of cards that compare a text with labels, or judge each label by itself, is run as its reader would run it.

Checkpoints of every kind are made here, with random weights; those that are bundled are run as well.
"""

import pytest

from playground.core.types import MultiLabels
from playground.settings import ROOT
from playground.tasks.topics import TASK as TOPICS
from tests.app import made
from tests.app.made import executed

REPO = "test/entails"
ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
NAMES = [label.name for label in TOPICS.labels]
TEXT = (
    "Ann said: \"it's \\great\\\",\n{braces} <b>Zoe\u0308</b> \u202e 👩‍🔬 didn't\tcome by train. " + "And so on. " * 30
)
LABELS = [
    "a, b",
    "<script>alert('x')</script>",
    '{title} "quoted" \\n',
    "🙂 ملصق \u202e",
    "train journeys",
    "food",
    "_",
    "{label}",
]
VALUES = {"labels": "\n".join(LABELS)}
EACH = VALUES | {"many": "1"}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    import torch
    from transformers import AutoModel, AutoModelForSequenceClassification, BertForSequenceClassification

    from playground.scratch.model import EmbedderConfig, EncoderClassifier, EncoderConfig, EncoderEmbedder

    torch.manual_seed(3)
    home = tmp_path_factory.mktemp("playground")
    thresholds = {"labels": NAMES, "thresholds": [round(0.3 + 0.01 * place, 2) for place in range(len(NAMES))]}
    adapter = {"base": ENCODER, "max_length": 24}
    rows = [
        made.row("made/near", "lora-encoder", "zero-shot", "finetuned", folder="checkpoints/near", **adapter),
        made.row("made/own", "scratch-encoder", "zero-shot", "scratch", folder="checkpoints/own"),
        made.row(REPO, "pipeline-nli", "zero-shot", "pretrained", hub=True, max_length=80),
        made.row(
            "made/each", "lora-classifier", "topics", "finetuned", folder="checkpoints/each", **adapter, **thresholds
        ),
        made.row(
            "made/each-own", "scratch-classifier", "topics", "scratch", folder="checkpoints/each-own", labels=NAMES
        ),
    ]
    folder = made.home_with(home, "".join(rows))
    made.lora("FEATURE_EXTRACTION", AutoModel, folder / "near", 0.05, {"exclude_modules": ["pooler.dense"]})
    head = {"modules_to_save": ["classifier"]}
    each = AutoModelForSequenceClassification
    made.lora("SEQ_CLS", each, folder / "each", 0.05, head, num_labels=len(NAMES))
    small = {"dim": 24, "layers": 2, "heads": 2, "hidden": 48, "max_length": 48}
    made.scratch(EncoderEmbedder, lambda size: EmbedderConfig(size, output=16, **small), folder / "own", TEXT, 4)
    made.scratch(EncoderClassifier, lambda size: EncoderConfig(size, len(NAMES), **small), folder / "each-own", TEXT, 4)
    kinds = {0: "Contradiction", 1: "Neutral", 2: "Entailment"}
    made.bert_in_cache(home, REPO, BertForSequenceClassification, 256, kinds)
    return home


def printed(warm, code, folder, tmp_path):
    """What the file says: (score, whether it is marked, label) of each line."""
    found = warm(code, folder, tmp_path)
    assert found.returncode == 0, found.stderr
    return [(float(line[:5]), line[6] == "*", line[7:].lstrip()) for line in found.stdout.splitlines()]


def compared(service, task, tier, model, values, said):
    handle = service.start(
        task, TEXT, session="code", emit=lambda event: None, tiers=[tier], models={tier: model}, values=values
    )
    assert handle.wait(100)
    (result,) = handle.record().results
    assert result.error is None, result.error
    output = result.output
    by_label = {label: (score, marked) for score, marked, label in said}
    assert len(by_label) == len(said) == len(output.scores)
    assert {label: score for label, (score, _) in by_label.items()} == {
        one.label: pytest.approx(one.score, abs=3e-3) for one in output.scores
    }
    assert [score for score, _, _ in said] == sorted((score for score, _, _ in said), reverse=True)
    if isinstance(output, MultiLabels):
        sure = {one.label for one in output.scores if abs(one.score - one.threshold) > 3e-3}
        assert {label for label, (_, marked) in by_label.items() if marked} & sure == {*output.labels} & sure
    return output


@pytest.mark.parametrize("values", [VALUES, EACH], ids=["one", "each"])
@pytest.mark.parametrize(
    ("tier", "model"),
    [("pretrained", ENCODER), ("pretrained", REPO), ("finetuned", "made/near"), ("scratch", "made/own")],
)
def test_it_prints_how_near_the_visitors_labels_are(service, warm, home, tier, model, values, tmp_path):
    assert model in [choice.id for choice in service.choices("zero-shot", tier)]
    code = service.snippet("zero-shot", tier, TEXT, model, values=values)
    assert str(home) not in code
    output = compared(service, "zero-shot", tier, model, values, printed(warm, code, home, tmp_path))
    assert {one.label for one in output.scores} == set(LABELS)


@pytest.mark.parametrize(("tier", "model"), [("finetuned", "made/each"), ("scratch", "made/each-own")])
def test_it_prints_each_topic_by_its_own_threshold(service, warm, home, tier, model, tmp_path):
    code = service.snippet("topics", tier, TEXT, model)
    assert str(home) not in code
    output = compared(service, "topics", tier, model, None, printed(warm, code, home, tmp_path))
    assert {one.threshold for one in output.scores} == (
        {0.5} if tier == "scratch" else {round(0.3 + 0.01 * n, 2) for n in range(28)}
    )


@pytest.mark.parametrize("tier", ["pretrained", "finetuned", "scratch"])
@pytest.mark.parametrize("task", ["zero-shot", "topics", "intent", "spam"])
def test_so_does_that_of_what_is_bundled(service, warm, task, tier, tmp_path):
    """The folder is that of the playground."""
    from pathlib import Path

    bundled = [row.id for row in service.choices(task, tier) if row.id == ENCODER or row.id.startswith("bundled/")]
    code = service.snippet(task, tier, TEXT, bundled[0])
    folder = service.catalog.get(bundled[0]).folder  # absolute here; in a catalog beside it, relative
    if folder is not None:
        code = code.replace(repr(f"assets/{Path(folder).name}"), repr(str(folder)))
    compared(service, task, tier, bundled[0], None, printed(warm, code, ROOT, tmp_path))


def test_the_hosted_one_prints_several_labels(service, home, tmp_path):
    code = service.snippet("topics", "hosted", TEXT)
    gateway = service._gateway
    found = executed(code, home, tmp_path, OPENAI_API_KEY=gateway.token, OPENAI_BASE_URL=gateway.base_url)
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith("{'labels': [")
    assert "tokens in" in found.stdout


def test_the_hosted_one_has_the_visitors_labels_in_its_schema(service):
    code = service.snippet("zero-shot", "hosted", TEXT, values=EACH)
    compile(code, "snippet.py", "exec")
    names = {}
    exec(code[code.index("text = ") : code.index("client = ")], names)
    assert names["text"] == TEXT
    assert names["schema"] == service.task("zero-shot", EACH).schema()
