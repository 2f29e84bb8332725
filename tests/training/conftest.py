"""Data made up for these tests, a tiny encoder in the bundled one's layout, and one thread."""

import json
import shutil
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.training.committed")  # or its assertions would not say what they saw

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
    write_tagged(root)
    write_texts(root)
    return root


NAMES = {
    "PER": ["Ada Byron", "Mara", "Tom Reed"],
    "LOC": ["Oslo", "New Haven"],
    "ORG": ["Acme Ltd"],
    "MISC": ["Danish"],
    "Chemical": ["zinc oxide", "caffeine"],
    "Disease": ["measles", "heart failure"],
    "person": ["Lena"],
    "location": ["Bremen"],
    "corporation": ["Globex"],
    "group": ["The Larks"],
    "product": ["Zephyr 3"],
    "creative-work": ["Red Dawn"],
}


def sentences_with(kinds: list[str], count: int, start: int = 0) -> list[list[tuple[str, str]]]:
    """Sentences of (word, tag), BIO: a name of each kind in turn, and a number that makes no two the same."""
    found = []
    for i in range(start, start + count):
        kind = kinds[i % len(kinds)]
        name = NAMES[kind][i // len(kinds) % len(NAMES[kind])].split()
        tagged = [(word, f"{'I' if j else 'B'}-{kind}") for j, word in enumerate(name)]
        found.append([("we", "O"), ("saw", "O"), *tagged, (f"case-{i}", "O"), (".", "O")])
    return found


def write_texts(root: Path) -> None:
    """Articles with titles and headings, and novels."""
    text = root / "text"
    (text / "novels").mkdir(parents=True)
    lines = {i: [f"{line}." for line in made_up(GOOD + BAD, range(12 * i, 12 * i + 12))] for i in range(40)}
    articles = [
        f"= Thing {i} =\n\n{' '.join(lines[i][:6])}\n\n== Use ==\n\n{' '.join(lines[i][6:])}\n" for i in range(40)
    ]
    (text / "wiki_paragraphs.txt").write_text("\n".join(articles))
    apart = [f" = Other {i} = \n \n {' '.join(lines[i])} \n \n = = Use = = \n" for i in range(3)]
    (text / "wikitext2_valid.txt").write_text("\n".join([*apart, f" = Thing 1 = \n {' '.join(lines[1])} \n"]))
    for i in range(2):
        (text / "novels" / f"Writer_{i}.txt").write_text("\n".join(lines[30 + i] * 3))


def write_tagged(root: Path) -> None:
    """The sets of entities and word classes, small."""
    ner, pos = root / "ner", root / "pos"
    ner.mkdir()
    pos.mkdir()

    def columns(name: str, rows: list[list[tuple[str, str]]], gap: str = "\t") -> None:
        (ner / name).write_text("".join("".join(f"{w}{gap}{t}\n" for w, t in row) + "\n" for row in rows))

    columns("bc5cdr_train.tsv", sentences_with(["Chemical", "Disease"], 60))
    columns("bc5cdr_dev.tsv", sentences_with(["Chemical", "Disease"], 60, 60))
    columns("ncbi_disease_train.tsv", sentences_with(["Disease"], 60, 200))
    columns("ncbi_disease_dev.tsv", sentences_with(["Disease"], 30, 300))
    for part, letter in enumerate("abefgh"):
        rows = sentences_with(["PER", "LOC", "ORG"], 20, 400 + 20 * part)
        columns(f"broad_twitter_{letter}.conll", [[("@", "B-PER"), (f"mara{part}", "B-PER"), *row] for row in rows])
    kinds = ["person", "location", "corporation", "group", "product", "creative-work"]
    columns("wnut17_train.conll", [[("@lena", "O"), *row] for row in sentences_with(kinds, 60, 600)])
    columns("wnut17_dev.conll", sentences_with(kinds, 40, 700))
    rows = sentences_with(["PER", "LOC", "ORG", "MISC"], 90, 800)
    io = [[(w, t.replace("B-", "I-")) for w, t in row] for row in rows]
    parted = [row for i, group in enumerate(io) for row in ([[("-DOCSTART-", "O")], group] if i % 3 == 0 else [group])]
    columns("wikigold_train.conll", parted, " ")

    words = "we/PRON saw/VERB a/DET red/ADJ house/NOUN ,/PUNCT Mara/PROPN !/PUNCT".split()
    for part, start, count in (("train", 0, 100), ("dev", 1000, 60)):
        lines = []
        for i in range(start, start + count):
            genre = ("reviews", "answers", "email", "newsgroup", "weblog")[i // 2 % 5]
            if i % 2 == 0:
                lines.append(f"# newdoc id = {genre}-{i}")
            lines.append(f"# sent_id = {genre}-{i}-0001")
            row = [*words[: 3 + i % 6], f"{i}/NUM"]
            lines += [f"{n}\t{w.split('/')[0]}\t_\t{w.split('/')[1]}\t_" for n, w in enumerate(row, 1)]
            lines.append("")
        (pos / f"en_ewt-ud-{part}.conllu").write_text("\n".join(lines) + "\n")


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
