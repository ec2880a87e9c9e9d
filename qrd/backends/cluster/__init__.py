"""Any backend, on the machines of a Ray cluster."""
