"""Facts to a page that people can look at: counts, figures as SVG, and one HTML file that needs nothing else.

Why it exists: a table of numbers is believed, a picture is understood. It must not know how models are evaluated or
trained, and takes every text it is given for hostile: text becomes markup in `svg.element` and in the template, which
escape all of it, and nowhere else.
"""
