"""A layer under three sliders: how large it is, how much work that is, and how fast three forms of it are here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ..live import LivePlot, panel

INPUTS, UNITS, BATCH = (1, 8, 64, 784), (1, 10, 100, 1000), (1, 10, 100, 1000)
INK, BLUE, ORANGE, SKY, FAINT, PALE = "#222", "#0072B2", "#E69F00", "#56B4E9", "#6b6b6b", "#d9d9d9"
BARS = (("loops", SKY, ""), ("dot products", ORANGE, "stripes"), ("one matrix product", BLUE, ""))
Rates = Mapping[tuple[int, int, int], tuple[float, float, float]]  # (I, O, B) -> multiply-adds per second, each form
LOW, HIGH = 4, 12  # the powers of ten at the ends of the scale
X0, WIDE, TOP = 150, 290, 218  # where the bars begin, how long the scale is, and how far down


# ---------------------------------------------------------------- measured
def measure(loops: Callable, dots: Callable, matmul: Callable, most_s: float = 0.06) -> Rates:
    """Time three forms of a layer on one core.      -> (I, O, B), each setting of the sliders -> rates

    loops(x, W, b) takes one example (I,), the others a batch (B,I). Where a whole batch would need more than `most_s`,
    the rate is that of the first rows of it: each further row is the same work again.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # threads that wait for each other would tell of a busy machine, not of the layer
        return _measured(loops, dots, matmul, most_s)


def _measured(loops: Callable, dots: Callable, matmul: Callable, most_s: float) -> Rates:
    rng, found = np.random.default_rng(0), {}
    for i in INPUTS:
        x = rng.normal(size=(max(BATCH), i)).astype(np.float32)
        for o in UNITS:
            W, b = rng.normal(size=(i, o)).astype(np.float32), np.zeros(o, np.float32)
            one = i * o / seconds(lambda x=x, W=W, b=b: loops(x[0], W, b))
            by_batch = zip(BATCH, _rates(dots, x, W, b, most_s), _rates(matmul, x, W, b, most_s))
            found |= {(i, o, n): (one, d, m) for n, d, m in by_batch}
    return found


def _rates(form: Callable, x: np.ndarray, W: np.ndarray, b: np.ndarray, most_s: float) -> list[float]:
    """One rate for each size of a batch."""
    found: list[float] = []
    for n in BATCH:
        if found and n * W.size / found[-1] > most_s:
            found.append(found[-1])
        else:
            found.append(n * W.size / seconds(lambda n=n: form(x[:n], W, b)))
    return found


def seconds(run: Callable[[], Any], most_s: float = 0.02) -> float:
    """The fastest of up to 40 runs: whatever else the machine does can only slow a run down."""
    times = [_once(run)]
    while len(times) < 40 and (sum(times) < most_s or len(times) < 4 and times[0] < 10 * most_s):
        times.append(_once(run))
    return max(min(times), 1e-9)


def _once(run: Callable[[], Any]) -> float:
    began_s = time.perf_counter()
    run()
    return time.perf_counter() - began_s


# ---------------------------------------------------------------- drawn
def frame(inputs: int, units: int, batch: int, rates: Rates | None = None) -> tuple[str, str]:
    """(svg, alt) of a layer of this size: its shapes, its work, and the rate of each form where one was measured."""
    work, held = batch * inputs * units, inputs * units + units
    counts = f"{batch:,} × {inputs:,} × {units:,} = {_many(work, 'multiply-add')}"
    kept = f"{inputs:,} × {units:,} + {units:,} = {held:,} parameters"
    title = f"{_many(inputs, 'input')}, {_many(units, 'unit')}, {_many(batch, 'example')} at a time"
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 660 344" width="660" style="max-width:100%;height:auto;'
        f'display:block" font-family="sans-serif" font-size="14" fill="{INK}">{STRIPES}',
        f'<text x="12" y="20" font-size="17" font-weight="bold">{title}</text>',
        f'<text x="12" y="38" font-size="12" fill="{FAINT}">sides drawn on a logarithmic scale</text>',
        *_shapes(inputs, units, batch),
        f'<text x="12" y="{TOP - 28}">{counts}</text><text x="648" y="{TOP - 28}" text-anchor="end">{kept}</text>',
        *_scale(),
    ]
    told = "nothing was measured"
    if rates is not None:
        measured = dict(zip((name for name, *_ in BARS), rates[inputs, units, batch]))
        out += _bars(measured, work)
        told = "; ".join(f"{name} {words(r)} multiply-adds a second, {_time(work / r)}" for name, r in measured.items())
    out.append("</svg>")
    return "".join(out), f"A layer of {title}: {counts}, {kept}. Measured here, on one core: {told}."


STRIPES = (
    '<defs><pattern id="stripes" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    f'<rect width="7" height="7" fill="{ORANGE}"/><rect width="2" height="7" fill="{INK}"/></pattern></defs>'
)


