"""What bounds a run: money, time, calls at once, a signal to stop. All backends of a run share one of each.

It must not know how a call is made or what a model is.
"""
