"""One vector of the many that a model makes of a text: poolings, and what a sentence encoder does afterwards."""
