"""From images to rows of features, and back."""

import math
from typing import Any


def flatten(x: Any, *, y: Any = None) -> Any:
    """y[n, (i X + j) C + c] = x[n, i, j, c]      x (B,Y,X,C)  ->  y (B,Y*X*C)

    Features are numbered in the order Y, X, C, whatever their order in memory. Without y: a view where it can be one.
    """
    if y is None:
        return x.reshape(len(x), math.prod(x.shape[1:]))
    y.reshape(x.shape)[...] = x  # to cut one axis into several never copies
    return y


def flatten_backward(dy: Any, x: Any, *, dx: Any = None) -> Any:
    """dx[n, i, j, c] = dy[n, (i X + j) C + c]      dy (B,Y*X*C)  x (B,Y,X,C)  ->  dx (B,Y,X,C)"""
    if dx is None:
        return dy.reshape(x.shape)
    if dx is not False:
        dx[...] = dy.reshape(x.shape)
    return dx
