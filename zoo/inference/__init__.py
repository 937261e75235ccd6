"""Using a trained model: vectors of texts, words for masks, predictions of a task."""
