"""Runs models on this machine: cache, memory, loaders, scheduler, operations. No torch before a model is loaded."""
