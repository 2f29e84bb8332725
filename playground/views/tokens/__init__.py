"""The tokenizer's page: one file per panel."""
