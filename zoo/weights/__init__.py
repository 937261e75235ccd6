"""Weights on disk: safetensors and JSON, never a pickle."""
