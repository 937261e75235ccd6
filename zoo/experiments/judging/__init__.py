"""Predictions of other tools made into a run that is compared like any other."""
