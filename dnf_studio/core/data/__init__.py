"""Where x_0 comes from: built-in sets, tables, pictures, images, drawings. `catalogue` finds them by name or file."""
