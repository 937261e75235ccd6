"""Doing the jobs: executors, locks, progress, time estimates."""
