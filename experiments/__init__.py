"""Named reproductions, fits and benchmarks; each a short module that says how to run it and what to expect."""
