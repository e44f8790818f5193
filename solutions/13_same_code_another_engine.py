# %% [markdown]
# # 13 · Same code, another engine
#
# Your networks have been computed by NumPy, on a processor. There is a second kind of engine, a GPU, and a module
# that drives it, CuPy, which speaks as NumPy does. (You need lessons 04, 07 and 08 here, and none of 09 to 12.)
#
# **The question.** What has to change in a program so that a GPU computes it, and when is that worth it?
#
# You will write a layer for both, time it honestly, find out whether two computations make the same step, stop moving
# data about, and take apart a claim of "5,000,000 times faster".
#
# *About 120 minutes, five exercises, no GPU needed.* Where you have none, a **practice GPU** stands in: it has the
# manners of CuPy and the numbers of NumPy, and it counts. It cannot show speed, nor how a real GPU rounds. With a GPU,
# sections 3, 4 and 6 also run on it.

# %%
from time import perf_counter

import numpy as np

from dlcourse import any_gpu, asked_by_part, asked_for_units, asked_of_a_device, check
from dlcourse import compare, crossings_as_given, cut_to, figures, flop_and_bytes, hint
from dlcourse import load_digits, measure, practice_clock, practice_gpu, predict
from dlcourse import predicted_s, progress, show, solution, start, stepper, told_of_gpus
from dlcourse import updates, use

start("13")
real = any_gpu()  # None where there is no GPU that computes
print("engine:", real or "no GPU here: the practice GPU stands in")

# %% [markdown]
# ## 1 · Asking another machine
#
# A GPU is a computer of its own, with memory of its own. The program stays on the **host**, the processor; the GPU is
# the **device**. Arrays of CuPy lie in the device's memory. For each operation on them, the host asks the device to
# run a small program, a **kernel**, over all numbers at once. Asking is called a **launch**. It costs the host some
# microseconds, whether the array has ten numbers or ten million.
#
# **Predict.** A network of 784 inputs, 128 hidden units and 10 outputs, 784-128-10, makes one training step: forward,
# loss, backward, and an update by Adam. (*Adam* is gradient descent in which each parameter has a step size of its
# own, from running means of its slopes and of their squares.) Each operation on arrays is a launch: a product, adding
# the bias and ReLU are three. How many launches is the step?

# %%
predict("13.a", ...)

# %%
asks = asked_of_a_device()  # way of computing -> launches, copies, waits
show(figures.crossings(asks))
print("one by one:", ", ".join(f"{part} {n}" for part, n in asked_by_part().items()))
compare("13.a", asks["operation by operation"][0], within=10, unit="launches")

# %% [markdown]
# Count along. Forward: product, bias, ReLU, product, bias. Loss: tables of desired values, softmax, logarithm, sum, and
# p − desired, by 64. Backward: three products, two sums for db, two for the gate. The other 30 are Adam, and a guard
# that leaves out a step whose loss is not a number.
#
# Twelve is the same step by *fused* kernels: a product adds the bias and cuts at 0 before it writes its numbers, and
# Adam is one kernel over all parameters. Last, the step is recorded as a list of kernels (CuPy calls it a graph; it is
# not that of notebook 06), and one launch asks for all of it. The other two put images and labels, which lie on the
# device already, where the recording reads them.
#
# And 1,000 units of one kind, each with its own weights, are asked for in as many launches as one. Nobody waits for
# anybody (notebook 03), so all can be computed at the same time. That is what the device is for.
#
# ## 2 · A layer that does not care
#
# In CuPy nearly all you know has its old name: `cp.exp`, `cp.zeros`, `x @ W`. So a function that is handed the
# module, as `xp`, can serve both. Look at what goes wrong where NumPy and a device meet. (`z` and `t` lie on the
# device.)

# %%
gpu = practice_gpu()
xp, z, t, host = gpu.xp, gpu.put([[1.0, 2.0]]), gpu.put([0, 1]), np.array([0, 1])
tries = {"np.exp(z)": lambda: np.exp(z), "np.ones(2) + z": lambda: np.ones(2) + z}
tries |= {"np.eye(2)[t]": lambda: np.eye(2)[t], "xp.eye(2)[host]": lambda: xp.eye(2)[host]}
tries |= {"float(z[0, 0])": lambda: float(z[0, 0])}
for line, tried in tries.items():
    try:
        print(f"{line:18}fine, on the {gpu.place(tried())}")
    except TypeError as error:
        print(f"{line:18}TypeError: {error}")
