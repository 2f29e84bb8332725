"""Data made up for these tests, a tiny encoder in the bundled one's layout, and one thread."""

import json
import shutil
from pathlib import Path

import pytest

GOOD = ["lovely", "great", "happy", "wonderful", "thanks", "nice"]
BAD = ["awful", "sad", "terrible", "angry", "boring", "ugly"]
THINGS = ["film", "phone", "dinner", "song", "garden", "idea", "walk", "game"]


@pytest.fixture(autouse=True)
def one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def made_up(word_of: list[str], places: range) -> list[str]:
    return [f"{i}: what a {word_of[i % len(word_of)]} {THINGS[i % len(THINGS)]} that was" for i in places]


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory) -> Path:
    """The layout of the shared data, with sentences of our own."""
    root = tmp_path_factory.mktemp("data")
    (root / "sentiment").mkdir()
    (root / "topics").mkdir()
    names = ("sst2_phrases", "sst2_sentences", "uci_imdb", "uci_yelp", "uci_amazon_cells")
    files = {f"{name}_train": range(20 * i, 20 * i + 20) for i, name in enumerate(names)}
    for name, places in (files | {"sst2_sentences_dev": range(200, 230)}).items():
        rows = [{"text": text, "label": 1} for text in made_up(GOOD, places)]
        rows += [{"text": text, "label": 0} for text in made_up(BAD, places)]
        lines = [json.dumps(row) for row in rows]
        (root / "sentiment" / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    for name, places in (("train", range(60)), ("dev", range(300, 330))):
        rows = [f"{text}\t{i % 2 * 13 + 4}\tid" for i, text in enumerate(made_up(GOOD, places))]  # approval, joy
        rows += [f"{text}\t2,25\tid" for text in made_up(BAD, places)]  # anger, sadness
        rows += [f"{text} indeed\t27\tid" for text in made_up(["red"], places)]  # neutral
        rows += [f"{text} mixed\t17,25\tid" for text in made_up(["odd"], places)]  # joy and sadness
        (root / "topics" / f"goemotions_{name}.tsv").write_text("\n".join(rows) + "\n")
    return root


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory) -> Path:
    """A BertModel of 2 small layers with random weights and the bundled encoder's tokenizer."""
    import torch
    from transformers import BertConfig, BertModel

    from playground.bundled import encoder_folder

    folder = tmp_path_factory.mktemp("base")
    torch.manual_seed(0)
    config = BertConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64)
    BertModel(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
        shutil.copy(encoder_folder() / name, folder / name)
    return folder
