"""The plain loop that every engine must equal; it lives in the package, where it is also the reference of speed."""