print("crossed over, without a word:", gpu.hidden())

# %% [markdown]
# NumPy's *functions* pass an array of the device on to its own module. But an array that NumPy *makes* lies on the
# host, and the two do not mix: CuPy raises an error rather than move anything behind your back. Two lines worked, and
# moved something. An array of the host, as an index, is copied over each time. And `float()` (or
# `int()`, `.item()`, `if`, `print`) fetches a number, and the host has to wait for everything that it asked for.
#
# We count a **copy** where numbers go to the device, and a **wait** where they come back, by `float()` or `.get()`.
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

# %% tags=["nbval-check-output"]
launches = [asked[0] for asked in asks.values()]
print("fused launches, copies, waits:", *asks["fused operations"])
alike = asked_for_units(1) == asked_for_units(1000)
print("1,000 units of one kind are asked for as one is:", alike)
print("100 steps, the same weights:", np.allclose(here[0], gpu.numbers(there[0]), 1e-9, 1e-12))
print("copies and waits on the way:", gpu.tally()[1:])

# %% [markdown]
# ## 3 · Honest timing
#
# A launch returns at once; the device works on while the host goes its way. So a clock on the host measures what you
# did not mean.
#
# **Predict.** A device works 5 ms on each call, and asking takes 0.5 ms (far too long, so that you can see it). We ask
# three times, and look at the clock. What does it show?

# %%
predict("13.b", ..., choices=("1.5 ms", "5 ms", "15.5 ms"))

# %%
device = practice_clock().Machine(5e-4, [5e-3])
device.f(), device.f(), device.f()
show(figures.two_clocks([5e-4] * 3, [5e-3] * 3, False, "Asked three times"))
compare("13.b", f"{1e3 * device.clock():.1f} ms")

# %% [markdown]
# The clock shows how long it takes to *ask*. That is a frequent mistake; here a GPU looks ten times as fast as it is.
#
# Three rules. *Warm up:* the first call compiles kernels and fetches memory, so leave it out. *Wait* until the
# device is done before you look at the clock (CuPy: `deviceSynchronize`). Repeat, and give the *median*: a single
# call that is disturbed does not move it.
#
# ### Exercise 13.2: honest timing
#
# `f()` asks, `wait()` returns when all is done, `clock()` gives seconds; use this clock and no other. Call f once
# without counting it, and wait. Then measure `repeat` calls, each by itself: from before f() to after its wait. Give
# back the median.


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
turns = [(bench(step, wait, perf_counter, 7), measure(step).median_s) for _ in range(5)]
print("784-128-10, here, µs a step by bench, by measure:", *np.round(1e6 * np.min(turns, 0)))

# %%
device = practice_clock().Machine(5e-4, [5e-3])
told = bench(device.f, device.wait, device.clock, 7)
show(figures.two_clocks([5e-4] * 3, [5e-3] * 3, True, f"Waited for: {1e3 * told:.1f} ms"))

# %% [markdown]
# `measure` of the library keeps the same rules. It reads the clock around blocks of calls, as one may be short for a
# clock, and *refuses* a device that is not waited for. Each had five turns; the least median is shown. If the two are
# far apart, the machine is busy: close other programs and run that cell again.
#
# ## 4 · The same step?
#
# A fast step that is wrong is worth nothing. So compare before you time. Not all digits will be equal: a sum in another
# order is rounded in other places, and a GPU adds in an order of its own.
#
# Compare what each engine has *added* to the parameters. The length of the difference, divided by that of one of the
# two updates, is the **relative error**.
#
# Without a GPU, other computations stand in: the same 64 images in reverse order, and shorter numbers. A float32 keeps
# 23 binary digits (bits) behind the leading one. TF32 keeps 10 and bf16 7; newer GPUs multiply such numbers much
# faster, by their makers' data sheets. `cut_to(10)` rounds images and weights to 10.
#
# **Predict** (below the exercise). In exact arithmetic, images in reverse order give the same gradient. How large is
# the relative error in float32?
#
# ### Exercise 13.3: the same step?
#
# u = here − before and v = there − before. The error is the length of u − v divided by that of u; if u and v are equal
# it is 0, and if only u is 0, it is infinite (`np.inf`). Give back the error, and whether it is at most the tolerance.
# A nan is never equal.


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
predict("13.c", ..., choices=("exactly 0", "below 0.00001", "above 0.00001"))

