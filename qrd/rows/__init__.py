"""Records on the disk: what they are, read line by line, written so that nothing is lost or doubled.

Why it exists: there is one reader and one writer, and one list of the files beside an output. It must not know what a
verb does with a row.
"""
