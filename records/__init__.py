"""What a run leaves behind: its directory, manifest, ledger and lock, and how they are written safely.

Standard library only, and nothing of effsearch: everything else may import it, at no cost.
"""
