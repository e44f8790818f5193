"""A patch of an image becomes one number."""

from .base import Fixed, counted


class Pool2D(Fixed):
    """y[n,i,j] = one number of the patch x[n, iS:iS+size, jS:jS+size]      x (B,Y,X,C)  ->  y (B,Y',X',C)"""

    shown = ("size",)

    def __init__(self, size: int = 2, stride: int | None = None):
        self.size, self.stride = size, size if stride is None else stride
        self.how = dict(size=size, stride=self.stride)
        counted(self, **self.how)

    def shape(self, x: tuple) -> tuple:
        if len(x) != 4 or min(x[1:3]) < self.size:
            raise self.refuse(f"images (B, Y, X, C) with Y and X of at least {self.size}", x)
        return (x[0], *((n - self.size) // self.stride + 1 for n in x[1:3]), x[3])


class MaxPool2D(Pool2D):
    """y = the largest number of each patch; what does not fill a patch is left out"""

    op = "maxpool2d"


class AvgPool2D(Pool2D):
    """y = the mean of each patch; what does not fill a patch is left out"""

    op = "avgpool2d"


class GlobalAvgPool2D(Fixed):
    """y = the mean of each channel      x (B,Y,X,C)  ->  y (B,C)"""

    op = "global_avgpool2d"

    def shape(self, x: tuple) -> tuple:
        if len(x) != 4:
            raise self.refuse("images (B, Y, X, C)", x)
        return (x[0], x[3])
