"""The words on screen for the things every room names."""

TIER_TITLES = {
    "hosted": "Hosted API",
    "pretrained": "Pretrained",
    "finetuned": "Fine-tuned",
    "scratch": "From scratch",
}
