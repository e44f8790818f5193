"""Each rule against its paper, written out in float64 and without tricks, and against PyTorch where it is there."""

import tracemalloc

import numpy as np
import pytest

from dlcourse.backends import NUMPY
from dlcourse.nn import functional as F
from dlcourse.nn.ops import table
from dlcourse.training.optimizers import SGD, Adam, AdamW, Momentum, Nesterov, RMSProp

N = 70_000  # three blocks on NumPy, the last one short
RULES = [
    (SGD, dict(lr=0.1)),
    (Momentum, dict(lr=0.05, mu=0.8)),
    (Nesterov, dict(lr=0.05, mu=0.8)),
    (RMSProp, dict(lr=0.01, rho=0.95, eps=1e-6)),
    (Adam, dict(lr=0.02, beta1=0.8, beta2=0.95, eps=1e-6)),
    (AdamW, dict(lr=0.02, beta1=0.8, beta2=0.95, eps=1e-6, decay=0.1)),
]
rng = np.random.default_rng(11)
START, GRADS = rng.standard_normal(N), rng.standard_normal((6, N)) * np.array([1, 0.1, 3, 1, 0, 2])[:, None]
MASK = (np.arange(N) % 3 > 0).astype("float64")


def paper(kind, theta, grads, lr, mu=0.9, rho=0.9, beta1=0.9, beta2=0.999, eps=1e-8, decay=0.0, mask=1.0, clip=np.inf):
    """The published algorithm, one whole float64 array per letter."""
    m = v = 0.0
    for t, g in enumerate(grads, start=1):
        g = g * min(1.0, clip / max(np.sqrt(np.sum(g * g)), 1e-300))
        if kind is not AdamW:
            g = g + decay * mask * theta
        if kind is SGD:
            move = g
        elif kind is Momentum:
            v = mu * v + g
            move = v
        elif kind is Nesterov:
            v = mu * v + g
            move = g + mu * v
        elif kind is RMSProp:
            v = rho * v + (1 - rho) * g**2
            move = g / (np.sqrt(v) + eps)
        else:
            m = beta1 * m + (1 - beta1) * g
            v = beta2 * v + (1 - beta2) * g**2
            m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
            move = m_hat / (np.sqrt(v_hat) + eps) + (decay * mask * theta if kind is AdamW else 0.0)
        theta = theta - lr * move
    return theta


def run(kind, hyper, dtype="float64", grads=GRADS, **options):
    theta, grad = START.astype(dtype), np.zeros(N, dtype)
    optimizer = kind(theta, grad, **hyper, **options)
    for g in grads:
        grad[:] = g
        optimizer.step()
    return theta, optimizer


@pytest.mark.parametrize("kind, hyper", RULES)
@pytest.mark.parametrize("dtype, rtol", [("float64", 1e-12), ("float32", 1e-4)])
def test_the_rule_of_the_paper(kind, hyper, dtype, rtol):
    theta, _ = run(kind, hyper, dtype)
    assert theta.dtype == dtype
    np.testing.assert_allclose(theta, paper(kind, START, GRADS, **hyper), rtol=rtol, atol=rtol)


@pytest.mark.parametrize("kind, hyper", RULES)
@pytest.mark.parametrize("options", [dict(decay=0.1), dict(decay=0.1, mask=MASK), dict(clip=20.0)])
def test_decay_mask_and_clip(kind, hyper, options):
    theta, _ = run(kind, {**hyper, **options})
    plain, _ = run(kind, hyper)
    np.testing.assert_allclose(theta, paper(kind, START, GRADS, **{**hyper, **options}), rtol=1e-12, atol=1e-12)
    assert (kind is AdamW and "mask" not in options and "clip" not in options) or abs(theta - plain).max() > 1e-4


@pytest.mark.parametrize("kind, hyper", RULES)
def test_the_same_numbers_as_pytorch(kind, hyper):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: no second opinion on the update rules")
    names = dict(mu="momentum", rho="alpha", decay="weight_decay")
    given = {names.get(name, name): value for name, value in hyper.items()}
    if kind in (Adam, AdamW):
        given["betas"] = (given.pop("beta1"), given.pop("beta2"))
    make = dict(SGD="SGD", Momentum="SGD", Nesterov="SGD").get(kind.__name__, kind.__name__.replace("Prop", "prop"))
    p = torch.nn.Parameter(torch.tensor(START))
    other = getattr(torch.optim, make)([p], **given, **(dict(nesterov=True) if kind is Nesterov else {}))
    for g in GRADS:
        p.grad = torch.tensor(g)
        other.step()
    np.testing.assert_allclose(run(kind, hyper)[0], p.detach().numpy(), rtol=1e-10, atol=1e-10)


