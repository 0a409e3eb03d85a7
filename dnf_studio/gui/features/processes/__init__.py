"""Both processes: the 2-D views, the t–x view, and the colours of points."""
