"""The fit of the scaling laws to published results."""
