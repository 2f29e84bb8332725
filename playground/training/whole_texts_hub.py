"""The sets of whole texts from the hub, through `datasets`, where they have a home there that needs no script. No torch."""

from typing import Any

from playground.training.tagged_hub import PARQUET

Rows = list[tuple[str, tuple[str, ...]]]


def banking() -> Rows:
    """PolyAI's Banking77, training part."""
    return _single(_load("PolyAI/banking77", None, "train", PARQUET), "text", "label")


def clinc() -> dict[str, Rows]:
    """CLINC150's "plus" variant, which has 250 out-of-scope questions to train on, not 100: figures can differ a little."""
    found: dict[str, Rows] = {}
    for split, name in (("train", "train"), ("validation", "val")):
        rows = _single(_load("clinc/clinc_oos", "plus", split, None), "text", "intent")
        found[name] = [row for row in rows if row[1] != ("oos",)]
        found[f"oos_{name}"] = [row for row in rows if row[1] == ("oos",)]
    return found


def sms() -> Rows:
    """All 5,574 messages: the hub has no test split of them, the shared folder has a part."""
    rows = _single(_load("ucirvine/sms_spam", "plain_text", "train", None), "sms", "label")
    return [(text.rstrip("\r\n"), label) for text, label in rows]


def _load(repository: str, config: str | None, split: str, revision: str | None) -> Any:
    from datasets import load_dataset

    return load_dataset(repository, config, split=split, revision=revision)


def _single(rows: Any, text: str, label: str) -> Rows:
    names = rows.features[label].names
    return [(row[text], (names[row[label]],)) for row in rows]
