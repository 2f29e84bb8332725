"""The "code" of cards that quote sentences is run as its reader would run it, and prints what the card shows."""

import pytest

from tests.app import made

ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
TEXT = (
    "Ann said: \"it's \\great\\\", and {braces} <b>Zoe\u0308</b> 👩‍🔬 didn't\tcome to 東京.\n\n- Bob\n- Carla met Dr. Lee of "
    "St. Ives in New York. And again in Rome, or was it Paris? Nobody knows where they met, but we know when.\nIt was in May."
)
ROWS = made.row(
    "made/picker",
    "lora-picker",
    "summarization",
    "finetuned",
    folder="checkpoints/lora",
    base=ENCODER,
    max_length=32,
)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    import torch
    from transformers import AutoModelForTokenClassification

    torch.manual_seed(3)
    home = tmp_path_factory.mktemp("playground")
    folder = made.home_with(home, ROWS)
    own = {"exclude_modules": ["pooler.dense"], "modules_to_save": ["classifier"]}
    made.lora("TOKEN_CLS", AutoModelForTokenClassification, folder / "lora", 0.1, own, num_labels=1)
    return home


@pytest.mark.parametrize("most", ["1", "3"])
@pytest.mark.parametrize(("tier", "model"), [("pretrained", ENCODER), ("finetuned", "made/picker")])
def test_it_prints_the_cards_own_answers(service, warm, home, tier, model, most, tmp_path):
    values = {"sentences": most}
    handle = service.start(
        "summarization",
        TEXT,
        session="code",
        emit=lambda event: None,
        tiers=[tier],
        models={tier: model},
        values=values,
    )
    assert handle.wait(60)
    (result,) = handle.record().results
    assert result.error is None, result.error
    assert len(result.output.picked) == int(most)
    code = service.snippet("summarization", tier, TEXT, model, values=values)
    assert str(home) not in code
    found = warm(code, home, tmp_path)
    assert found.returncode == 0, found.stderr
    assert " ".join(found.stdout.splitlines()) == result.output.text
