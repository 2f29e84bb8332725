"""One file per task; each exports `TASK`. A new file here is a new task."""

from __future__ import annotations

import sys

from playground.core.registry import Registry, modules_in
from playground.core.task import Task


def find_tasks() -> Registry[Task]:
    """Every `TASK` of this package's modules, by `order` in the module where it has one, else by name."""
    modules = [module for module in modules_in(sys.modules[__name__]) if hasattr(module, "TASK")]
    tasks: Registry[Task] = Registry("task")
    for module in sorted(modules, key=lambda module: (getattr(module, "ORDER", 100), module.__name__)):
        tasks.add(module.TASK.name, module.TASK)
    return tasks
