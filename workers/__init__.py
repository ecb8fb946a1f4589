"""Run evaluations in batches: in this process (`local`)."""
