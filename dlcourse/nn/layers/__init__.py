"""Layers: an operation plus the arrays that its backward needs."""

from .base import Layer
from .containers import Residual, Sequential
from .conv import Conv2D
from .dense import Dense
from .dropout import Dropout
from .elementwise import ELU, GELU, GELUTanh, LeakyReLU, ReLU, Sigmoid, SiLU, Softplus, Tanh
from .norm import BatchNorm, LayerNorm
from .pooling import AvgPool2D, GlobalAvgPool2D, MaxPool2D
from .shape import Flatten
from .softmax import LogSoftmax, Softmax
