"""The plan, its jobs, and what each result depends on."""
