"""Whether a run's results are true: its files checked, its jobs repeated."""
