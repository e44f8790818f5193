"""The exercises of notebook 03, A layer."""
