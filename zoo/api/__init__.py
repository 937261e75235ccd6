"""The command line in Python: the same defaults, options as keyword arguments, records that print as tables."""
