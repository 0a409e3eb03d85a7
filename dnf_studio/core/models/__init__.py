"""What every model can do, DiffFlow, and the two baselines; their networks, and how these are evaluated quickly."""
