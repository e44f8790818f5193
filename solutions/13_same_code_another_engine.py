# %% [markdown]
# # 13 · Same code, another engine
#
# Your networks have been computed by NumPy, on a processor. There is a second kind of engine, a GPU, and a module
# that drives it, CuPy, which speaks as NumPy does. (Lessons 09 to 12 may be skipped here; you need 04, 07 and 08.)
#
# **The question.** What has to change in a program so that a GPU computes it, and when is that worth it?
#
# You will write a layer that runs on both, time it honestly, prove that both make the same step, stop moving data
# about, and take apart a claim of "5,000,000 times faster".
#
# *About 80 minutes, five exercises, no GPU needed.* Where you have none, a **practice GPU** stands in: it has the
# manners of CuPy and the numbers of NumPy, and it counts. One thing it cannot show: speed. With a GPU, sections 3, 4
# and 6 also run on it.

# %%
from time import perf_counter

import numpy as np

from dlcourse import any_gpu, asked_for_units, asked_of_a_device, check, compare
from dlcourse import crossings_as_given, cut_to, figures, hint, load_digits, measure
from dlcourse import practice_clock, practice_gpu, predict, predicted_s, progress, show
from dlcourse import solution, start, stepper, told_of_gpus, updates, use

start("13")
real = any_gpu()  # None where there is no GPU that computes
print("engine:", real or "no GPU here: the practice GPU stands in")
predict("13.a", ...)

# %% [markdown]
# ## 1 · Asking another machine
#
# A GPU is a computer of its own, with memory of its own. The program stays on the **host**, the processor; the GPU is
# the **device**. Arrays of CuPy lie in the device's memory. For each operation on them, the host asks the device to
# run a small program, a **kernel**, over all numbers at once. Asking is called a **launch**. It costs the host some
# microseconds, whether the array has ten numbers or ten million.
#
# **Predict** (in the cell above). One training step of 784-128-10: forward, loss, backward, Adam. Each operation on
# arrays is a launch. How many launches is that?

# %%
asks = asked_of_a_device()  # way of computing -> launches, copies, waits
show(figures.crossings(asks))
compare("13.a", asks["operation by operation"][0], within=10, unit="launches")

# %% [markdown]
# More than fifty, one way; twelve, the other. The library has *fused* kernels: a product adds the bias and cuts at 0
# before it writes its numbers, and Adam is one kernel over all parameters. Then the whole step can be recorded as a
# **graph** and asked for in one go; what you see besides is the batch, images and labels, being put in its place.
#
# And 1,000 identical units are asked for in as many launches as one. Nobody waits for anybody (notebook 03), so all
# can be computed at the same time. That is what the device is for.
#
# ## 2 · A layer that does not care
#
# In CuPy nearly all you know has its old name: `cp.exp`, `cp.zeros`, `x @ W`. So a function that is handed the
# module, as `xp`, can serve both. Look at what goes wrong where NumPy and a device meet.

# %%
gpu = practice_gpu()
z = gpu.put([[1.0, 2.0], [3.0, 4.0]])
tries = {"np.exp(z)": lambda: np.exp(z), "np.ones(2) + z": lambda: np.ones(2) + z}
tries |= {"np.asarray(z)": lambda: np.asarray(z), "np.eye(2)[z]": lambda: np.eye(2)[z]}
tries |= {"float(z[0, 0])": lambda: float(z[0, 0])}
for line, tried in tries.items():
    try:
        print(f"{line:18}fine, on the {gpu.place(tried())}")
    except TypeError as error:
        print(f"{line:18}TypeError: {error}")
print("crossed over, without a word:", gpu.hidden())

# %% [markdown]
# NumPy's *functions* pass an array of the device on to its own module. But an array that NumPy *makes* lies on the
# host, and the two do not mix: CuPy raises an error rather than move it behind your back. (As an index it does move,
# each time.) Worse is what works: `float()` (or `int()`, `.item()`, `if`, `print`) fetches a number, and the host has
# to wait for everything that it asked for.
#
# ### Exercise 13.1: a layer that does not care
#
# The prediction layer of notebook 04, for both engines. `xp` is the module whose arrays you are handed. Give back p
# and dz = p − desired (no mean over the batch), where they were computed; `t` holds the number of the right class.
# The softmax must bear large scores. No number may cross over, and no loop may go through the rows.


