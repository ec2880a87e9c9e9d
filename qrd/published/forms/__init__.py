"""The forms in which data sets are published, one a file: a row in, the fields of a question out.

A form sees one row. To add one: a file here and its line in `qrd.published.FORMS`.
"""
