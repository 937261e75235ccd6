"""The package of a new plugin: templates, and what writes them."""