def _side(n: int) -> float:
    """How long a side of n numbers is drawn: each ten times more adds the same."""
    return 10 + 22 * float(np.log10(n))


def _shapes(inputs: int, units: int, batch: int) -> Iterator[str]:
    """x @ W + b = y as rectangles."""
    middle, left = 98, 14.0
    for name, n, m, shape, sign in (
        ("x", batch, inputs, f"({batch:,}, {inputs:,})", "@"),
        ("W", inputs, units, f"({inputs:,}, {units:,})", "+"),
        ("b", 1, units, f"({units:,},)", "="),
        ("y", batch, units, f"({batch:,}, {units:,})", ""),
    ):
        wide, high, place = _side(m), _side(n), left + 60
        yield (
            f'<rect x="{place - wide / 2:.1f}" y="{middle - high / 2:.1f}" width="{wide:.1f}" height="{high:.1f}" '
            f'fill="{BLUE if name == "y" else "#cfe5f3"}" stroke="{INK}" stroke-width="1.2"/>'
            f'<text x="{place}" y="160" text-anchor="middle"><tspan font-weight="bold">{name}</tspan> {shape}</text>'
            f'<text x="{left + 138}" y="{middle + 6}" text-anchor="middle" font-size="18">{sign}</text>'
        )
        left += 156


def _scale() -> Iterator[str]:
    for k in range(LOW, HIGH + 1):
        x = _at(10.0**k)
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{TOP + 90}" stroke="{PALE}"/>'
        if k % 3 == 0:
            yield f'<text x="{x:.1f}" y="{TOP + 106}" text-anchor="middle" font-size="12">{words(10.0**k)}</text>'
    yield f'<text x="{X0 + WIDE / 2}" y="{TOP + 122}" text-anchor="middle" font-size="12">multiply-adds a second</text>'
    said = "rates measured here, on one core; time = work / rate"
    yield f'<text x="12" y="{TOP - 8}" font-size="12" fill="{FAINT}">{said}</text>'


def _at(rate: float) -> float:
    return X0 + WIDE * float(np.clip((np.log10(rate) - LOW) / (HIGH - LOW), 0, 1))


def _bars(measured: dict[str, float], work: int) -> Iterator[str]:
    best = max(measured.values())
    for k, (name, colour, pattern) in enumerate(BARS):
        rate, y = measured[name], TOP + 6 + 29 * k
        fill, weight = f"url(#{pattern})" if pattern else colour, "bold" if rate == best else "normal"
        end = _at(rate)
        says = f"{words(rate)}: {_time(work / rate)}{' (fastest)' if rate == best else ''}"
        yield (
            f'<text x="{X0 - 8}" y="{y + 15}" text-anchor="end" font-weight="{weight}">{name}</text>'
            f'<rect x="{X0}" y="{y}" width="{max(end - X0, 1):.1f}" height="20" fill="{fill}" stroke="{INK}"/>'
            f'<text x="{end + 7:.1f}" y="{y + 15}" font-weight="{weight}" paint-order="stroke" stroke="#fff" '
            f'stroke-width="4">{says}</text>'
        )


def words(rate: float) -> str:
    """7.43e6 -> '7.4 million'"""
    for size, word in ((1e12, " trillion"), (1e9, " billion"), (1e6, " million"), (1e3, " thousand")):
        if rate >= 0.9995 * size:
            return f"{rate / size:.2g}{word}" if rate < 99.5 * size else f"{rate / size:,.0f}{word}"
    return f"{rate:.2g}"


def _time(seconds: float) -> str:
    for size, word in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= size:
            return f"{seconds / size:.2g} {word}" if seconds < 99.5 * size else f"{seconds / size:,.0f} {word}"
    return f"{seconds * 1e9:,.0f} ns"


def _many(n: int, word: str) -> str:
    return f"{n:,} {word}{'' if n == 1 else 's'}"


# ---------------------------------------------------------------- on the page
def explore_layer(
    loops: Callable, dots: Callable, matmul: Callable, inputs: int = 64, units: int = 10, batch: int = 1000
) -> None:
    """Three sliders on top of the picture, after timing the three forms. Without ipywidgets: the picture alone."""
    rates = measure(loops, dots, matmul)
    state = {"inputs": inputs, "units": units, "batch": batch}
    controls = {}
    try:
        import ipywidgets

        for name, steps in (("inputs", INPUTS), ("units", UNITS), ("batch", BATCH)):
            options = [(f"{n:,}", n) for n in steps]
            controls[name] = ipywidgets.SelectionSlider(
                options=options,
                value=state[name],
                description=name,
                layout=ipywidgets.Layout(width="300px"),
                style={"description_width": "60px"},
            )
    except ImportError:
        pass
    panel(LivePlot(lambda: frame(**state, rates=rates)), state, controls)
