"""Where a run lives: devices, shards, processes, and the memory it will need."""
