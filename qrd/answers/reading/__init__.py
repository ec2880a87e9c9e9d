"""How a reply is read before it is known what it answers: characters, thoughts, languages, cues and statements.

It must not know of tasks.
"""
