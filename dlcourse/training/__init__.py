"""Gradient descent: optimizers act on two flat vectors, a Step turns a batch into an update, fit repeats it."""