EQUATIONS = {  # vectors before the numbers, and numbers
    F.sgd: (2, (0.1,)),
    F.momentum: (3, (0.1, 0.9)),
    F.nesterov: (3, (0.1, 0.9)),
    F.rmsprop: (3, (0.1, 0.9, 1e-6)),
    F.adam: (4, (0.1, 0.9, 0.99, 1e-6)),
    F.adamw: (4, (0.1, 0.9, 0.99, 1e-6, 0.01)),
    F.weight_decay: (2, (0.01,)),
}


@pytest.mark.parametrize("rule", EQUATIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_equation_gives_new_arrays_or_works_in_place_and_so_does_its_body(rule, dtype, backend):
    count, numbers = EQUATIONS[rule]
    vectors = [backend.asarray(abs(a), dtype) for a in GRADS[:count, :50]]
    before = [backend.to_host(v).copy() for v in vectors]
    fresh = rule(*vectors, *numbers)
    fresh = fresh if isinstance(fresh, tuple) else (fresh,)
    for v, b in zip(vectors, before):
        np.testing.assert_array_equal(backend.to_host(v), b)
    places = [vectors[1]] if rule is F.weight_decay else [vectors[0], *vectors[2:]]
    names = ["new_grad"] if rule is F.weight_decay else ["new", *{3: ["new_v"], 4: ["new_m", "new_v"]}.get(count, [])]
    data = [backend.asarray(np.array(n), dtype) for n in numbers]
    body = getattr(table(backend, dtype), rule.__name__)
    written = body(*vectors, *data, **dict(zip(names, places)), tmp=backend.zeros((50,), dtype))
    for got, place, right in zip(written if isinstance(written, tuple) else (written,), places, fresh):
        assert got is place and right.dtype == dtype
        np.testing.assert_allclose(backend.to_host(got), backend.to_host(right), rtol=1e-5, atol=1e-6)


def test_sum_of_squares():
    assert F.sum_of_squares(np.array([3.0, -4.0])) == 25


def test_the_defaults_are_those_of_the_papers():
    theta = np.zeros(3)
    assert Adam(theta, theta.copy()).settings == dict(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8)
    assert RMSProp(theta, theta.copy()).settings["rho"] == 0.9
    assert AdamW(theta, theta.copy()).settings["decay"] == 0.01


@pytest.mark.parametrize("kind, hyper", RULES)
def test_padding_stays_zero_and_nothing_is_allocated(kind, hyper):
    theta, grad = START.astype("float32"), np.zeros(N, "float32")
    theta[1000:1050] = 0
    optimizer = kind(theta, grad, **{"decay": 0.1, **hyper}, mask=MASK, clip=10.0)
    for g in GRADS:
        grad[:] = np.where((np.arange(N) >= 1000) & (np.arange(N) < 1050), 0, g)
        tracemalloc.start()
        optimizer.step()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 20_000, f"{peak} bytes for {N} numbers of 4 bytes"
    assert (theta[1000:1050] == 0).all() and all((v[1000:1050] == 0).all() for v in optimizer.states.values())


@pytest.mark.parametrize("kind, hyper", RULES)
def test_blocks_may_be_shared_out_after_advance(kind, hyper):
    whole, _ = run(kind, hyper, "float32", clip=20.0)
    theta, grad = START.astype("float32"), np.zeros(N, "float32")
    optimizer = kind(theta, grad, **hyper, clip=20.0)
    assert sum(block[0].size for block in optimizer.blocks) == N and len(optimizer.blocks) > 1
    for g in GRADS:
        grad[:] = g
        optimizer.advance()
        for blocks in (optimizer.blocks[1::2], optimizer.blocks[::2]):
            optimizer.update(blocks, np.full_like(optimizer.tmp, np.nan))
    np.testing.assert_array_equal(theta, whole)


def test_set_is_data_that_a_captured_graph_would_see():
    theta, grad = np.ones(5), np.ones(5)
    optimizer = Momentum(theta, grad, lr=0.1, mu=0.5)
    hp, lr = optimizer.hp, optimizer.numbers.lr
    optimizer.set(lr=0.3)
    assert optimizer.lr == 0.3 and optimizer.hp is hp and optimizer.numbers.lr is lr and lr == 0.3
    optimizer.mu = np.float64(0.25)
    assert type(optimizer.mu) is float
    optimizer.step()
    np.testing.assert_allclose(theta, 0.7)
    assert repr(optimizer) == "Momentum(lr=0.3, mu=0.25)"


def test_an_optimizer_never_keeps_its_table_of_rules():
    theta, grad = np.ones(5, "float32"), np.ones(5, "float32")
    optimizer = SGD(theta, grad, lr=0.1)
    optimizer.ops = table(NUMPY)
    optimizer.ops.replace({"sgd": lambda theta, grad, lr, *, new, tmp: np.copyto(new, 7.0)}, own=["sgd"])
    optimizer.step()
    assert (theta == 7).all()


@pytest.mark.parametrize("kind, hyper", RULES)
@pytest.mark.parametrize("options", [{}, dict(clip=5.0)])
def test_a_step_that_is_not_ok_is_the_identity_also_the_first_one(device, kind, hyper, options):
    def go(steps):
        theta, grad = device.asarray(START[:500], "float32"), device.zeros((500,))
        optimizer = kind(theta, grad, **hyper, **options)
        for ok, g in steps:
            grad[...] = device.asarray(g[:500], "float32")
            optimizer.step(ok=device.asarray(np.array(ok)))
        return [device.to_host(a) for a in (theta, optimizer.hp, *optimizer.states.values())]

    bad = np.where(np.arange(N) % 2, np.nan, np.inf)
    good = [(True, g) for g in GRADS]
    disturbed = go([(False, bad), *good[:3], (False, bad), (False, GRADS[0]), *good[3:]])
    for mine, right in zip(disturbed, go(good)):
        np.testing.assert_array_equal(mine, right)
    expected = paper(kind, START[:500], GRADS[:, :500], **hyper, **options)
    np.testing.assert_allclose(disturbed[0], expected, rtol=1e-4, atol=1e-4)


def test_on_the_host_a_step_that_is_not_ok_does_nothing():
    theta, grad = np.ones(4), np.full(4, np.nan)
    optimizer = Adam(theta, grad)
    optimizer.step(ok=False)
    assert (theta == 1).all() and optimizer.numbers.power1 == 1 and not optimizer.states["m"].any()


@pytest.mark.parametrize("kind, hyper", RULES)
def test_state_goes_on_where_it_was(kind, hyper):
    theta, _ = run(kind, hyper, "float32")
    first, optimizer = run(kind, hyper, "float32", GRADS[:3])
    kept, settings = {name: a.copy() for name, a in optimizer.state().items()}, dict(optimizer.settings)
    grad = np.zeros(N, "float32")
    other = kind(first, grad, **{**hyper, "lr": 99.0})
    other.load_state(kept, settings)
    assert other.lr == hyper["lr"]
    for g in GRADS[3:]:
        grad[:] = g
        other.step()
    np.testing.assert_array_equal(first, theta)


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda a: SGD(a, a[:3], lr=1), ValueError, r"\(4,\) and \(3,\)"),
        (lambda a: SGD(a.reshape(2, 2), a.reshape(2, 2), lr=1), ValueError, r"flat vectors"),
        (lambda a: SGD(a, a.astype("float32"), lr=1), TypeError, "float64 on numpy and float32 on numpy"),
        (lambda a: SGD(a.astype(int), a.astype(int), lr=1), TypeError, "floats"),
        (lambda a: SGD([1.0], a, lr=1), TypeError, "list"),
        (lambda a: SGD(a, a, lr=(0, 2)), TypeError, r"^lr must be a number such as 0.2, with a point .* got \(0, 2\)$"),
        (
            lambda a: SGD(a, a, lr="0.2"),
            TypeError,
            "^lr must be a number such as 0.2, .*no quotation marks, got '0.2'$",
        ),
        (lambda a: SGD(a, a, lr=None), TypeError, "^lr must be a number .* got None$"),
        (lambda a: SGD(a, a, lr=-0.1), ValueError, "lr must be a number 0 or above, got -0.1"),
        (lambda a: SGD(a, a, lr=float("nan")), ValueError, "lr must be .* got nan"),
        (lambda a: SGD(a, a, lr=float("inf")), ValueError, "lr must be .* got inf"),
        (lambda a: Momentum(a, a, lr=1, mu=1), ValueError, "mu must be a number from 0 up to, but not, 1, got 1"),
        (lambda a: Adam(a, a, eps=0), ValueError, "eps must be a number above 0"),
        (lambda a: SGD(a, a, lr=1, clip=0), ValueError, "clip must be"),
        (lambda a: SGD(a, a, lr=1, mask=a), ValueError, "give decay= too"),
        (lambda a: SGD(a, a, lr=1, decay=0.1, mask=a[:2]), ValueError, r"mask expects .*\(4,\), got \(2,\)"),
        (lambda a: Momentum(a, a, lr=1).set(rate=0.1), ValueError, "has no 'rate' to set: it was made with lr, mu"),
        (lambda a: Momentum(a, a, lr=1).set(lr=0.5, decay=0.1), ValueError, "no 'decay'"),
    ],
)
def test_a_mistake_is_named_in_one_sentence(make, error, words):
    with pytest.raises(error, match=words):
        make(np.ones(4))


def test_a_refused_set_changes_nothing():
    optimizer = Momentum(np.ones(4), np.ones(4), lr=1)
    with pytest.raises(ValueError):
        optimizer.set(lr=0.5, mu=2)
    assert optimizer.lr == 1 and optimizer.numbers.lr == 1
