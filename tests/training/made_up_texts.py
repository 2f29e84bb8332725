"""Banking77, CLINC150, GoEmotions and SMS, small, in the shared data's layout, with sentences of our own."""

import csv
import json
from pathlib import Path

from playground.training.data import EMOTIONS
from playground.training.label_names import BANKING77

OTHER = ("weather", "timer", "calories", "play_music", "definition", "translate", "jokes", "traffic")


def write(root: Path) -> Path:
    """The sets below `root`, which is returned."""
    topics = root / "topics"
    topics.mkdir()
    with (topics / "banking77_train.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "category"])
        for i, name in enumerate(BANKING77):
            rows.writerows([f"{n}: please help me with the {name.replace('_', ' ')}", name] for n in range(i % 3 + 4))
    own = {part: [[f"{part} {n}: what a strange thing to ask", "oos"] for n in range(8)] for part in ("train", "val")}
    parts = {
        part: [[f"{part} {n}: tell me about {name.replace('_', ' ')}", name] for name in OTHER for n in range(count)]
        for part, count in (("train", 12), ("val", 6))
    }
    parts |= {f"oos_{part}": rows for part, rows in own.items()}
    (topics / "clinc150_train_val.json").write_text(json.dumps(parts))
    for part, count in (("train", 200), ("dev", 120)):
        lines = []
        for i in range(count):
            found = [i % 28] if i % 4 else sorted({i % 28, (i + 3) % 28})
            said = " and ".join(EMOTIONS[j] for j in found)
            lines.append(f"{part} {i}: so much {said} here\t{','.join(map(str, found))}\tid")
        (topics / f"goemotions_{part}.tsv").write_text("\n".join(lines) + "\n")
    lines = [f"spam\tWIN {i} pounds now call" if i % 4 == 0 else f"ham\tsee you at {i} then" for i in range(160)]
    (topics / "sms_spam_train.tsv").write_text("\n".join(lines) + "\n")
    return root
