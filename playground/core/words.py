"""The words on screen for the things every room names."""

TIER_TITLES = {
    "hosted": "Hosted API",
    "pretrained": "Pretrained",
    "finetuned": "Fine-tuned",
    "scratch": "From scratch",
}

# On the stand-in's card. The same words before and after the answer, so that the card keeps still.
STAND_IN_NOTE = "Shows how an API call works, not how good one is. Left out of the comparison."
