"""What is to be done: the plan, its jobs, and what each result depends on."""
