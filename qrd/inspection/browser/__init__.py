"""The full-screen terminal browser of `qrd inspect`, on textual, which nothing else of qrd imports.

Every text that is shown went through `qrd.console.clean` and is put on the screen as it is, never as markup. Work that
takes longer than a keystroke is done by the threads of `qrd.inspection`; the browser looks at what they have so far.
"""
