"""Measurements, and the checks of a GPU."""
