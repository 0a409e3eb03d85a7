"""How far the forward cloud is from the backward cloud at every step."""
