"""Runs models on this machine: cache, memory, loaders, scheduler, operations. Nothing here imports torch until a model is loaded."""
