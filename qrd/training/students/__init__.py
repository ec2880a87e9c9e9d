"""Students: loaded, run on their paths, and what their layers and adapters need for it."""
