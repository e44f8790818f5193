"""The exercise of notebook 00."""
