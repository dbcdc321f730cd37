"""Which cloud the process runs in, asked of the cloud itself: nothing is sent before one of these functions is called."""
