"""Four Tiers Playground: the same input through four ways of using a transformer."""

__version__ = "0.1.0"
