"""What every model can do, DiffFlow, and its rivals."""
