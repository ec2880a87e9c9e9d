"""The ways rows come in: local files, the hub, reasoning-gym.

A way must not know what a row means.
"""
