"""The whole recipe on public images: a YAML each, for `effsearch run --config`. docs/own-images.md has the results."""
