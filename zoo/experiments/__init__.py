"""A comparison from its plan to its report: plan, runner, results, statistics, report, verify, submission."""
