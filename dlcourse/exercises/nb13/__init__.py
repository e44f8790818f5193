"""The exercises of notebook 13, Same code, another engine."""
