"""The sets of topics, intent, spam and zero-shot: texts with their labels, from a folder or the hub, in parts that share no text.

A folder has the layout of the project's shared data: `topics/` with Banking77, CLINC150, GoEmotions and the SMS Spam Collection.
Every choice is by SHA-256, of a text or of a label's name: the same on every machine and in every order. No torch in here.
"""

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from playground.training import whole_texts_hub as hub
from playground.training.data import EMOTIONS, emotion_rows, key_of
from playground.training.label_names import BANKING77, CLINC_ABOUT_BANKING, INTENTS, OUT_OF_SCOPE

SPAM_LABELS = ("ham", "spam")


@dataclass(frozen=True)
class LabelledTexts:
    """`labels[i]` are the indices into `names` that hold for `texts[i]`: exactly one, unless several may hold at once."""

    names: tuple[str, ...]
    texts: tuple[str, ...]
    labels: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def single(self) -> tuple[int, ...]:
        """The one label of each text. Raises ValueError where a text has another number of them."""
        return tuple(label for (label,) in self.labels)

    def matrix(self) -> np.ndarray:
        """bool [N, L]: where a label holds."""
        found = np.zeros((len(self.texts), len(self.names)), dtype=bool)
        for row, labels in zip(found, self.labels, strict=True):
            row[list(labels)] = True
        return found

    def first(self, limit: int | None) -> "LabelledTexts":
        return LabelledTexts(self.names, self.texts[:limit], self.labels[:limit])


@dataclass(frozen=True)
class WholeTexts:
    """`train` to learn from; `dev` to fit temperature and thresholds on; `held`, part by part, to report on."""

    train: LabelledTexts
    dev: LabelledTexts
    held: dict[str, LabelledTexts]


Rows = list[tuple[str, tuple[str, ...]]]  # a text and the names of its labels


def share(text: str) -> float:
    """A number in [0, 1) that follows from the text alone, letter case and spaces aside."""
    return int.from_bytes(sha256(key_of(text).encode()).digest()[:8]) / 2**64


def unique(rows: Iterable[tuple[str, tuple[str, ...]]], without: Iterable[str] = ()) -> Rows:
    """The first row of every text, less the texts in `without`; case and spaces make no difference."""
    seen = {key_of(text) for text in without}
    kept: Rows = []
    for text, labels in rows:
        if (key := key_of(text)) and key not in seen:
            seen.add(key)
            kept.append((text, labels))
    return kept


def labelled(names: Sequence[str], rows: Rows) -> LabelledTexts:
    """Rows with indices in place of names. Raises KeyError for a name that is none of `names`."""
    index = {name: i for i, name in enumerate(names)}
    texts = tuple(text for text, _ in rows)
    return LabelledTexts(tuple(names), texts, tuple(tuple(sorted(index[n] for n in labels)) for _, labels in rows))


# ---- The sets as they are.


def banking(data: Path | None) -> Rows:
    """Banking77's training texts, each with one of 77 intents."""
    if data is None:
        return hub.banking()
    with (data / "topics" / "banking77_train.csv").open(encoding="utf-8", newline="") as file:
        return [(row["text"], (row["category"],)) for row in csv.DictReader(file)]


def clinc(data: Path | None) -> dict[str, Rows]:
    """CLINC150's parts "train", "val", "oos_train" and "oos_val"; the label of the last two is "oos"."""
    if data is None:
        return hub.clinc()
    parts = json.loads((data / "topics" / "clinc150_train_val.json").read_text(encoding="utf-8"))
    return {name: [(text, (label,)) for text, label in rows] for name, rows in parts.items()}


def sms(data: Path | None) -> Rows:
    """The SMS Spam Collection's messages, "ham" or "spam"."""
    if data is None:
        return hub.sms()
    with (data / "topics" / "sms_spam_train.tsv").open(encoding="utf-8", newline="\n") as file:
        rows = [line.rstrip("\r\n").split("\t", 1) for line in file]
    return [(text, (label,)) for label, text in rows]


# ---- What the recipes learn from.


def spam(data: Path | None) -> WholeTexts:
    """Messages, no two the same: a twelfth for temperature, a twelfth to report on, the rest to learn from.

    Since temperature changes no answer, the first twelfth is reported on as well, apart.
    """
    rows = unique(sms(data))
    parts = {name: [row for row in rows if _part(row[0], 1 / 12) == name] for name in ("train", "dev", "test")}
    held = {name: labelled(SPAM_LABELS, part) for name, part in parts.items()}
    return WholeTexts(held["train"], held["dev"], {part: held[part] for part in ("dev", "test")})


def topics(data: Path | None) -> WholeTexts:
    """GoEmotions' comments, each with one or several of 28; its dev set in two halves, and none of it in training."""
    train, dev = emotion_rows(data)
    named = unique((text, tuple(EMOTIONS[i] for i in indices)) for text, indices in dev)
    halves = [[row for row in named if int(2 * share(row[0])) == half] for half in (0, 1)]
    rows = unique(((text, tuple(EMOTIONS[i] for i in indices)) for text, indices in train), [t for t, _ in named])
    dev_half, test_half = (labelled(EMOTIONS, half) for half in halves)
    return WholeTexts(labelled(EMOTIONS, rows), dev_half, {"test": test_half})


