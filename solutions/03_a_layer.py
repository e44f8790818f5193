# %% [markdown]
# # 03 · A layer
#
# You can write a unit and let it learn. It answers one question: how much does this look like a 1? There are ten digits,
# so one unit is not enough. Nobody builds a cleverer unit for that. One takes ten of the same kind.
#
# **The question.** What happens when units stand side by side, and why can a computer work out a thousand of them
# almost as easily as one?
#
# You will write the same layer three times: number by number, dot product by dot product, and in one line. They give the
# same answers. Then you take the time.
#
# *About 60 minutes, five exercises, no GPU needed.* Where you see `...`, it is your turn. In a cell of your own,
# `hint("03.1")` gives a hint and `solution("03.1")` shows our answer.

# %%
import numpy as np

from dlcourse import check, compare, hint, predict, progress, solution
from dlcourse import figures, load_digits, show, start, use

start("03")

# %% [markdown]
# ## 1 · Ten units, ten questions
#
# In notebook 01 a single unit read its weights off two average images. Let us do that for all ten digits. Unit $k$ gets
# the average image of a $k$ as its weights: where a $k$ has ink, ink speaks for a $k$.
#
# An average with much ink in it would answer loudly to everything. The bias takes that back: half of what the average
# image would score with its own unit.
#
# So `W` has one *column* for each unit, with 64 weights in it, and `b` one number for each unit. Below the averages, all
# ten units look at the same three images, which had no part in them. We do not bend yet: `as_is` hands the sum on
# unchanged. The unit that says most gives the answer.
#
# **Predict.** There are 360 such test images. How many will the ten units get right? Nothing has been trained, only
# averaged.


# %%
def ten_averages(x, t):
    """The weights of ten units    x (B,64)  t (B,) -> W (64,10)  b (10,)"""
    W = np.stack([x[t == k].mean(axis=0) for k in range(10)], axis=1)
    return W, -0.5 * (W**2).sum(axis=0)


digits = load_digits().flat()
x, x_test, t_test = digits.x_train, digits.x_test, digits.t_test
W, b = ten_averages(x, digits.t_train)
show(figures.unit_images(W, b))


# %%
def as_is(z):
    """No bend at all."""
    return z


unit = use("01.1")
three = []
for row in x_test[:3]:
    three.append([unit(row, W[:, o], b[o], as_is) for o in range(10)])
show(figures.unit_outputs(x_test[:3], three, t_test[:3]))
predict("03.a", ...)

# %% [markdown]
# All ten say something, and one of the three images is misread: you may see why. To find out about all 360 we need 3,600
# answers of units, so let us do it properly.
#
# ## 2 · Number by number
#
# Units that share their inputs and do not feed each other are a **layer**. Here is a small one: three inputs, two units.
# Each unit has its own weight for each input, so there is a weight for each *pair*. They stand in a table with a row for
# each input and a column for each unit.

# %%
x4 = np.array([[1.0, 2, 0], [0, -1, 1], [2, 0, -1], [1, 1, 1]])  # examples
W2 = np.array([[0.5, -1], [1, 2], [-2, 1]])
b2 = np.array([0.5, -1])
show(figures.side_by_side(W2, unit=0))

# %% [markdown]
# The letters have one meaning in the whole course: $I$ inputs, $O$ units (outputs), $B$ examples (a **batch**). So `x` is
# $(I,)$ for one example, `W` is $(I, O)$ and `b` is $(O,)$. Unit $o$ computes
#
# $$y_o = \sum_i x_i\, W_{io} + b_o$$
#
# ### Exercise 03.1: a layer, number by number
#
# One example comes in, one number for each unit goes out. Any way of computing it is right. But this is the place for two
# plain loops, because we will need something slow to compare with.


# %% exercise 03.1
def layer_loops(x, W, b):
    """y_o = Σ_i x_i·W_io + b_o      x (I,)  W (I,O)  b (O,) -> y (O,)"""
    ### BEGIN SOLUTION
    y = np.zeros(len(b))
    for o in range(len(b)):
        z = b[o]
        for i in range(len(x)):
            z = z + x[i] * W[i, o]
        y[o] = z
    return y
    ### END SOLUTION


