"""The records, interfaces and errors that every other room stands on; no torch in the records."""
