"""Log-densities over the process views."""