check("03.1")

# %% use 03.1
layer_loops = use("03.1")

# %% [markdown]
# Now the small layer. The third of the four examples is `[2, 0, -1]`.
#
# **Predict.** What does unit 0 say to it? Its weights are in the picture above, its bias is 0.5. In your head, please.


# %%
def same(p, q):
    """Equal up to rounding: the images are float32, with about 7 digits."""
    return np.allclose(p, q, atol=1e-4)


predict("03.b", ...)
print("the first example, both units:", np.round(layer_loops(x4[0], W2, b2), 3))
print("the ten units, as before:", same(layer_loops(x_test[0], W, b), three[0]))
show(figures.product(x4[:1], W2, b2, unit=1, title="One example"))

# %% [markdown]
# In your inner loop stands one line: multiply, add. A **multiply-add** is the work of one weight for one example, and we
# will count in it. The layer for digits needs $64 \times 10 = 640$ of them for each image.
#
# ## 3 · A batch at a time
#
# Networks rarely look at one example. They get a batch, and it gets an axis of its own, always the first: `x` is now
# $(B, I)$, one example in each row. The answer is $(B, O)$: a row for each example, a column for each unit.
#
# ### Exercise 03.2: a batch, dot by dot
#
# NumPy multiplies two rows, number by number, and adds it all up in one call, `np.dot`. The result is called their
# **dot product**. For each example and each unit, take one. (As in 03.1, any way is right; the comparison below
# wants this one.)


# %% exercise 03.2
def layer_dots(x, W, b):
    """y_no = x_n · W[:, o] + b_o      x (B,I)  W (I,O)  b (O,) -> y (B,O)"""
    ### BEGIN SOLUTION
    y = np.zeros((len(x), len(b)))
    for n in range(len(x)):
        for o in range(len(b)):
            y[n, o] = np.dot(x[n], W[:, o]) + b[o]
    return y
    ### END SOLUTION


check("03.2")

# %% use 03.2
layer_dots = use("03.2")

# %%
compare("03.b", layer_dots(x4, W2, b2)[2][0], within=0.05)
show(figures.product(x4, W2, b2, example=2, unit=0))

# %% [markdown]
# ## 4 · One matrix product
#
# Look at the frames. *Each* row of `x` meets *each* column of `W`, once. Mathematicians have a name for this table of
# dot products: the **matrix product**. NumPy writes it `@`:
#
# $$y = x\,W + b \qquad\qquad (B, I) \;@\; (I, O) \;\to\; (B, O)$$
#
# The two $I$ in the middle must be the same number. They are what is multiplied and added, so they vanish. The outer two
# remain. Then `b`, which is $(O,)$, is added to every row. NumPy repeats it by itself, and that is called
# **broadcasting**.
#
# ### Exercise 03.3: one matrix product
#
# The same answers as in 03.2. Aim for one line, without a loop.


# %% exercise 03.3
def layer(x, W, b):
    """y = x·W + b      x (B,I)  W (I,O)  b (O,) -> y (B,O)"""
    ### BEGIN SOLUTION
    return x @ W + b
    ### END SOLUTION


check("03.3")

# %% use 03.3
layer = use("03.3")

# %%
y = np.array(layer(x_test, W, b))  # 360 images at once
said = y.argmax(axis=1)  # the unit that says most
compare("03.a", (said == t_test).sum(), within=15, unit=f"of {len(t_test)}")
title, who = "The first twenty", "the ten averages"
show(figures.predictions(x_test[:20], said[:20], t_test[:20], title, who=who))
show(figures.confusion(said, t_test, title="What the averages mix up", who=who))

