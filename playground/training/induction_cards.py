"""What the cards of the models for the induction test say that no run can measure."""

from functools import partial

from playground.training import cards

_words = partial(
    cards.Words,
    task="",
    tier="scratch",
    data=(
        "**Nothing from outside.** 96 random characters (letters, digits, the blank) at a time, made up on the spot from the "
        "seed. In each a stretch of 8 to 32 characters is said over and over; where it begins, how long it is and how much stands "
        "between two times are drawn anew, so that neither a place nor a distance gives anything away.",
    ),
    license="CC0",
    held_out=(
        "texts made up from another seed (“test”). Accuracy counts the characters that can be known: they and the one before them "
        "were said in this order already"
    ),
    repeats=", no two the same",
    reads="It sees {max_length} characters of a text, from its beginning.",
    made_up=True,
)
_NO_LANGUAGE = "It knows no language and serves no task: it is here to be looked into. Characters but the 64 it knows are left out."

TWO = _words(
    title="Two layers that learned to repeat: where induction heads are",
    trained_on="random characters, a stretch of them said over and over, and nothing else",
    limits=(
        _NO_LANGUAGE,
        "It has feed-forward layers, as our GPT always has; the models of Elhage et al. 2021 had attention alone.",
        "That some heads of its second layer are induction heads is measured, by the test with repeated random tokens; that "
        "nothing else in it helps with repeating is not.",
        "It is not the only way to learn it. Seed 1 gives such heads too (0.989); but trained on 128 characters at a time, tried "
        "before, with seed 1 the same model reached 0.87, and no head of it passed the test: its first layer told each token what "
        "stood 18 and 19 places before it, and its second looked 18 places past the place that it sought.",
    ),
)
ONE = _words(
    title="One layer that could not learn to repeat: the same without induction heads",
    trained_on="random characters, a stretch of them said over and over, and nothing else: as induction-two-layers",
    limits=(
        _NO_LANGUAGE,
        "It is bad at its only exercise, and is meant to be: with one layer no head can know what stood before the token that it "
        "looks at. What it gains over chance is of the kind that counting gives: what was said before is said again more often.",
    ),
)