# %%
(before, here), errors = updates(x, t), {}
for name, (origin, there) in steps.items():
    errors[name] = parity(before, here, there - origin + before, 1e-5)[0]
show(figures.relative_errors(errors, 1e-5))
turned = errors["in reverse order"]
said = "below 0.00001" if turned < 1e-5 else "above 0.00001"
compare("13.c", said if turned else "exactly 0")

# %% [markdown]
# Say the tolerance *before* you look. 0.00001 lets rounding pass, and stops a step that is computed with fewer
# digits. TF32 and bf16 can be a good bargain, but another computation: whoever compares times has to say so.
#
# ## 5 · Move once
#
# Between host and device lies a wire, which is slow. So move the data there once, and leave everything there. The
# loop below does not: each step copies x, t and W to the device, reads the loss by `float()`, and fetches W by
# `.get()`.
#
# **Predict** (below the exercise). How many copies and waits, taken together, does it make in 20 steps?
#
# ### Exercise 13.4: move once
#
# This loop is right, and moves something in every step. Mend it: no copy and no wait *inside* the loop; after it, at
# most one fetch for W and one for all losses. `xp` is the device's module; x, t and W come from the host, and W
# and the losses, one for each step, must go back there.


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
predict("13.d", ...)

# %%
show(figures.crossings(moved, "What crosses over in 20 steps", ("copies", "waits")))
compare("13.d", sum(moved["as given"]), within=0, unit="crossings")

# %% tags=["nbval-check-output"]
short = [error for name, error in errors.items() if "bits" in name]
print("section 4, reverse order: other bits, and within 0.00001:", bool(0 < turned <= 1e-5))
print("section 4, fewer bits: outside:", min(short) > 1e-5)
print("section 4, a GPU, if there is one: within:", errors.get("on the GPU", 0) <= 1e-5)
print("as given, copies and waits:", moved["as given"])
print("in 20 steps, and at most 5 with it:", sum(moved["mended"]) <= 5)
print("the loss fell to a tenth:", bool(losses[-1] < losses[0] / 10))

# %% [markdown]
# Five crossings in a step became five in all. The losses wait on the device until you want to look.
#
# ## 6 · When does the GPU lose?
#
# Arithmetic first; nothing in it is measured. A step takes at least the longest of three times.
#
# - **Launches.** We *assume* that each costs the host 4 to 6 µs; that differs between machines.
# - **FLOP**, floating-point operations. Forward, each weight costs each image two, a multiplication and an addition;
#   backward two more, for its slope, and in the second layer two more again, for the slopes of h. The peak of an H200,
#   a GPU, is 67 TFLOP/s in float32: 67 million in a microsecond.
# - **Bytes**, 4 for a number. A step moves at least nine numbers for each parameter, seven of them for Adam (it reads
#   θ, its slope, m, v; writes θ, m, v), and the batch. Peak: 4.8 TB/s, 4.8 million in a microsecond. (Both peaks are
#   from NVIDIA's data sheet.)
#
# **Predict,** twice. By hand: 784-128-10 has 101,632 weights, and a batch 64 images. How many µs do its FLOP take at
# the peak? Then: 784-h-10, operation by operation. Up to which width h is the CPU *here* faster than an H200 can be, if
# a launch costs 4 µs?

# %%
widths, times = (4, 16, 64, 256, 1024, 4096), {}
for name, engine in {"NumPy on this CPU": "numpy", "this GPU": real}.items():
    if engine:
        steps = [stepper(engine, h) for h in widths]
        rounds = [[bench(f, wait, perf_counter, 5) for f in steps] for _ in range(10)]
        times[name] = np.min(rounds, axis=0)
predict("13.e", ...)
predict("13.f", ..., choices=("no width", "4", "16", "64", "256", "1024", "4096"))

# %% tags=["nbval-check-output"]
flop, moved = flop_and_bytes(128)
print(f"784-128-10: {flop / 1e6:.1f} million FLOP, at least {flop / 67e6:.2f} µs")
print(f"{moved / 1e6:.1f} million bytes, at least {moved / 4.8e6:.2f} µs")
wider, ways = (*widths, 16_384, 65_536), {}
for n in launches[:2]:  # operation by operation, and fused
    band = ways[f"H200, {n} launches"] = [predicted_s(h, launches=n) for h in wider]
    most = max(h for h, (low, _) in zip(wider, band) if low == n * 4e-6)
    print(f"widest of these at which {n} launches, {4 * n} µs, outweigh the work: {most:,}")