# %% tags=["nbval-check-output"]
print(x_test.shape, "@", W.shape, "+", b.shape, "->", y.shape)
print("dot by dot gives the same:      ", same(layer_dots(x_test, W, b), y))
slow = np.array([layer_loops(row, W, b) for row in x_test])
print("number by number gives the same:", same(slow, y))
distances = [((x_test - W[:, o]) ** 2).sum(axis=1) for o in range(10)]
nearest = np.argmin(distances, axis=0)  # of the ten averages
print("the unit that says most has the nearest average:", all(said == nearest))
rights = []
for key in range(5):  # five ways to split the images
    d = load_digits(key=key).flat()
    W5, b5 = ten_averages(d.x_train, d.t_train)
    answers = np.argmax(layer(d.x_test, W5, b5), axis=1)
    rights.append(sum(answers == d.t_test))
print("right in five splits:", *rights, "of", len(t_test))

# %% [markdown]
# Three programs, one layer, and nearly nine images in ten are read, from averages alone, in each of five splits. In the
# table above, the framed
# numbers are the mistakes; the most frequent is a 5 taken for a 9, seven times. (With this bias, the unit that
# says most is the one whose average is nearest to the image, pixel by pixel.) But the network of notebook 00 got about
# 97 in a hundred. What is missing are weights that are *learned*.
#
# **Break it.** Most mistakes with layers are mistakes of shape. Here `W` is turned round, as if each unit were a row:

# %%
try:
    layer(x_test, W.T, b)
    print("no complaint")
except (ValueError, IndexError) as error:
    print(error)

# %% [markdown]
# The message names the two sizes that should have met: 64 pixels, and 10. Be glad of it. If a layer had as many units as
# inputs, both ways would fit, and only one would be right. No message would tell you.
#
# ## 5 · The staircase
#
# Same numbers, same answers. Is there any difference? Let us count multiply-adds in a second.
#
# **Predict.** How many times as fast as your loops will the matrix product be?

# %%
from time import perf_counter

from threadpoolctl import threadpool_limits


def seconds(run):
    """The fastest run in 0.2 seconds: all else can only slow a run down."""
    times, end = [], perf_counter() + 0.2
    while not times or perf_counter() < end:
        began = perf_counter()
        run()
        times.append(perf_counter() - began)
    return min(times)


TIMES = "10 times", "100 times", "1,000 times or more"
predict("03.c", ..., choices=TIMES)

# %%
work, few, many = W.size, x[:20], x[:1000]  # work: multiply-adds for one image
with threadpool_limits(1):  # all three on one core
    loops_s = seconds(lambda: [layer_loops(row, W, b) for row in few])
    dots_s = seconds(lambda: layer_dots(few, W, b))
    matmul_s = seconds(lambda: layer(many, W, b))
rates = {"loops": 20 * work / loops_s, "dot products": 20 * work / dots_s}
rates["one matrix product"] = 1000 * work / matmul_s
show(figures.staircase(rates))
fastest, ratio = max(rates, key=rates.get), rates["one matrix product"] / rates["loops"]
compare("03.c", TIMES[0] if ratio < 30 else TIMES[1] if ratio < 300 else TIMES[2])


# %%
def layer_s(units, examples):
    """Seconds for a layer of so many units, on one core"""
    wide, biases = np.ones((64, units), np.float32), np.ones(units, np.float32)
    with threadpool_limits(1):
        return seconds(lambda: layer(x[:examples], wide, biases))


one_s = {}
for units in (1, 10, 100, 1000):
    one_s[units], hundred_s = layer_s(units, 1), layer_s(units, 100)
    print(f"units: {units:5,}   one example: {1e6 * one_s[units]:5.2f} µs", end="")
    print(f"   100 examples: {1e6 * hundred_s:6.1f} µs")

# %% tags=["nbval-check-output"]
print("the matrix product is the fastest:", fastest == "one matrix product")
print("at least ten times the loops:", bool(ratio >= 10))
few_times = one_s[1000] < 100 * one_s[1]
print("for one example, 1,000 units take less than 100 times one:", few_times)

