"""The paper's comparisons on this machine: three kinds of model with equal budgets, measured alike, and a report.

`plan` says what is compared, `cell` trains and measures one model, `results` keeps what was found, `verdicts`
holds it against the paper's claims, `figures` and `report` show it, `compare` does all of it.
"""