# %% exercise 13.1
def prediction_layer(xp, x, W, b, t):
    """p = softmax(x W + b), dz = p − desired
    x (B,I)  W (I,K)  b (K,)  t (B,) -> p (B,K), dz (B,K)"""
    ### BEGIN SOLUTION
    z = x @ W + b
    e = xp.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return p, p - xp.eye(len(b))[t]
    ### END SOLUTION


check("13.1")

# %% use 13.1
prediction_layer = use("13.1")


# %%
def learned(xp, put, steps=100):  # W and b
    x, t = put(digits.x_train.astype(float)), put(digits.t_train)
    W, b = xp.zeros((64, 10)), xp.zeros(10)
    for _ in range(steps):
        dz = prediction_layer(xp, x, W, b, t)[1]
        W, b = W - 0.5 * x.T @ dz / len(x), b - 0.5 * dz.mean(axis=0)
    return W, b


digits, gpu = load_digits().flat(), practice_gpu()
here, there = learned(np, np.asarray), learned(gpu.xp, gpu.put)
x, t = digits.x_test[:1].astype(float), digits.t_test[:1]
p, _ = prediction_layer(np, x, *gpu.numbers(there), t)
show(figures.answer(x[0], p[0], t[0], "Learned on the practice GPU"))
predict("13.b", ..., choices=("0.3 ms", "5 ms", "15 ms"))

# %% tags=["nbval-check-output"]
launches = [asked[0] for asked in asks.values()]
print("fused launches, copies, waits:", *asks["fused operations"])
alike = asked_for_units(1) == asked_for_units(1000)
print("identical neurons: 1,000 of them are asked for as one is:", alike)
print("100 steps, the same weights:", np.allclose(here[0], gpu.numbers(there[0]), 1e-9, 1e-12))
print("copies and waits on the way:", gpu.tally()[1:])

# %% [markdown]
# ## 3 · Honest timing
#
# A launch returns at once; the device works on while the host goes its way. So a clock on the host measures what you
# did not mean.
#
# **Predict** (below the digit). A device works 5 ms on each call, and asking takes 0.1 ms. We ask three times, and
# look at the clock. What does it show?

# %%
device = practice_clock().Machine(1e-4, [5e-3])
device.f(), device.f(), device.f()
show(figures.two_clocks([1e-4] * 3, [5e-3] * 3, False, "Asked three times"))
compare("13.b", f"{1e3 * device.clock():.1f} ms")

# %% [markdown]
# The clock shows how long it takes to *ask*. This is a frequent mistake in timing a GPU, and it makes it look
# fifty times as fast as it is, here.
#
# Three rules. *Warm up:* the first call compiles kernels and fetches memory, so leave it out. *Wait* until the
# device is done before you look at the clock (CuPy: `deviceSynchronize`). Repeat, and give the *median*: a single
# call that is disturbed does not move it.
#
# ### Exercise 13.2: honest timing
#
# `f()` asks, `wait()` returns when all is done, `clock()` gives seconds. Call f once without counting it, and wait.
# Then measure `repeat` calls, each by itself: from before f() to after its wait. Give back the median.


# %% exercise 13.2
def bench(f, wait, clock, repeat):
    """Median of the seconds of f() and the wait for it, after one call that is not counted
    f() asks   wait() waits until all is done   clock() -> seconds   repeat count -> seconds"""
    ### BEGIN SOLUTION
    f()
    wait()
    times = []
    for _ in range(repeat):
        start = clock()
        f()
        wait()
        times.append(clock() - start)
    return np.median(times)
    ### END SOLUTION


check("13.2")

# %% use 13.2
bench = use("13.2")