# %% [markdown]
# (Does it say *False*? Then your `layer` still loops inside. It is correct all the same, and the stopwatch noticed.)
#
# The lines with the units are about the question of the beginning. For *one example* a thousand units take a few times as
# long as one, not a thousand times: being called costs the same for both, and beside that its multiply-adds cost little.
# For 100 examples it is not so. There is enough to compute, and each further unit takes its time.
#
# These numbers are from *this* machine, a moment ago; run the cell again and they move a little. The matrix product got
# 1,000 images, the others 20, so that you need not wait: for them, each further image is the same work again. (The
# scale is logarithmic: each mark is ten times the one before.)
#
# Why? The arithmetic is the same. But in your loops Python reads every line anew: which `x`, which kind of number, where
# is it kept? All this for one multiply-add. `np.dot` asks once for a whole row, `@` once for the whole batch. And what
# is behind `@` also multiplies several numbers with one instruction, and keeps those it will need again close by. All
# three ran on one core of the processor. For large tables `@` would use more of them. Part III looks inside.
#
# **Play.** Is the matrix product *always* the fastest? The picture opens at the smallest layer there is: one input, one
# unit, one example. Move one slider at a time, or focus one and use the arrow keys: which of them helps the matrix
# product, and which the loops? (All rates are measured anew, which takes a few seconds. So they differ a little from the
# bars above. A long time is worked out from its rate. The tables are drawn on a logarithmic scale too.)

# %%
from dlcourse import explore_layer

explore_layer(layer_loops, layer_dots, layer, inputs=1, units=1, batch=1)

# %% [markdown]
# With one input, one unit and one example there is a single multiply-add and nothing to share. The three forms are not far
# apart, for being called costs more than the work. With much to do, the matrix product wins by far. A large layer and a batch are what make it pay. Remember that when you meet the GPU,
# where the same is true, only more so.
#
# ## 6 · How many numbers is that?
#
# What a layer holds, its weights and biases, are its **parameters**. MNIST images have $28 \times 28 = 784$ pixels. Ten
# units for them have $784 \times 10$ weights and 10 biases: 7,850 numbers.
#
# ### Exercise 03.4: count the parameters
#
# For a chain of layers, in which each feeds the next. `[784, 30, 10]` means: 784 inputs, a layer of 30 units, and behind
# it one of 10 units, whose inputs are those 30.


# %% exercise 03.4
def count_parameters(sizes):
    """Σ (I·O + O) over layers    sizes [inputs, units, ...] -> whole number"""
    ### BEGIN SOLUTION
    total = 0
    for I, O in zip(sizes, sizes[1:]):
        total += I * O + O
    return total
    ### END SOLUTION


check("03.4")

# %% use 03.4
count_parameters = use("03.4")

# %%
chain = [784, 30, 10]
for sizes in ([784, 10], chain, [64, 128, 10], [1000, 1000], [2000, 2000]):
    print(f"{count_parameters(sizes):>9,.0f}  {sizes}")
show(figures.layers(chain, ["pixels", "units", "units"], "Two layers in a chain"))

# %% [markdown]
# The third one is the network of notebook 00. The last two are one layer between 1,000 and 1,000, and one between 2,000
# and 2,000: twice as wide, four times as many parameters. That is how networks reach millions (notebook 16).
#
# ## 7 · A layer to keep
#
# Two things are missing. The units of notebook 01 *bend* their sum. In a layer that costs one call more, because a bend
# like `np.tanh` takes a whole table and treats each number alone. And a layer should carry its own numbers with it, so
# that we can have several.
#
# ### Exercise 03.5: a layer as an object
#
# A **class** is a plan for objects. `__init__` runs once, when a layer is made: it keeps what it is given in `self`. Later
# `forward` finds it there. Call the three by their names, `W`, `b`, `f`, and keep in `parameters` a number, no method: how
# many numbers W and b hold together.
#
# Then we bend the ten averages. Their sums lie around 5, where tanh is nearly 1 for all of them. So we hand the layer
# `b - 5`: 5 less for each unit, which changes none of the differences between them.


# %% exercise 03.5
class Layer:
    """y = f(x·W + b)      x (B,I)  W (I,O)  b (O,) -> y (B,O)"""

    def __init__(self, W, b, f):
        """Keep W, b, f, and in `parameters` how many numbers W and b hold."""
        ### BEGIN SOLUTION
        self.W, self.b, self.f = W, b, f
        self.parameters = W.size + b.size
        ### END SOLUTION

    def forward(self, x):
        """The outputs of all units for a batch x."""
        ### BEGIN SOLUTION
        return self.f(x @ self.W + self.b)
        ### END SOLUTION


