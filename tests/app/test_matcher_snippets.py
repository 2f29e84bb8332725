"""The "code" of cards that compare a text with labels, or judge each label by itself, is run as its reader would run it.

Checkpoints of every kind are made here, with random weights; those that are bundled are run as well.
"""

import json
import warnings

import huggingface_hub
import pytest

from playground.compose import compose
from playground.core.types import MultiLabels
from playground.settings import ROOT, Settings
from playground.tasks.topics import TASK as TOPICS
from tests.app.test_tagger_snippets import executed

REPO, COMMIT = "test/entails", "0123456789abcdef0123456789abcdef01234567"
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


def row(name, loader, task, tier, **more):
    facts = {"id": name, "title": f"{loader} of a test", "loader": loader, "licence": "CC0", "size_mb": 1}
    facts |= {"provenance": "made in a test", "max_length": 24} | more
    lines = [f"{key} = {json.dumps(value)}" for key, value in facts.items()]
    return "\n".join(["", "[[checkpoint]]", *lines, f'serves = [{{ task = "{task}", tier = "{tier}" }}]', ""])


def lora(task_type, auto, folder, **kwargs):
    import torch
    from peft import LoraConfig, get_peft_model

    from playground.bundled import encoder_folder

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft reads a name that transformers deprecates
        base = auto.from_pretrained(encoder_folder(), **kwargs)
        own = {"modules_to_save": ["classifier"]} if kwargs else {"exclude_modules": ["pooler.dense"]}
        model = get_peft_model(
            base, LoraConfig(task_type=task_type, r=2, target_modules=["query", "value", "dense"], **own)
        )
    for name, parameter in model.named_parameters():
        if "lora_B" in name or "modules_to_save" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    model.save_pretrained(folder)


def scratch(kind, shape, folder):
    from playground.scratch.tokenizer import Tokenizer

    tokenizer = Tokenizer.train([TEXT] * 3, 330)
    model = kind(shape(len(tokenizer)))
    for parameter in model.parameters():
        parameter.data *= 4  # so that the answers differ
    model.save(folder)
    tokenizer.save(folder / "tokenizer.json")


def entails(home):
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    snapshot = home / "hub" / f"models--{REPO.replace('/', '--')}" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot.parent.parent / "refs").mkdir()
    (snapshot.parent.parent / "refs" / "main").write_text(COMMIT)
    letters = "abcdefghijklmnopqrstuvwxyz.,'\\"
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    BertTokenizerFast(
        vocab={piece: place for place, piece in enumerate(vocabulary)}, model_max_length=256
    ).save_pretrained(snapshot)
    kinds = {0: "Contradiction", 1: "Neutral", 2: "Entailment"}
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = BertConfig(vocab_size=len(vocabulary), max_position_embeddings=256, initializer_range=0.5, num_labels=3,
                        id2label=kinds, label2id={name: place for place, name in kinds.items()}, **shape)  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(snapshot)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder like the playground's: assets with a catalog and checkpoints; and a hub cache."""
    import torch
    from transformers import AutoModel, AutoModelForSequenceClassification

    from playground.scratch.model import EmbedderConfig, EncoderClassifier, EncoderConfig, EncoderEmbedder

    torch.manual_seed(3)
    home = tmp_path_factory.mktemp("playground")
    made = home / "assets" / "checkpoints"
    made.mkdir(parents=True)
    thresholds = {"labels": NAMES, "thresholds": [round(0.3 + 0.01 * place, 2) for place in range(len(NAMES))]}
    rows = [
        row("made/near", "lora-encoder", "zero-shot", "finetuned", folder="checkpoints/near", base=ENCODER),
        row("made/own", "scratch-encoder", "zero-shot", "scratch", folder="checkpoints/own"),
        row(REPO, "pipeline-nli", "zero-shot", "pretrained", hub=True, max_length=80),
        row(
            "made/each", "lora-classifier", "topics", "finetuned", folder="checkpoints/each", base=ENCODER, **thresholds
        ),
        row("made/each-own", "scratch-classifier", "topics", "scratch", folder="checkpoints/each-own", labels=NAMES),
    ]
    bundled = ROOT / "assets"
    catalog = (bundled / "catalog.toml").read_text().replace('folder = "', f'folder = "{bundled.as_posix()}/')
    (home / "assets" / "catalog.toml").write_text(catalog + "".join(rows))
    lora("FEATURE_EXTRACTION", AutoModel, made / "near")
    lora("SEQ_CLS", AutoModelForSequenceClassification, made / "each", num_labels=len(NAMES))
    small = {"dim": 24, "layers": 2, "heads": 2, "hidden": 48, "max_length": 48}
    scratch(EncoderEmbedder, lambda size: EmbedderConfig(size, output=16, **small), made / "own")
    scratch(EncoderClassifier, lambda size: EncoderConfig(size, len(NAMES), **small), made / "each-own")
    entails(home)
    return home


@pytest.fixture(scope="module")
def service(home):
    patch = pytest.MonkeyPatch()
    patch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(home / "hub"))
    settings = Settings(
        space_id=None, openai_api_key=None, local_server_url=None, catalog=home / "assets" / "catalog.toml"
    )
    service = compose(settings)
    yield service
    service.close()
    patch.undo()


def printed(code, folder, tmp_path, **environment):
    """What the file says: (score, whether it is marked, label) of each line."""
    found = executed(code, folder, tmp_path, **environment)
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
def test_it_prints_how_near_the_visitors_labels_are(service, home, tier, model, values, tmp_path):
    assert model in [choice.id for choice in service.choices("zero-shot", tier)]
    code = service.snippet("zero-shot", tier, TEXT, model, values=values)
    assert str(home) not in code
    output = compared(service, "zero-shot", tier, model, values, printed(code, home, tmp_path, HF_HOME=str(home)))
    assert {one.label for one in output.scores} == set(LABELS)


@pytest.mark.parametrize(("tier", "model"), [("finetuned", "made/each"), ("scratch", "made/each-own")])
def test_it_prints_each_topic_by_its_own_threshold(service, home, tier, model, tmp_path):
    code = service.snippet("topics", tier, TEXT, model)
    assert str(home) not in code
    output = compared(service, "topics", tier, model, None, printed(code, home, tmp_path))
    assert {one.threshold for one in output.scores} == (
        {0.5} if tier == "scratch" else {round(0.3 + 0.01 * n, 2) for n in range(28)}
    )


@pytest.mark.parametrize("tier", ["pretrained", "finetuned", "scratch"])
@pytest.mark.parametrize("task", ["zero-shot", "topics", "intent", "spam"])
def test_so_does_that_of_what_is_bundled(service, task, tier, tmp_path):
    """The folder is that of the playground."""
    from pathlib import Path

    bundled = [row.id for row in service.choices(task, tier) if row.id == ENCODER or row.id.startswith("bundled/")]
    code = service.snippet(task, tier, TEXT, bundled[0])
    folder = service.catalog.get(bundled[0]).folder  # absolute here; in a catalog beside it, relative
    if folder is not None:
        code = code.replace(repr(f"assets/{Path(folder).name}"), repr(str(folder)))
    compared(service, task, tier, bundled[0], None, printed(code, ROOT, tmp_path))


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
