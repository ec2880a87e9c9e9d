"""Makes what stands beside it, such as `tiny_models`, importable from every test."""
