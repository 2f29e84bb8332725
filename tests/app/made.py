"""What the tests of cards' code share: small checkpoints with random weights, a playground that offers them, and a run of the code
as its reader would run it.
"""

import json
import os
import subprocess
import sys
import warnings
from contextlib import contextmanager

import huggingface_hub
import pytest

from playground.compose import compose
from playground.settings import ROOT, Settings

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}


def row(name, loader, task, tier, **more):
    facts = {"id": name, "title": f"{loader} of a test", "loader": loader, "licence": "CC0", "size_mb": 1}
    facts |= {"provenance": "made in a test", "max_length": 24} | more
    lines = [f"{key} = {json.dumps(value)}" for key, value in facts.items()]
    return "\n".join(["", "[[checkpoint]]", *lines, f'serves = [{{ task = "{task}", tier = "{tier}" }}]', ""])


def home_with(folder, rows):
    """A folder like the playground's: the bundled catalog and these rows; their checkpoints go below the one returned."""
    bundled = ROOT / "assets"
    catalog = (bundled / "catalog.toml").read_text().replace('folder = "', f'folder = "{bundled.as_posix()}/')
    made = folder / "assets" / "checkpoints"
    made.mkdir(parents=True)
    (folder / "assets" / "catalog.toml").write_text(catalog + rows)
    return made


@contextmanager
def service_of(home):
    patch = pytest.MonkeyPatch()
    patch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(home / "hub"))
    catalog = home / "assets" / "catalog.toml"
    service = compose(Settings(space_id=None, openai_api_key=None, local_server_url=None, catalog=catalog))
    try:
        yield service
    finally:
        service.close()
        patch.undo()


def written(service, task, tier, model, text, values):
    """The text on the card."""
    handle = service.start(
        task, text, session="code", emit=lambda event: None, tiers=[tier], models={tier: model}, values=values
    )
    assert handle.wait(100)
    (result,) = handle.record().results
    assert result.error is None, result.error
    return result.output.text


def lora(task_type, auto, folder, std, own, **kwargs):
    """An adapter of the bundled encoder with random weights. own: of its LoraConfig; kwargs: of the model."""
    import torch
    from peft import LoraConfig, get_peft_model

    from playground.bundled import encoder_folder

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft reads a name that transformers deprecates
        base = auto.from_pretrained(encoder_folder(), **kwargs)
        config = {"target_modules": ["query", "value", "dense"]} | own
        model = get_peft_model(base, LoraConfig(task_type=task_type, r=2, **config))
    for name, parameter in model.named_parameters():
        if "lora_B" in name or "modules_to_save" in name:
            torch.nn.init.normal_(parameter, std=std)
    model.save_pretrained(folder)


def masked(folder):
    """A masked adapter of the bundled encoder with random weights, as its recipe saves it."""
    from playground.bundled import encoder_folder
    from tests.engine.fillers import masked_adapter

    masked_adapter(encoder_folder(), folder, rank=2)


def scratch(kind, shape, folder, text, times):
    """A model of ours with random weights, `times` larger than at their start, so that its answers differ."""
    from playground.scratch.tokenizer import Tokenizer

    tokenizer = Tokenizer.train([text] * 3, 330)
    model = kind(shape(len(tokenizer)))
    for parameter in model.parameters():
        parameter.data *= times
    model.save(folder)
    tokenizer.save(folder / "tokenizer.json")


def bert_in_cache(home, repo, kind, length, labels):
    """A small BERT of letters in the hub cache below `home`. labels: by their number."""
    from transformers import BertConfig, BertTokenizerFast

    snapshot = home / "hub" / f"models--{repo.replace('/', '--')}" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot.parent.parent / "refs").mkdir()
    (snapshot.parent.parent / "refs" / "main").write_text(COMMIT)
    letters = "abcdefghijklmnopqrstuvwxyz.,'\\"
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    places = {piece: place for place, piece in enumerate(vocabulary)}
    BertTokenizerFast(vocab=places, model_max_length=length).save_pretrained(snapshot)
    config = BertConfig(vocab_size=len(vocabulary), max_position_embeddings=length, initializer_range=0.5, num_labels=len(labels),
                        id2label=labels, label2id={name: place for place, name in labels.items()}, **SMALL)  # fmt: skip
    kind(config).save_pretrained(snapshot)


def executed(code, folder, tmp_path, **environment):
    path = tmp_path / "snippet.py"
    path.write_text(code, encoding="utf-8")
    return subprocess.run(
        [sys.executable, str(path)],
        cwd=folder,
        env=os.environ
        | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "PYTHONIOENCODING": "utf-8", "OMP_NUM_THREADS": "1"}
        | environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=110,
    )
