"""The exercises of notebook 02, A unit learns."""