# %%
step, wait = stepper(real or "numpy"), real.synchronize if real else lambda: None
print(f"784-128-10, here: {1e6 * bench(step, wait, perf_counter, 7):.0f} µs, by bench")
print(measure(step, name="by measure, the same step"))

# %%
device = practice_clock().Machine(1e-4, [5e-3])
told = bench(device.f, device.wait, device.clock, 7)
show(figures.two_clocks([1e-4] * 3, [5e-3] * 3, True, f"With a wait: {1e3 * told:.1f} ms"))

# %% [markdown]
# `measure` of the library keeps the same rules, times the copies apart, and *refuses* to time a device that is not
# waited for.
#
# ## 4 · The same step?
#
# A fast step that is wrong is worth nothing. So compare before you time. Bits will not be equal: a sum in another
# order is rounded in other places, and a GPU adds in an order of its own.
#
# **Predict** (below the exercise). One step in float32, then the same 64 images in reverse order. Exactly, the
# gradient is the same. By how much, relatively, do the two updates differ?
#
# ### Exercise 13.3: the same step?
#
# Compare what each engine has *added*: u = here − before and v = there − before. The error is the length of u − v
# divided by that of u; if u and v are equal it is 0, and if only u is 0, it is infinite (`np.inf`). Give back the
# error, and whether it is at most the tolerance. A nan is never equal.


# %% exercise 13.3
def parity(before, here, there, tolerance):
    """error = ‖u − v‖ / ‖u‖ of the updates u = here − before, v = there − before
    before, here, there (N,) parameters  tolerance number -> error, error ≤ tolerance"""
    ### BEGIN SOLUTION
    u, v = here - before, there - before
    gap, size = np.linalg.norm(u - v), np.linalg.norm(u)
    error = 0.0 if gap == 0 else np.inf if size == 0 else gap / size
    return error, error <= tolerance
    ### END SOLUTION


check("13.3")

# %% use 13.3
parity = use("13.3")

# %%
rng = np.random.default_rng(0)
x, t = rng.normal(size=(64, 784)).astype("float32"), rng.integers(0, 10, 64)
steps = {"once more": updates(x, t), "in reverse order": updates(x[::-1], t[::-1])}
for name, bits in (("TF32", 10), ("bf16", 7)):
    steps[f"{bits} bits ({name})"] = updates(x, t, rounded=cut_to(bits))
steps |= {"on the GPU": updates(x, t, backend=real)} if real else {}
predict("13.c", ..., choices=("exactly 0", "below a millionth or so", "about a thousandth"))

# %%
(before, here), errors = updates(x, t), {}
for name, (origin, there) in steps.items():
    errors[name] = parity(before, here, there - origin + before, 1e-5)[0]
show(figures.relative_errors(errors, 1e-5))
turned = errors["in reverse order"]
small = "below a millionth or so" if turned < 1e-5 else "about a thousandth"
compare("13.c", "exactly 0" if turned == 0 else small)
predict("13.d", ...)

# %% tags=["nbval-check-output"]
print("in reverse order, other bits, and within 0.00001:", bool(0 < turned <= 1e-5))
print("with fewer bits, outside:", all(e > 1e-5 for n, e in errors.items() if "bits" in n))
print("on a GPU, within, if there is one:", bool(errors.get("on the GPU", 0) <= 1e-5))

# %% [markdown]
# Say the tolerance *before* you look. 0.00001 lets rounding pass, and stops a step that is computed with fewer
# digits. GPUs multiply such short numbers, TF32 and bf16, much faster, by their makers' data sheets. That can be a
# good bargain; but it is another computation, and whoever compares times has to say so.
#
# ## 5 · Move once
#
# Between host and device lies a wire, which is slow. So move the data there once, and leave everything there. The
# loop below does not: each step copies x, t and W to the device, reads the loss by `float()`, and fetches W by
# `.get()`.
#
# **Predict** (below the dots). In 20 steps, how often do numbers cross over?
#
# ### Exercise 13.4: move once
#
# This loop is right, and moves something in every step. Mend it: nothing may cross over *inside* the loop. `xp` is
# CuPy's module (or the practice GPU's), x, t and W come from the host, and W and the losses, one for each step, must
# go back to it.
#


