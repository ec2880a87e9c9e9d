"""Numbers to SVG: axes, charts and flows, each text in them taken for hostile.

It must not know what the numbers mean.
"""
