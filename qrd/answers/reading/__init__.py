"""How a reply is read before it is known what it answers.

It must not know of tasks.

Where to begin: a reply passes here in this order, and the first four are one line each in ``answers.grading``:

glyphs      characters made plain: nothing invisible, no look-alikes
thoughts    what the model thought, cut from what it answered
envelopes   an answer out of JSON, tags and the like
gloss       announcements of other languages in English, from the tables of ``languages``
markers     lines and sentences to statements, each with its ``cues``; `settle` says which of them counts

``labels`` and ``listing`` are what readers of few fixed answers share: negation and doubt, and lists of options.
"""
