"""A document of sections (tables, figures, notes), and the formats that render all of it."""

from zoo.core.made import Made
from zoo.document.blocks import MISSING, Block, Document, Figure, Notes, Section, Table
from zoo.document.charts import Axis, Chart, Panel, Point, Series

__all__ = [
    "MISSING",
    "Axis",
    "Block",
    "Chart",
    "Document",
    "Figure",
    "Made",
    "Notes",
    "Panel",
    "Point",
    "Section",
    "Series",
    "Table",
]
