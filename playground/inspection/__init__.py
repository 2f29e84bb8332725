"""Looking into a model: numbers in, numbers out. Knows no call, no cache, no page; imports torch only when it is used."""
