"""What a file of records holds: the kind of each row, counts, conditions on fields, and single records as text.

Why it exists: looking at data is the cheapest check there is. It must not know of models or answers, it changes no
file, and it takes every text for hostile: what it returns still has to go through `qrd.console.clean` on its way out.
"""
