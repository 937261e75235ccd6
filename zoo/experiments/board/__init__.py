"""A leaderboard over many runs: one page, made from their folders alone."""
