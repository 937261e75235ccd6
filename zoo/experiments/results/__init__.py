"""What was measured, on disk: result files, gold labels, merged runs."""
