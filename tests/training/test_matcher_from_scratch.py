"""The recipe `zero-shot-scratch` and the episodes it shares with `zero-shot`, on made-up data."""

import json
import math
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch

from playground import training
from playground.scratch.model import EncoderEmbedder
from playground.scratch.tokenizer import Tokenizer
from playground.training import matcher_from_scratch, scratch_texts
from playground.training.episodes import SENTENCES, Episodes, episode_loss
from playground.training.matcher_from_scratch import MatcherFromScratchSettings
from playground.training.shared_words import SharedWords
from playground.training.whole_texts import Labelled, words_of
from tests.training.made_up_texts import write

SHAPE = {"vocabulary": 320, "dim": 16, "layers": 1, "heads": 2, "hidden": 32, "max_length": 32, "output": 12}
SMALL = SHAPE | {"epochs": 1, "batch": 16, "others": 4}
COLOURS = ("deep_red", "sky_blue", "moss_green")
TOOLS = ("claw_hammer", "hand_saw")
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture(scope="module")
def texts_folder(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("texts"))


def made_up(names: tuple[str, ...], each: int, start: int = 0) -> Labelled:
    rows = [(f"{n}: where is the {words_of(name)} one", name) for n in range(start, start + each) for name in names]
    return Labelled(tuple(text for text, _ in rows), tuple(name for _, name in rows))


SETS = {"colours": made_up(COLOURS, 8), "tools": made_up(TOOLS, 8)}


def test_an_episode_compares_each_text_with_its_own_sets_labels():
    settings = MatcherFromScratchSettings(**{**SMALL, "plain": 1.0, "dropped": 0.0})
    episodes = Episodes(SETS, settings, seed=1)
    assert episodes.steps == round(40 / 16)
    for step in range(5):
        episode = episodes.at(step)
        written = [words_of(name) for _, name in episodes.classes]
        assert sorted(set(episode.written)) == sorted(episode.written), "a label stands twice"
        assert set(episode.written) <= set(written)
        for row, i in enumerate(episode.batch):
            which, name = episodes.classes[episodes.labels[i]]
            assert words_of(name) in episodes.texts[i]
            assert episode.written[episode.targets[row]] == words_of(name)
            compared = {text for text, is_in in zip(episode.written, episode.compared[row], strict=True) if is_in}
            assert compared == set(episode.written) & {words_of(n) for n in SETS[which].names}
    again, other = Episodes(SETS, settings, seed=1), Episodes(SETS, settings, seed=2)
    assert [again.at(n).written for n in range(5)] == [episodes.at(n).written for n in range(5)]
    assert [other.at(n).batch for n in range(5)] != [episodes.at(n).batch for n in range(5)]


def test_labels_are_written_in_changing_ways():
    settings = MatcherFromScratchSettings(**{**SMALL, "plain": 0.5, "dropped": 1.0})
    episodes = Episodes({**SETS, "more": made_up(("very_old_rusty_nail",), 4)}, settings, seed=0)
    seen = {text for step in range(60) for text in episodes.at(step).written}
    assert "deep red" in seen
    assert len({form.format("deep red") for form in SENTENCES} & seen) >= 4
    words = {"deep red", "sky blue", "moss green", "claw hammer", "hand saw"}  # of two words none is dropped
    shorter = {"old rusty nail", "very rusty nail", "very old nail", "very old rusty"}
    assert shorter <= seen
    assert seen <= {form.format(label) for form in ("{}", *SENTENCES) for label in words | shorter}


def test_the_loss_leaves_out_what_is_not_compared():
    """By hand: cross-entropy among the compared, and a binary one in which the wrong ones weigh four times the right one."""
    settings = MatcherFromScratchSettings(many_weight=0.5)
    cosines = torch.tensor([[0.5, 0.4, -0.4, 0.7]], requires_grad=True)
    compared = torch.tensor([[True, True, True, False]])
    loss = episode_loss(cosines, torch.tensor([0]), compared, settings)
    z = np.array([0.5, 0.4, -0.4])
    one = -18 * 0.5 + np.log(np.exp(18 * z).sum())
    right = np.log1p(np.exp(-(14 * 0.5 - 6)))
    wrong = np.log1p(np.exp(14 * np.array([0.4, -0.4]) - 6)).mean()
    assert loss.item() == pytest.approx(one + 0.5 * (right + 4 * wrong), rel=1e-5)
    loss.backward()
    assert cosines.grad[0, 3] == 0


