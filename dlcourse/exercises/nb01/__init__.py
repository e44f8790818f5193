"""The exercises of notebook 01, One unit."""
