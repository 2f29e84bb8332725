"""The "code" of cards that make a text of a text is run as its reader would run it, and writes what the card shows.

Checkpoints of every kind are made here, with random weights; those that are bundled are run as well.
"""

import shutil
import warnings

import pytest

from playground.catalog import Catalog
from playground.settings import ROOT
from tests.app import made

REPO = "test/translator"
TEXT = 'Ann said: "it\'s \\great\\", {braces} <b>Zo\u00e9</b>! Was the film good?\n\nIt was.'
CONTEXT = 96
SETTINGS = {
    "beams": {"length": "30", "beams": "3"},
    "the likeliest": {"length": "40", "beams": "1", "repetition_penalty": "1.3"},
    "by chance": {"length": "40", "beams": "1", "temperature": "0.9", "seed": "3"},
}
LOCAL = [("pretrained", REPO), ("pretrained", "made/general"), ("finetuned", "made/friend"), ("scratch", "made/ours")]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    import torch
    from peft import LoraConfig, get_peft_model

    from playground.scratch.seq2seq import Seq2Seq, Seq2SeqConfig
    from playground.scratch.tokenizer import Tokenizer
    from playground.training.rewriting import SPECIALS
    from playground.training.translator import TranslatorSettings, learn_tokenizer, new_model
    from playground.training.translator_familiar import LAYERS

    torch.manual_seed(3)
    home = tmp_path_factory.mktemp("playground")
    common = {"max_length": CONTEXT, "sentences": True}
    folder = made.home_with(
        home,
        "".join(
            (
                made.row(REPO, "pipeline-seq2seq", "translation", "pretrained", hub=True, max_length=CONTEXT),
                made.row(
                    "made/general",
                    "pipeline-seq2seq",
                    "translation",
                    "pretrained",
                    folder="checkpoints/general",
                    **common,
                ),
                made.row(
                    "made/friend",
                    "lora-seq2seq",
                    "translation",
                    "finetuned",
                    folder="checkpoints/friend",
                    base="made/general",
                    **common,
                ),
                made.row("made/ours", "scratch-seq2seq", "translation", "scratch", folder="checkpoints/ours", **common),
            )
        ),
    )
    settings = TranslatorSettings(
        vocabulary=330, dim=32, layers=1, decoder_layers=1, heads=2, hidden=48, context=CONTEXT
    )
    tokenizer = learn_tokenizer([TEXT] * 9, settings)
    model = new_model(settings, tokenizer, seed=2)
    model.config._attn_implementation = "sdpa"
    model.save_pretrained(folder / "general")
    tokenizer.save_pretrained(folder / "general")
    snapshot = home / "hub" / f"models--{REPO.replace('/', '--')}" / "snapshots" / made.COMMIT
    shutil.copytree(folder / "general", snapshot)
    (snapshot.parent.parent / "refs").mkdir()
    (snapshot.parent.parent / "refs" / "main").write_text(made.COMMIT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft reads a name that transformers deprecates
        friend = get_peft_model(model, LoraConfig(task_type="SEQ_2_SEQ_LM", r=2, target_modules=LAYERS))
    for name, parameter in friend.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    friend.save_pretrained(folder / "friend", save_embedding_layers=False)
    reader = Tokenizer.train([TEXT] * 3, 330, SPECIALS)
    own = Seq2Seq(
        Seq2SeqConfig(
            vocabulary=len(reader),
            dim=24,
            layers=1,
            heads=2,
            hidden=48,
            context=CONTEXT,
            encoder_layers=1,
            source_context=CONTEXT,
        )
    )
    for parameter in own.parameters():
        parameter.data *= 6
    own.save(folder / "ours")
    reader.save(folder / "ours" / "tokenizer.json")
    (folder / "ours" / "checkpoint.json").write_text('{"plain": {"’": "\'"}}')
    return home


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize(("tier", "model"), LOCAL)
def test_it_writes_the_cards_own_text(service, warm, home, tier, model, settings, tmp_path):
    values = SETTINGS[settings]
    code = service.snippet("translation", tier, TEXT, model, values=values)
    assert str(home) not in code
    found = warm(code, home, tmp_path)
    assert found.returncode == 0, found.stderr
    expected = made.written(service, "translation", tier, model, TEXT, values)
    # characters of which not all bytes were written are a sign in the one and nothing in the other
    assert found.stdout.replace("\ufffd", "").rstrip("\n") == expected.replace("\ufffd", "").rstrip("\n")


CATALOG = Catalog.read(ROOT / "assets" / "catalog.toml")
TIERS = [
    (task, tier)
    for task in ("translation", "summarization")
    for tier in ("pretrained", "finetuned", "scratch")
    if any(row.id.startswith("bundled/") and "seq2seq" in row.loader for row in CATALOG.serving(task, tier))
]
ASKED = "Where is my book? I have looked for it everywhere."


@pytest.mark.parametrize(("task", "tier"), TIERS)
def test_so_does_that_of_what_is_bundled(warm, task, tier, tmp_path):
    """The folders are those of the playground."""
    model = next(
        row.id for row in CATALOG.serving(task, tier) if row.id.startswith("bundled/") and "seq2seq" in row.loader
    )
    with made.service_of(ROOT) as own:
        code = own.snippet(task, tier, ASKED, model)
    folders = (ROOT / "assets").as_posix()
    found = warm(code.replace("'assets/", f"'{folders}/"), ROOT, tmp_path)
    assert found.returncode == 0, found.stderr
    assert len(found.stdout.strip()) > 10
