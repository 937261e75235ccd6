"""Plugins and their offers, the catalog, expressions, and the rules of compatible parts."""
