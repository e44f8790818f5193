"""The exercises of notebook 07, Backpropagation in layers."""
