"""Where work is done: device, precision and threads, versions, memory."""
