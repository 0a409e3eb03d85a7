"""The excess of each step, and what each step contributes to the bound."""
