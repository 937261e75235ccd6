"""One pre-training, from text to a model, stopped and resumed: `zoo pretrain`, and the jobs of a comparison."""
