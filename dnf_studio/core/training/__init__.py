"""The engines that compute gradients, and `Run`, which yields a report for each iteration."""
