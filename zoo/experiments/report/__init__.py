"""A run as sections, and the formats that render them."""
