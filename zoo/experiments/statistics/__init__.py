"""What the results show: tests, intervals, verdicts, selected settings, costs."""
