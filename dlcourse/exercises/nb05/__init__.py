"""The exercises of notebook 05, Hidden layers."""
