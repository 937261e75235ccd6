"""A document of sections (tables, figures, notes), and the formats that render all of it."""

from zoo.document.blocks import MISSING, Block, Document, Figure, Notes, Section, Table

__all__ = ["MISSING", "Block", "Document", "Figure", "Notes", "Section", "Table"]
