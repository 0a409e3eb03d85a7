"""What shows: the views and the plots below them."""
