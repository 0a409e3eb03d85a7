"""What there is to tell of one model or of several, as one file of HTML that needs nothing else.

`measured` finds the numbers, `apart` holds models against each other, `known` and `sections` word it, `page` is the
file around it. `drawing` makes curves, bars and clouds, as text of SVG; the report of `dnf-studio reproduce` has them
too.
"""