# %%
cpu, (eager, _) = times["NumPy on this CPU"], ways.values()
show(figures.step_times(wider, times, ways))
compare("13.e", flop / 67e6, within=0.1, unit="µs")
lost = [h for h, mine, (low, _) in zip(widths, cpu, eager) if mine < low]
grows = cpu[1:] / cpu[:-1]  # in a layer four times as wide
if grows.min() < 0.8 or grows.max() > 8:
    print("The curve jumps. Close other programs, and run the cell that measures again.")
else:
    compare("13.f", str(lost[-1]) if lost else "no width")
print(*told_of_gpus(), sep="\n")

# %% [markdown]
# At its peaks, an H200 would do the work of width 128 in less than a hundredth of the time for 59 launches. In the
# widest layers the work outweighs the asking. Hence the ways out: fewer launches (fuse, record), or more work at once
# (width, batch).
#
# These are bounds, by an assumed price. If asking costs less than 4 µs, the band lies lower. Other programs
# only make the CPU slower: so its curve is the least of ten rounds by bench.
# Where no record stands above, this course has measured no GPU, and claims no speed.
#
# ## 7 · Five million times faster
#
# An advertisement, invented but typical: *"60,000 digits read on a CPU: 90 s. With our GPU: 18 µs. 5,000,000
# times faster!"* In the small print: the CPU's program is a Python loop. The GPU read 64 images, and the clock
# was read when the call returned; the wait would have taken 82 µs more. Copying there and back, 100 µs, is left out.
# A good program on the CPU needs 0.06 s for the 60,000.
#
# **Predict.** Put all of that right. What is left of the 5,000,000?

# %%
claim = {"cpu_s": 90, "cpu_images": 60_000, "gpu_s": 18e-6, "gpu_images": 64}
claim |= {"wait_s": 82e-6, "copy_s": 100e-6, "best_cpu_s": 0.06}
predict("13.g", ..., choices=("more than 1,000", "1 to 1,000", "less than 1"))

# %% [markdown]
# ### Exercise 13.5: take a claim apart
#
# Give back five ratios, each the CPU's time divided by the GPU's. 1: as advertised. 2: time *for one image* on both
# sides, as in all that follow. 3: the GPU's time with the wait. 4: with the copies as well. 5: like 4, but with the
# best program on the CPU, which takes `best_cpu_s` for the CPU's images.


# %% exercise 13.5
def take_apart(claim):
    """What is left of a speed-up, one objection after the other
    claim {"cpu_s", "cpu_images", "gpu_s", "gpu_images", "wait_s", "copy_s", "best_cpu_s"}
    -> five ratios, CPU's time divided by GPU's"""
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
left = take_apart(claim)
words = "as advertised", "for one image", "waited for", "copied", "a good program"
show(figures.left_of_a_claim(dict(zip(words, left))))
compare("13.g", "less than 1" if left[4] < 1 else "1 or more")

# %%
x, W = rng.random((60_000, 784), "float32"), rng.random((784, 10), "float32")
seconds = bench(lambda: x @ W, lambda: None, perf_counter, 5)
print(f"60,000 digits by x @ W, here: {seconds:.3f} s")

# %% tags=["nbval-check-output"]
print(*(f"{word}: {ratio:,.2f}" for word, ratio in zip(words, left)), sep="\n")

# %% [markdown]
# 0.32: in this story the GPU takes three times as long as a good program on the CPU: 64 small images are no work for
# it. A speed-up is a ratio of two times: ask what was done in each, by whom, and when the clock was read.
#
# ## What you can now claim
#
# What has to change? Next to nothing, if your functions take the module along and make no arrays by NumPy. When is it
# worth it? When the work outweighs the asking.
#
# - **Your layer is written for both engines.** One program trained it by NumPy and by the practice GPU, which has
#   the manners of CuPy. The weights were the same, and no number crossed over.
# - **You time honestly:** warmed up, waited for, a median.
# - **You can tell rounding from a mistake.** In reverse order the step was within 0.00001; with 10 bits it was not.
# - **You move once.** Five crossings in 20 steps, in place of 100.
# - **You can work out where asking outweighs the work,** by launches, FLOP and bytes.
# - **You took 5,000,000 apart.** 0.32 was left.
#
# One thing stayed closed: what is *in* a kernel? **How do thousands of threads share out a layer, and what goes wrong
# if two of them write to one place?** That is notebook 14.

# %%
progress("13")
