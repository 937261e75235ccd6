"""The files that GLUE's website takes."""
