"""Where work is done: versions, processor, device and memory."""
