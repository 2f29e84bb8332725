"""The "code" of cards that go on with a text is run as its reader would run it, and writes what the card shows.

Checkpoints of every kind are made here, with random weights and a short context; those that are bundled are run as well.
"""

import shutil
import warnings
from pathlib import Path

import pytest

from playground.catalog import Catalog
from playground.settings import ROOT
from tests.app import made

REPO = "test/decoder"
TEXT = 'Ann said: "it\'s \\great\\",\n{braces} <b>Zo\u00e9</b> \u202e 👩‍🔬 and went'
LONG = "The captain walked by the river. " * 30
CONTEXT = 128
SETTINGS = {
    "by chance": {"length": "12", "temperature": "0.9", "top_p": "0.9", "repetition_penalty": "1.2", "seed": "3"},
    "top k": {"length": "12", "temperature": "1.4", "top_p": "1", "top_k": "7", "repetition_penalty": "1", "seed": "5"},
    "the likeliest": {"length": "12", "temperature": "0", "repetition_penalty": "1.3"},
    "beams": {"length": "8", "beams": "3", "repetition_penalty": "1"},
}
LOCAL = [("pretrained", REPO), ("pretrained", "made/general"), ("finetuned", "made/voice"), ("scratch", "made/letters")]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    import torch
    from peft import LoraConfig, get_peft_model

    from playground.scratch.characters import CharacterTokenizer
    from playground.scratch.gpt import GPT, GPTConfig
    from playground.training.starter import StarterSettings, learn_tokenizer, new_model
    from playground.training.voice import LAYERS
    from tests.training import written

    torch.manual_seed(3)
    home = tmp_path_factory.mktemp("playground")
    rows = [
        made.row(REPO, "pipeline-decoder", "generation", "pretrained", hub=True, max_length=CONTEXT),
        made.row(
            "made/general",
            "pipeline-decoder",
            "generation",
            "pretrained",
            folder="checkpoints/general",
            max_length=CONTEXT,
        ),
        made.row(
            "made/voice",
            "lora-decoder",
            "generation",
            "finetuned",
            folder="checkpoints/voice",
            base="made/general",
            max_length=CONTEXT,
        ),
        made.row(
            "made/letters", "scratch-decoder", "generation", "scratch", folder="checkpoints/letters", max_length=CONTEXT
        ),
    ]
    folder = made.home_with(home, "".join(rows))
    settings = StarterSettings(vocabulary=400, dim=32, layers=2, heads=2, hidden=48, context=CONTEXT)
    tokenizer = learn_tokenizer([written.novel(seed) for seed in range(4)], settings)
    model = new_model(settings, tokenizer, seed=2)
    for parameter in model.parameters():
        if parameter.ndim == 2:
            parameter.data *= 4  # so that no two tokens are nearly as likely
    model.config._attn_implementation = "sdpa"
    model.save_pretrained(folder / "general")
    tokenizer.save_pretrained(folder / "general")
    (folder / "general" / "generation_config.json").unlink(missing_ok=True)
    snapshot = home / "hub" / f"models--{REPO.replace('/', '--')}" / "snapshots" / made.COMMIT
    shutil.copytree(folder / "general", snapshot)
    (snapshot.parent.parent / "refs").mkdir()
    (snapshot.parent.parent / "refs" / "main").write_text(made.COMMIT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft reads a name that transformers deprecates
        voice = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", r=2, target_modules=LAYERS))
    for name, parameter in voice.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    voice.save_pretrained(folder / "voice", save_embedding_layers=False)
    letters = CharacterTokenizer.train([written.play()])
    own = GPT(GPTConfig(len(letters), dim=24, layers=2, heads=2, hidden=48, context=CONTEXT, bias=False))
    for parameter in own.parameters():
        parameter.data *= 8
    own.save(folder / "letters")
    letters.save(folder / "letters" / "tokenizer.json")
    return home


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize(("tier", "model"), LOCAL)
def test_it_writes_the_cards_own_text(service, warm, home, tier, model, settings, tmp_path):
    values = SETTINGS[settings]
    code = service.snippet("generation", tier, TEXT, model, values=values)
    assert str(home) not in code
    found = warm(code, home, tmp_path)
    assert found.returncode == 0, found.stderr
    expected = made.written(service, "generation", tier, model, TEXT, values)
    assert len(expected) > 3 or settings == "beams", "what is likeliest of random weights may end at once"
    cut = (
        "\n\ufffd"  # a character whose last bytes were not written: the streamer prints a sign for it, the card nothing
    )
    assert found.stdout.rstrip(cut) == expected.rstrip(cut)


@pytest.mark.parametrize(("tier", "model"), LOCAL)
def test_a_long_text_leaves_room(service, warm, home, tier, model, tmp_path):
    code = service.snippet("generation", tier, LONG, model, values={"length": "20"})
    found = warm(code, home, tmp_path)
    assert found.returncode == 0, found.stderr
    assert "Traceback" not in found.stderr
    assert len(found.stdout) > 10


CATALOG = Catalog.read(ROOT / "assets" / "catalog.toml")
TIERS = [
    tier
    for tier in ("pretrained", "finetuned", "scratch")
    if any(row.id.startswith("bundled/") for row in CATALOG.serving("generation", tier))
]


@pytest.mark.parametrize("tier", TIERS)
def test_so_does_that_of_what_is_bundled(service, warm, tier, tmp_path):
    """The folders are those of the playground."""
    model = next(row.id for row in service.choices("generation", tier) if row.id.startswith("bundled/"))
    code = service.snippet("generation", tier, "It was a cold morning in March, and", model)
    folders = Path(service.catalog.get(model).folder).parent
    code = code.replace("'assets/", f"'{folders.as_posix()}/")
    found = warm(code, ROOT, tmp_path)
    assert found.returncode == 0, found.stderr
    assert found.stdout.rstrip("\n") == made.written(
        service, "generation", tier, model, "It was a cold morning in March, and", None
    ).rstrip("\n")
