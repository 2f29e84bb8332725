"""Recipes that made the bundled checkpoints, and that anyone can run again. Importing this imports no torch."""

from playground.training.recipes import RecipeInfo, TrainProgress, recipes, run

__all__ = ["RecipeInfo", "TrainProgress", "recipes", "run"]
