"""What plots are made of: the card around each, layers that draw, colours, picking, numbers in words."""
