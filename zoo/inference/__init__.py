"""What a trained model is used for: vectors of texts, words for masks, predictions of a task."""
