"""The from-scratch transformer and its tokenizer: to be read, trained and used. Imports torch and nothing else of ours."""
