"""A small synthetic world: running text to pre-train on, and five tasks about what the text teaches."""

from zoo.tasks.microworld.documents import documents

__all__ = ["documents"]
