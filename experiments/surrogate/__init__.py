"""The fit of the surrogate on networks that were really trained: tables, fit, validation, report."""