# %% exercise 13.4
def train(xp, x, t, W, lr, steps):
    """Gradient descent on mean (x W − t)²
    x (B,I)  t (B,K)  W (I,K) of the host -> W, losses (steps,) of the host"""
    ### BEGIN SOLUTION
    x, t, W = xp.asarray(x), xp.asarray(t), xp.asarray(W)
    losses = xp.zeros(steps)
    ### OPEN losses = np.zeros(steps)
    ### END SOLUTION
    for k in range(steps):
        ### BEGIN SOLUTION
        e = x @ W - t
        losses[k] = (e * e).mean()
        W = W - lr * 2 * x.T @ e / e.size
        ### OPEN gx, gt, gW = xp.asarray(x), xp.asarray(t), xp.asarray(W)
        ### OPEN e = gx @ gW - gt
        ### OPEN losses[k] = float((e * e).mean())
        ### OPEN W = (gW - lr * 2 * gx.T @ e / e.size).get()
        ### END SOLUTION
    ### BEGIN SOLUTION
    return W.get(), losses.get()
    ### OPEN return W, losses
    ### END SOLUTION


check("13.4")

# %% use 13.4
train = use("13.4")

# %%
x, W = rng.normal(size=(50, 8)), np.zeros((8, 2))
goal = x @ rng.normal(size=(8, 2))
gpu, moved = practice_gpu(), {"as given": crossings_as_given(x, goal, W, 20)}
W, losses = train(gpu.xp, x, goal, W, 0.1, 20)
moved["mended"] = gpu.tally()[1:]
show(figures.crossings(moved, "What crosses over in 20 steps", ("copies", "waits")))
compare("13.d", sum(moved["as given"]), within=0, unit="crossings")
predict("13.e", ..., choices=("no width", "4", "16", "64", "256", "1024", "4096"))

# %% tags=["nbval-check-output"]
print("as given, copies and waits:", moved["as given"])
print("in 20 steps, and at most 5 with it:", sum(moved["mended"]) <= 5)
print("the loss fell to a tenth:", bool(losses[-1] < losses[0] / 10))

# %% [markdown]
# Five crossings in a step became five in all. The losses wait on the device until you want to look.
#
# ## 6 · When does the GPU lose?
#
# Arithmetic first. A launch is assumed to cost the host 4 to 6 µs. An H200 computes at most 67 TFLOP/s in float32 and
# reads 4.8 TB/s, by NVIDIA's data sheet. So a step takes at least the number of launches times a launch, or the work,
# if that takes longer. On a small network the work is next to nothing, and the GPU mostly waits to be asked.
#
# **Predict** (below the bars). 784-h-10, batch 64, operation by operation. Up to which width h is the CPU *here*
# faster than that arithmetic?

# %%
widths, times = (4, 16, 64, 256, 1024, 4096), {}
for name, engine in {"NumPy on this CPU": "numpy", "this GPU": real}.items():
    if engine:
        times[name] = [measure(stepper(engine, h)).median_s for h in widths]

# %%
ways, cpu = {}, times["NumPy on this CPU"]
for n in launches[:2]:  # operation by operation, and fused
    ways[f"H200, {n} launches"] = [predicted_s(h, "H200", launches=n) for h in widths]
show(figures.step_times(widths, times, ways))
eager, _ = ways.values()
lost = [h for h, mine, (_, high) in zip(widths, cpu, eager) if mine < high]
compare("13.e", str(lost[-1]) if lost else "no width")
print(*told_of_gpus(), sep="\n")
predict("13.f", ..., choices=("more than 1,000", "1 to 1,000", "less than 1"))

