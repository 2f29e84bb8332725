"""One file per kind of model, each with a `LOADER`. None imports torch before it loads."""
