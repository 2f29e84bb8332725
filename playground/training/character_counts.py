"""What counting characters foretells: the yardstick of models that write letter by letter. No torch.

Counts of one character, of pairs, of triples and so on, mixed by Witten and Bell's rule (1991, IEEE Transactions on Information
Theory 37(4), "method C"; Chen and Goodman 1998, section 2.4): the more kinds of characters followed some context, the more is left
to shorter ones.
"""

import math
from collections import Counter


def nats_per_character(train: str, test: str, order: int) -> float:
    """The mean negative log-likelihood of the characters of `test`, each after the `order` - 1 before it, by what was counted in
    `train`. The first ones have fewer before them. Characters that only `test` has are as likely as one that was never counted.
    """
    counts: list[Counter[str]] = [
        Counter(train[i : i + n + 1] for i in range(len(train) - n)) for n in range(order)
    ]  # of n characters and the one that follows
    totals: list[Counter[str]] = []
    kinds: list[Counter[str]] = []
    for table in counts:
        total, kind = Counter[str](), Counter[str]()
        for gram, count in table.items():
            total[gram[:-1]] += count
            kind[gram[:-1]] += 1
        totals.append(total)
        kinds.append(kind)
    letters = len(set(train) | set(test))
    found = 0.0
    known: dict[str, float] = {}

    def probability(gram: str) -> float:
        """Of the last character after the others."""
        if gram not in known:
            n, before = len(gram) - 1, gram[:-1]
            shorter = probability(gram[1:]) if n else 1 / letters
            total, kind = totals[n][before], kinds[n][before]
            known[gram] = (counts[n][gram] + kind * shorter) / (total + kind) if total else shorter
        return known[gram]

    for place in range(len(test)):
        found -= math.log(probability(test[max(0, place - order + 1) : place + 1]))
    return found / len(test)