# %% [markdown]
# The arithmetic is a bound and no measurement: a real GPU takes longer. It says where a GPU *must* lose: on small
# steps, asked for operation by operation. The ways out: fuse, record, or give it more work at once (wider layers,
# larger batches). Where no record stands above, nobody has measured a GPU with this course, and we claim no speed.
#
# ## 7 · Five million times faster
#
# An advertisement, invented but typical: *"60,000 digits read on a CPU: 90 s. With our GPU: 18 µs. 5,000,000
# times faster!"* In the small print: the CPU's program is a Python loop. The GPU read 64 images, and the clock
# was read when the call returned; the wait would have taken 82 µs more. Copying there and back, 100 µs, is left out.
# A good program on the CPU needs 0.06 s for the 60,000.
#
# **Predict** (in the cell above). What is left of the 5,000,000?
#
# ### Exercise 13.5: take a claim apart
#
# Give back five ratios, CPU's time by GPU's time. 1: as advertised. 2: time *for one image* on both sides, as in all
# that follow. 3: the GPU's time with the wait. 4: with the copies as well. 5: like 4, but with the best program on
# the CPU, which takes `best_cpu_s` for the CPU's images.


# %% exercise 13.5
def take_apart(claim):
    """What is left of a speed-up, one objection after the other
    claim {"cpu_s", "cpu_images", "gpu_s", "gpu_images", "wait_s", "copy_s", "best_cpu_s"}
    -> five ratios, CPU by GPU"""
    ### BEGIN SOLUTION
    many, few = claim["cpu_images"], claim["gpu_images"]
    cpu, best, gpu = claim["cpu_s"] / many, claim["best_cpu_s"] / many, claim["gpu_s"] / few
    waited = gpu + claim["wait_s"] / few
    copied = waited + claim["copy_s"] / few
    advertised = claim["cpu_s"] / claim["gpu_s"]
    return [advertised, cpu / gpu, cpu / waited, cpu / copied, best / copied]
    ### END SOLUTION


check("13.5")

# %% use 13.5
take_apart = use("13.5")

# %%
claim = {"cpu_s": 90, "cpu_images": 60_000, "gpu_s": 18e-6, "gpu_images": 64}
claim |= {"wait_s": 82e-6, "copy_s": 100e-6, "best_cpu_s": 0.06}
left = take_apart(claim)
words = "as advertised", "for one image", "waited for", "copied", "a good program"

# %%
show(figures.left_of_a_claim(dict(zip(words, left))))
compare("13.f", "less than 1" if left[4] < 1 else "1 or more")

# %%
x, W = rng.random((60_000, 784), "float32"), rng.random((784, 10), "float32")
seconds = bench(lambda: x @ W, lambda: None, perf_counter, 5)
print(f"60,000 digits by x @ W, here: {seconds:.3f} s")

# %% tags=["nbval-check-output"]
print(*(f"{word}: {ratio:,.2f}" for word, ratio in zip(words, left)), sep="\n")
bound = [predicted_s(h, "H200")[1] == 12 * 6e-6 for h in widths]
print("widths at which an H200 would wait to be asked:", sum(bound), "of", len(bound))

# %% [markdown]
# 0.32: in this story the GPU takes three times as long as a good program on the CPU. Not because GPUs are slow, but
# because 64 small images are no work for one. A speed-up is a ratio of two times: ask what was done in each, by whom,
# and when the clock was read.
#
# ## What you can now claim
#
# What has to change? Next to nothing, if your functions take the module along and make no arrays by NumPy. When is it
# worth it? When the work outweighs the asking.
#
# - **Your layer runs on both engines.** The same program learned the digits on NumPy and on the practice GPU, and no
#   number crossed over.
# - **You time honestly:** warmed up, waited for, a median.
# - **You can tell rounding from a mistake.** In reverse order the step was within 0.00001; with 10 bits it was not.
# - **You move once.** Five crossings in 20 steps, in place of 100.
# - **You know where a GPU must lose,** by launches, FLOP and bytes, and which of these numbers were measured.
# - **You took 5,000,000 apart.** 0.32 was left.
#
# `progress()` shows where you stand. One thing stayed closed: what is *in* a kernel? **How do thousands of threads
# share out a layer, and what goes wrong if two of them write to one place?** That is notebook 14.