check("03.5")

# %% use 03.5
Layer = use("03.5")

# %%
ten = Layer(W, b - 5, np.tanh)
y = np.array(ten.forward(x_test))
show(figures.unit_table(y[:4], "Ten bent units, four images"))

# %% tags=["nbval-check-output"]
one_by_one = []
for row in x_test:
    one_by_one.append([unit(row, W[:, o], b[o] - 5, np.tanh) for o in range(10)])
mnist = count_parameters([784, 10])
print(f"parameters: {ten.parameters} here, {mnist:,.0f} for MNIST")
print(x_test.shape, "->", y.shape)
print("every number of the layer is the answer of one unit:", same(y, one_by_one))

# %% [markdown]
# So this is all a **neural layer** is: many units, each a bent weighted sum, worked out together. It *transforms*: 64
# numbers go in and 10 others come out, a new description of the same image. In notebook 05 such a description will be
# what the next layer gets to see.
#
# ## 8 · Nobody waits for anybody
#
# One more experiment. We destroy unit 3: each of its weights becomes `nan`, *not a number*, which spoils everything that
# is computed from it.
#
# **Predict.** Which outputs will be spoiled?

# %%
spoiled = W.copy()
spoiled[:, 3] = np.nan
predict("03.d", ..., choices=("only unit 3", "its neighbours too", "all units"))

# %%
left = layer(x_test[:6], spoiled, b)
show(figures.unit_table(left, "Unit 3 destroyed"))
lost = list(np.flatnonzero(np.isnan(left).any(axis=0)))
compare("03.d", "only unit 3" if lost == [3] else "other units too")

# %% tags=["nbval-check-output"]
y, order = np.array(layer(x_test, W, b)), np.random.default_rng(3).permutation(10)
mixed = layer(x_test, W[:, order], b[order])
print("the units in any order:", same(mixed, y[:, order]))
five = []
for o in range(0, 10, 2):  # units 0 and 1, then 2 and 3, ...
    five.append(layer(x_test, W[:, o : o + 2], b[o : o + 2]))
print("two units to each of five workers:", same(np.hstack(five), y))
seven = [layer(part, W, b) for part in np.array_split(x_test, 7)]
print("the examples dealt out to seven:  ", same(np.vstack(seven), y))

# %% [markdown]
# Nobody noticed. No unit of a layer needs to know what another one computes. (In a chain, the *next* layer would notice.)
# So it does not matter in which order they are worked out, nor by how many workers. The work comes in equal pieces that
# do not need each other: the units, and the examples too. Work of this kind is called **parallel**. A chip with
# thousands of small workers could start them all at once. Such chips exist, and Part III is about them.
#
# ## What you can now claim
#
# What happens when units stand side by side, and why can a computer work out a thousand of them almost as easily as one?
#
# - **A layer is units side by side**, with one column of `W` for each. You have compared them with single units, number for
#   number. Bent weighted sums, all together: this transformation *is* a neural layer.
# - **A batch of them is one matrix product.** You have written it in three forms that agree, and you know the shapes:
#   $(B, I)$ with $(I, O)$ gives $(B, O)$.
# - **The form matters.** You have measured how far the loops are behind, and found where the loops win.
# - **A thousand units are no thousand times the trouble.** For one example they took a few times as long as one. With 100
#   examples each unit takes its time, but none needs to wait for another.
# - **You can count.** A layer of ten units for 784 pixels holds 7,850 parameters.
# - **Identical units are parallel by nature.** In any order, split among any number of workers, the outputs are the same.
#   You destroyed one, and the others did not notice.
# - With averages for weights, ten units read 318 to 320 of 360 digits that they had never seen, in five splits.
#
# Two things should bother you. The ten outputs are just numbers: is 6.2 against 4.8 a sure answer, or a narrow one? And
# averages are not what is *best* for reading digits. **How do ten outputs become a prediction that one can be right or
# wrong about, and learn from?** That is notebook 04.

# %%
progress("03")
