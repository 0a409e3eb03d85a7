"""What every model can do, DiffFlow, and the two baselines."""
