"""The exercises of notebook 04, The prediction layer."""
