"""Predictions and gold labels that other tools wrote: read, told apart and matched."""
