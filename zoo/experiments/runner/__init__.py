"""Running jobs: executors, locks, progress, time estimates."""
