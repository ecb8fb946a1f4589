"""A run directory as something to read: plain values (`run`), the figure, terminal tables. No torch, ray or optuna."""
