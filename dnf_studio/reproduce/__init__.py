"""The kinds of model compared on this machine with equal budgets, measured alike, and a report.

`plan` says what is compared, `protocol` what is decided before. `cell` trains and measures one model, `results` keeps
what was found, `distances` joins seeds, `verdicts` and `learned` hold claims against it, `report` shows it, `compare`
does all of it, in as many sittings as it takes.
"""