def test_the_cloze_asks_for_words_of_the_text():
    text = "Where is (my) new card, please?"
    plain = ["Where", "is", "my", "new", "card", "please"]
    seen = set()
    for seed in range(60):
        kept, asked = matcher_from_scratch.cloze(text, 0.0, Random(seed))
        rest, same = matcher_from_scratch.cloze(text, 1.0, Random(seed))
        assert (kept, asked) == (text, same)
        seen.add(len(asked.split()))
        assert [word for word in plain if word in asked.split()] == asked.split(), "in the text's order"
        left = [word.strip("(),?") for word in rest.split()]
        assert sorted(left + asked.split()) == sorted(plain)
    assert seen == {1, 2, 3}
    assert matcher_from_scratch.cloze("Hello!", 1.0, Random(0)) == ("Hello!", "Hello"), "a text is never empty"


def test_the_clozes_loss_by_hand():
    """The second text has the first one's label: its words are not held against the first."""
    cosines = torch.tensor([[0.6, 0.5, 0.1], [0.2, 0.3, 0.4], [0.0, 0.1, 0.9]])
    other = torch.tensor([[False, False, True], [False, False, True], [True, True, False]])
    z = 10 * cosines.double().numpy()
    rows = [z[0, 0] - np.log(np.exp(z[0, [0, 2]]).sum()), z[1, 1] - np.log(np.exp(z[1, [1, 2]]).sum())]
    rows.append(z[2, 2] - np.log(np.exp(z[2]).sum()))
    assert matcher_from_scratch.cloze_loss(cosines, other, 10.0).item() == pytest.approx(-np.mean(rows), rel=1e-5)


def test_shared_words_count_by_their_rarity():
    rival = SharedWords(["the card", "the card", "the bank", "a transfer"])
    assert rival.weight("the") == pytest.approx(math.log(5 / 4))
    assert rival.weight("never") == pytest.approx(math.log(5))
    labels = ["the card", "Bank transfer", "nothing"]
    assert rival.answer(["Card, the CARD!", "the bank", "what"], labels) == [0, 1, 0]


def test_it_learns_to_match_labels_with_texts(tmp_path):
    """Texts that hold their label's words, under numbers that training never had: better than before, and nearly all right."""
    settings = MatcherFromScratchSettings(**{**SMALL, "epochs": 60, "batch": 8, "rate": 5e-3, "warmup": 0.1})
    test = made_up(COLOURS, 5, start=50)

    def right(stop: int | None) -> float:
        counted = [0]

        def tick(report) -> None:
            counted[0] += 1

        model, tokenizer, _ = matcher_from_scratch.train_matcher(
            SETS,
            settings,
            seed=0,
            state=tmp_path / f"{stop}.safetensors",
            progress=tick,
            cancelled=lambda: counted[0] == stop,
        )
        labels = scratch_texts.outputs(model, tokenizer, [words_of(name) for name in COLOURS])
        found = (scratch_texts.outputs(model, tokenizer, test.texts) @ labels.T).argmax(1)
        return float(np.mean([COLOURS[i] == name for i, name in zip(found, test.names, strict=True)]))

    assert right(0) < 0.9 < 0.99 < right(None)


def test_the_recipe_runs_and_a_resumed_one_gives_the_same_files(texts_folder, tiny_base, tmp_path):
    given = {"data": texts_folder, "seed": 3, "settings": SMALL, "base": tiny_base}
    seen: list[training.TrainProgress] = []
    whole = training.run("zero-shot-scratch", out=tmp_path / "whole", progress=seen.append, **given)
    assert whole["done"]
    taken = [0]

    def tick(progress) -> None:
        taken[0] += 1

    part = training.run(
        "zero-shot-scratch", out=tmp_path / "parts", progress=tick, cancelled=lambda: taken[0] >= 3, **given
    )
    assert (part["done"], part["step"]) == (False, 3)
    rest = training.run("zero-shot-scratch", out=tmp_path / "parts", resume=True, **given)
    assert (rest["files"], rest["metrics"]) == (whole["files"], whole["metrics"])

    record = json.loads((tmp_path / "parts" / "checkpoint.json").read_text())
    assert (record["format"], record["task"], record["tier"]) == ("scratch-encoder", "zero-shot", "scratch")
    assert record["labels"] == []
    model = EncoderEmbedder.load(tmp_path / "parts")
    tokenizer = Tokenizer.load(tmp_path / "parts" / "tokenizer.json")
    vectors = scratch_texts.outputs(model, tokenizer, ["one text", "another one, longer than the first"])
    assert vectors.shape == (2, 12)
    torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(2))
    trained_on = {word for name in record["new_classes"].values() for word in name}
    assert trained_on, "the classes that were held out are named"
    card = (tmp_path / "parts" / "README.md").read_text()
    assert "train zero-shot-scratch --data DIR" in card
    assert str(tmp_path) not in card + json.dumps(record)
