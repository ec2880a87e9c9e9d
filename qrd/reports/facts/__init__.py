"""What a page tells, gathered: files, run folders, manifests and predictions, counted once.

It must not know how anything is drawn.
"""
