"""The exercises of notebook 06, Backpropagation on a graph."""