# Of CLINC150's other intents: no text of these is trained on, so that recall can be told of matters that are new.
UNSEEN_SHARE = 1 / 5
PER_INTENT = 16  # texts of each of the others that are trained on as out of scope


def intent(data: Path | None) -> WholeTexts:
    """Banking77's 77 intents, and "out_of_scope" from CLINC150: its "oos" questions and its intents that no bank is asked.

    Held out: a tenth of Banking77 ("dev" half, "test" half); CLINC150's val, of intents in training ("out of scope"), of
    intents never trained on ("out of scope, new intents"), and its own out-of-scope questions ("out of scope, CLINC150's own").
    """
    sets = clinc(data)
    bank = unique(banking(data))
    parts = {name: [row for row in bank if _part(row[0], 1 / 20) == name] for name in ("train", "dev", "test")}
    taken = [text for text, _ in bank]
    others = sorted({label for _, (label,) in sets["train"]} - set(CLINC_ABOUT_BANKING))
    unseen = {name for name in others if share(name) < UNSEEN_SHARE}
    outside: Rows = []
    counts: dict[str, int] = {}
    for text, (name,) in unique(sorted(sets["train"], key=lambda row: share(row[0])), taken):
        if name in others and name not in unseen and counts.get(name, 0) < PER_INTENT:
            counts[name] = counts.get(name, 0) + 1
            outside.append((text, (OUT_OF_SCOPE,)))
    outside = unique([*outside, *((text, (OUT_OF_SCOPE,)) for text, _ in sets["oos_train"])], taken)
    learned = [*taken, *(text for text, _ in outside)]
    val = unique(sets["val"], learned)
    seen_val = [(text, (OUT_OF_SCOPE,)) for text, (name,) in val if name in others and name not in unseen]
    new_val = [(text, (OUT_OF_SCOPE,)) for text, (name,) in val if name in unseen]
    own_val = unique(((text, (OUT_OF_SCOPE,)) for text, _ in sets["oos_val"]), learned)
    halves = [[row for row in seen_val if int(2 * share(row[0])) == half] for half in (0, 1)]
    held = {
        "test": parts["test"],
        "out of scope": halves[1],
        "out of scope, new intents": new_val,
        "out of scope, CLINC150's own": own_val,
    }
    # As many out of scope in dev as an intent has there, or the temperature would be that of telling banks from the rest.
    dev = [*parts["dev"], *sorted(halves[0], key=lambda row: share(row[0]))[: len(parts["dev"]) // 10]]
    train = [*parts["train"], *outside]
    return WholeTexts(
        labelled(INTENTS, train), labelled(INTENTS, dev), {name: labelled(INTENTS, rows) for name, rows in held.items()}
    )


HELD_OUT_CLASSES = 1 / 4  # of each set's classes zero-shot never sees


@dataclass(frozen=True)
class Labelled:
    """A set's texts, each with the name of its one label, out of `classes`."""

    texts: tuple[str, ...]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(sorted(set(self.names)))


@dataclass(frozen=True)
class ZeroShot:
    """`train`: sets to make episodes of. `dev`: other texts of the same classes. `held`: classes that were never trained on."""

    train: dict[str, Labelled]
    dev: dict[str, Labelled]
    held: dict[str, Labelled]


def zero_shot(data: Path | None) -> ZeroShot:
    """Banking77 and CLINC150 without the classes that are held out: a quarter of each set's, chosen by their names.

    No text of a held-out class, and not its name, is in training. Dev: a twelfth of Banking77's other texts, and the other
    classes in CLINC150's val.
    """
    bank, sets = unique(banking(data)), clinc(data)
    new_bank, new_clinc = held_out(BANKING77), held_out({label for _, (label,) in sets["train"]})
    known = [row for row in bank if row[1][0] not in new_bank]
    train = [row for row in unique(sets["train"], [t for t, _ in bank]) if row[1][0] not in new_clinc]
    rest = unique([*sets["val"], *sets["train"]], [text for text, _ in (*bank, *train)])
    return ZeroShot(
        {"Banking77": _plain(row for row in known if share(row[0]) >= 1 / 12), "CLINC150": _plain(train)},
        {
            "Banking77": _plain(row for row in known if share(row[0]) < 1 / 12),
            "CLINC150": _plain(row for row in rest if row[1][0] not in new_clinc),
        },
        {
            "CLINC150, new classes": _plain(row for row in rest if row[1][0] in new_clinc),
            "Banking77, new classes": _plain(row for row in bank if row[1][0] in new_bank),
        },
    )


def held_out(names: Iterable[str]) -> frozenset[str]:
    """A quarter of the names, those whose SHA-256 comes first."""
    ordered = sorted(names, key=share)
    return frozenset(ordered[: round(HELD_OUT_CLASSES * len(ordered))])


def words_of(name: str) -> str:
    """A label's words: underscores are spaces, and no question mark at the end."""
    return " ".join(name.replace("_", " ").split()).rstrip("?").rstrip() or name


def _plain(rows: Iterable[tuple[str, tuple[str, ...]]]) -> Labelled:
    kept = list(rows)
    return Labelled(tuple(text for text, _ in kept), tuple(name for _, (name,) in kept))


def _part(text: str, size: float) -> str:
    place = share(text)
    return "dev" if place < size else "test" if place < 2 * size else "train"
