"""The networks of fields, and the kernels that evaluate them and their derivatives quickly."""
