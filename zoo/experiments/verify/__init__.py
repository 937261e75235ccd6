"""Verifying a run's results: checking its files, repeating its jobs."""
