"""Update rules: how parameters follow their gradient downhill. Every rule works on flat vectors, or on pieces of them.

lr, mu, beta1 ... are Python floats, or 0-d arrays of θ's own backend and dtype: data, so that a captured graph sees
them change. `new` may be theta itself (and new_v be v ...): then the rule works in place. `tmp` is scratch of θ's size.
"""

from typing import Any

from ...backends import backend_of


def sgd(theta: Any, grad: Any, lr: Any, *, new: Any = None, tmp: Any = None) -> Any:
    """θ ← θ − η ∇      theta (N,)  grad (N,)  lr ()  ->  new (N,)"""
    xp = backend_of(theta).xp
    tmp = xp.multiply(grad, lr, out=tmp)
    return xp.subtract(theta, tmp, out=new)


def momentum(theta: Any, grad: Any, v: Any, lr: Any, mu: Any, *,
             new: Any = None, new_v: Any = None, tmp: Any = None) -> tuple[Any, Any]:  # fmt: skip
    """v ← μ v + ∇   θ ← θ − η v      theta (N,)  grad (N,)  v (N,)  lr ()  mu ()  ->  new (N,)  new_v (N,)"""
    xp = backend_of(theta).xp
    new_v = xp.multiply(v, mu, out=new_v)
    new_v += grad
    tmp = xp.multiply(new_v, lr, out=tmp)
    return xp.subtract(theta, tmp, out=new), new_v


def nesterov(theta: Any, grad: Any, v: Any, lr: Any, mu: Any, *,
             new: Any = None, new_v: Any = None, tmp: Any = None) -> tuple[Any, Any]:  # fmt: skip
    """v ← μ v + ∇   θ ← θ − η (∇ + μ v)      theta (N,)  grad (N,)  v (N,)  lr ()  mu ()  ->  new (N,)  new_v (N,)"""
    xp = backend_of(theta).xp
    new_v = xp.multiply(v, mu, out=new_v)
    new_v += grad
    tmp = xp.multiply(new_v, mu, out=tmp)
    tmp += grad
    tmp *= lr
    return xp.subtract(theta, tmp, out=new), new_v


def rmsprop(theta: Any, grad: Any, v: Any, lr: Any, rho: Any, eps: Any, *,
            new: Any = None, new_v: Any = None, tmp: Any = None) -> tuple[Any, Any]:  # fmt: skip
    """v ← ρ v + (1−ρ) ∇²   θ ← θ − η ∇ / (√v + ε)      theta (N,)  grad (N,)  v (N,)  ->  new (N,)  new_v (N,)

    eps must not be zero: where a gradient has always been zero, √v is zero too.
    """
    xp = backend_of(theta).xp
    new_v, tmp = mean_square(grad, v, rho, new_v=new_v, tmp=tmp)
    tmp = xp.sqrt(new_v, out=tmp)
    tmp += eps
    tmp = xp.divide(grad, tmp, out=tmp)
    tmp *= lr
    return xp.subtract(theta, tmp, out=new), new_v


def adam(theta: Any, grad: Any, m: Any, v: Any, step: Any, beta1: Any, beta2: Any, eps: Any, *,
         new: Any = None, new_m: Any = None, new_v: Any = None, tmp: Any = None) -> tuple[Any, Any, Any]:  # fmt: skip
    """m ← β1 m + (1−β1) ∇   v ← β2 v + (1−β2) ∇²   θ ← θ − step m / (√v + eps)      all (N,)  ->  new, new_m, new_v

    step and eps carry the bias correction: step = η √(1−β2ᵗ) / (1−β1ᵗ) and eps = ε √(1−β2ᵗ) make the update
    η m̂ / (√v̂ + ε) of Kingma & Ba, algorithm 1, where m̂ = m / (1−β1ᵗ) and v̂ = v / (1−β2ᵗ): two numbers are
    corrected instead of two vectors.
    """
    xp = backend_of(theta).xp
    tmp = xp.multiply(grad, 1 - beta1, out=tmp)
    new_m = xp.multiply(m, beta1, out=new_m)
    new_m += tmp
    new_v, tmp = mean_square(grad, v, beta2, new_v=new_v, tmp=tmp)
    tmp = xp.sqrt(new_v, out=tmp)
    tmp += eps
    tmp = xp.divide(new_m, tmp, out=tmp)
    tmp *= step
    return xp.subtract(theta, tmp, out=new), new_m, new_v


def adamw(theta: Any, grad: Any, m: Any, v: Any, step: Any, beta1: Any, beta2: Any, eps: Any, decay: Any, *,
          new: Any = None, new_m: Any = None, new_v: Any = None, tmp: Any = None) -> tuple[Any, Any, Any]:  # fmt: skip
    """θ ← θ − decay θ, then θ, m, v as in adam      all (N,)  ->  new, new_m, new_v (N,)

    decay is ηλ, one number or a vector like θ (zero where nothing decays); the vector may lie in tmp.
    """
    xp = backend_of(theta).xp
    tmp = xp.multiply(theta, decay, out=tmp)
    new = xp.subtract(theta, tmp, out=new)
    return adam(new, grad, m, v, step, beta1, beta2, eps, new=new, new_m=new_m, new_v=new_v, tmp=tmp)


def weight_decay(theta: Any, grad: Any, decay: Any, *, new_grad: Any = None, tmp: Any = None) -> Any:
    """∇ ← ∇ + λ θ      the gradient of ½ λ Σ θ², the L2 penalty      theta (N,)  grad (N,)  decay ()  ->  new_grad (N,)

    decay is one number or a vector like θ (zero where nothing decays); the vector may lie in tmp.
    """
    xp = backend_of(theta).xp
    tmp = xp.multiply(theta, decay, out=tmp)
    return xp.add(grad, tmp, out=new_grad)


# ---- parts of rules


def mean_square(grad: Any, v: Any, rho: Any, *, new_v: Any = None, tmp: Any = None) -> tuple[Any, Any]:
    """v ← ρ v + (1−ρ) ∇²      grad (N,)  v (N,)  rho ()  ->  new_v (N,)  tmp (N,)"""
    xp = backend_of(grad).xp
    tmp = xp.multiply(grad, grad, out=tmp)
    tmp *= 1 - rho
    new_v = xp.multiply(v, rho, out=new_v)
    new_v += tmp
    return new_v, tmp


def sum_of_squares(grad: Any, *, tmp: Any = None) -> Any:
    """s = Σ ∇²      grad (N,)  ->  s ()      the square of the gradient's length, which clipping asks for"""
    return backend_of(grad).xp.multiply(grad, grad, out=tmp).sum()
