"""What is made of a trained model: programs for other runtimes."""
