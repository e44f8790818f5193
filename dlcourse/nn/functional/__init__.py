"""The equations of the course: each operation is a forward function and its backward function.

Positional parameters are the mathematics. Keyword-only ones are options, and then where to write:
None a new array, a buffer reuse it, False not wanted. Every function returns what it wrote, in the dtype of its inputs.
"""

from types import FunctionType

# ruff: noqa: I001
# fmt: off
from .conv import conv2d, conv2d_backward
from .dense import dense, dense_backward
from .dropout import dropout, dropout_backward
from .elementwise import (add, add_backward, elu, elu_backward, gelu, gelu_backward, gelu_tanh, gelu_tanh_backward,
                          leaky_relu, leaky_relu_backward, relu, relu_backward, sigmoid, sigmoid_backward, silu,
                          silu_backward, softplus, softplus_backward, tanh, tanh_backward)
from .losses import (binary_cross_entropy, binary_cross_entropy_backward, mean_squared_error,
                     mean_squared_error_backward, softmax_cross_entropy, softmax_cross_entropy_backward)
from .norm import (alone, batchnorm, batchnorm_backward, layernorm, layernorm_backward, normalize,
                   normalize_backward, update_running)
from .pooling import (avgpool2d, avgpool2d_backward, global_avgpool2d, global_avgpool2d_backward, maxpool2d,
                      maxpool2d_backward)
from .shape import flatten, flatten_backward
from .softmax import log_softmax, log_softmax_backward, softmax, softmax_backward
from .updates import adam, adamw, momentum, nesterov, rmsprop, sgd, sum_of_squares, weight_decay
# fmt: on

EQUATIONS = {name: f for name, f in list(globals().items()) if isinstance(f, FunctionType) and f is not alone}
