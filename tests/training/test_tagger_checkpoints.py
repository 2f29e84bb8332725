"""The committed taggers: whole, small, of the promised shape, described, and as good as their cards say."""

import json

import pytest

from playground import training
from playground.core.bio import Scheme
from playground.training.columns import Sentence, spans
from tests.training.committed import (
    CHECKPOINTS,
    ROOT,
    adapter_config,
    assert_adapts_the_bundled_encoder,
    assert_card_is_whole,
    assert_files_are_whole,
    card,
    record,
)

DATA = ROOT.parent / "shared" / "data"
NAMES = [recipe.name for recipe in training.recipes() if recipe.name.startswith(("ner-", "pos-"))]
ADAPTERS = [name for name in NAMES if not name.endswith("scratch")]
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


def labels_of(name: str) -> tuple[str, ...]:
    from playground.training import tagged

    if name.startswith("pos"):
        return tagged.UNIVERSAL
    return tagged.GENERAL if name == "ner-general" else tagged.MEDICAL


def figure(name: str) -> tuple[str, str]:
    return ("accuracy", "most_frequent_tag_accuracy") if name.startswith("pos") else ("f1", "dictionary_f1")


@pytest.mark.parametrize("name", NAMES)
def test_digests_and_sizes(name):
    found = record(name)
    assert found["name"] == name
    assert tuple(found["labels"]) == labels_of(name)
    assert_files_are_whole(name, limit=10_000_000 if name.endswith("scratch") else 3_000_000)


@pytest.mark.parametrize("name", NAMES)
def test_cards_are_whole_and_beat_the_baselines(name):
    assert_card_is_whole(name)
    assert "windows" in card(name)
    found = record(name)
    key, baseline = figure(name)
    for part, figures in found["metrics"].items():
        assert figures["n"] >= 200, part
        assert f"{figures[key]:,}" in card(name)
        assert f"{figures[baseline]:,}" in card(name)
    test = found["metrics"]["test"]
    if (
        name == "ner-scratch"
    ):  # abstracts repeat the names of others: its card says that looking them up is better there
        assert test["accuracy"] > test["dictionary_accuracy"]
        assert found["metrics"]["NCBI Disease"][key] > found["metrics"]["NCBI Disease"][baseline]
    else:
        assert test[key] > test[baseline]


@pytest.mark.parametrize("name", ADAPTERS)
def test_adapters_have_the_shape_that_the_engine_reads(name):
    from safetensors import safe_open

    found = record(name)
    assert_adapts_the_bundled_encoder(name)
    config = adapter_config(name)
    assert (config["task_type"], config["modules_to_save"]) == ("TOKEN_CLS", ["classifier"])
    assert config["exclude_modules"] == ["pooler.dense"]
    with safe_open(CHECKPOINTS / name / "adapter_model.safetensors", framework="np") as file:
        shapes = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118
        head = "base_model.model.classifier"
        assert shapes[f"{head}.weight"].get_shape() == [len(found["labels"]), 384]
        assert shapes[f"{head}.bias"].get_shape() == [len(found["labels"])]
        assert len(shapes) == 2 + 6 * 6 * 2, "six layers, six linear layers in each, two matrices beside each"
        assert {piece.get_dtype() for piece in shapes.values()} == {"F16"}
        assert not any("pooler" in key for key in shapes)


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("scratch")])
def test_scratch_checkpoints_hold_their_shape_twice_and_alike(name):
    found = record(name)
    assert json.loads((CHECKPOINTS / name / "config.json").read_text()) == found["config"]
    assert (found["config"]["word"], found["config"]["labels"]) == ("mean", len(found["labels"]))
    assert found["max_length"] == found["config"]["max_length"]


def test_the_figures_that_the_taggers_were_made_for():
    """On our own held-out parts."""
    test = {name: record(name)["metrics"]["test"] for name in NAMES}
    assert test["ner-general"]["f1"] >= 0.70
    assert test["ner-medical"]["f1"] >= 0.80
    assert test["ner-scratch"]["f1"] >= 0.60
    assert test["pos-general"]["accuracy"] >= 0.94
    assert test["pos-informal"]["accuracy"] >= test["pos-informal"]["pos_general_accuracy"] + 0.005
    assert test["pos-scratch"]["accuracy"] >= 0.91


def tags(name: str, sentences: list[Sentence]) -> list[list[str]]:
    folder, labels = CHECKPOINTS / name, record(name)["labels"]
    if name.endswith("scratch"):
        from playground.scratch.model import EncoderTagger
        from playground.scratch.tokenizer import Tokenizer
        from playground.training.tagger_from_scratch import probabilities

        found = probabilities(EncoderTagger.load(folder), Tokenizer.load(folder / "tokenizer.json"), sentences)
    else:
        from playground.training import lora, lora_tagger

        plain, tokenizer = lora.base_model(None, labels, per_word=True)
        capitals = record(name)["settings"].get("capitals", False)
        found = lora_tagger.probabilities(lora.with_adapter(plain, folder), tokenizer, sentences, 128, capitals)
    scheme = Scheme.read(labels, consistent=True)
    return [[labels[best] for best in scheme.best(rows)] for rows in found]


def sentence(text: str) -> Sentence:
    return Sentence(tuple(text.split()), ("",) * len(text.split()))


@pytest.mark.parametrize("name", ["ner-medical", "ner-scratch"])
def test_they_find_plain_drugs_and_diseases(name):
    text = sentence("Treatment with aspirin reduced the risk of stroke , but nausea was reported .")
    found = {" ".join(text.words[start:end]): kind for start, end, kind in spans(tags(name, [text])[0])}
    expected = {"aspirin": "Chemical", "stroke": "Disease", "nausea": "Disease"}
    assert found == expected if name == "ner-medical" else expected.items() <= found.items()  # the small one sees more


def test_the_general_one_finds_plain_names():
    text = sentence("Marie Curie moved from Warsaw to Paris in 1891 .")
    found = {" ".join(text.words[start:end]): kind for start, end, kind in spans(tags("ner-general", [text])[0])}
    assert found == {"Marie Curie": "PER", "Warsaw": "LOC", "Paris": "LOC"}


@pytest.mark.parametrize("name", ["pos-general", "pos-informal", "pos-scratch"])
def test_they_know_plain_grammar(name):
    text = sentence("The old dog did n't bark at us .")
    assert tags(name, [text]) == ["DET ADJ NOUN AUX PART VERB ADP PRON PUNCT".split()]


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared data is not beside this checkout")
@pytest.mark.parametrize("name", NAMES)
def test_on_a_part_of_what_was_held_out_they_reach_their_figures(name):
    from playground.training import tagger_from_scratch, taggers
    from playground.training.evaluate_tags import figures

    split_of = tagger_from_scratch.PLANS[name][0] if name.endswith("scratch") else taggers.PLANS[name].split
    held = split_of(DATA).held["test"][::4]
    key, _ = figure(name)
    found = figures(lambda sentences: tags(name, list(sentences)), held, held, record(name)["labels"])
    assert found[key] > record(name)["metrics"]["test"][key] - 0.05
