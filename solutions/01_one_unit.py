# %% [markdown]
# # 01 · One unit
#
# You have trained a network that reads digits, and doubted it. It was built, like everything in this course, from one small
# part, which takes some numbers in and gives one number out: multiply, add, bend. That is all it does.
#
# **The question.** What can one such unit do, and what can it never do?
#
# You will build it, set its weights by hand until it does logic, walk into a wall that no choice of weights gets you
# past, and then let it read handwritten digits.
#
# *About 55 minutes, five exercises, no GPU needed.* Where you see `...`, it is your turn: replace it and run the cell with
# **Shift+Enter**. An exercise answers *not attempted*, *not yet* or *correct*, and each try that fails opens one more hint
# below the answer. Still stuck? In a cell of your own, `hint("01.1")` gives the next hint and `solution("01.1")` shows our answer.

# %%
import numpy as np

from dlcourse import check, compare, hint, predict, progress, solution
from dlcourse import figures, show, start, use

start("01")

# %% [markdown]
# ## 1 · Multiply, add, bend
#
# To a computer an image is a row of numbers. How could a row of numbers become a yes or a no? Here is the simplest idea:
# let every number *vote*. Some pixels speak for it, some against it, most hardly matter. Add up the votes, then
# decide. That idea is the unit.
#
# A unit has one **weight** $w_i$ for each input $x_i$, and one number of its own, the **bias** $b$. It computes
#
# $$z = w_1 x_1 + w_2 x_2 + \dots + b \qquad\qquad y = f(z)$$
#
# A weight above 0 means *this input speaks for it*, below 0 *against it*, near 0 *I do not care*. The bias is what the
# unit leans towards before it has seen anything. The sum $z$ is called the **weighted sum**. The function $f$, the
# **bend**, turns it into the answer. (Books say **activation function**.)
#
# **Predict.** Here is a unit with two inputs. What is $z$, the sum before the bend? In your head, to one decimal.

# %%
x = np.array([2.0, 0.0])
w = np.array([-3.0, 1.0])
b = 6.8813735870195432
predict("01.a", ...)

# %%
z = w[0] * x[0] + w[1] * x[1] + b
compare("01.a", z, within=0.06)
show(figures.unit_diagram(x, w, b, np.tanh))

# %% [markdown]
# That is a whole unit, here with the bend $\tanh$. A solid blue arrow speaks for, a dashed one against. The second input
# is 0, so its weight has no say: put any number there, and $y$ stays what it is.
#
# ### Exercise 01.1: build the unit
#
# For any number of inputs, and any bend `f`. In the docstring, `x (I,)` means: x is a row of I numbers. Here and in all
# exercises, leave the arrays that you are handed as they are, and give back new ones.
#
# From then on the notebook works with *your* unit. Until it is correct, the cell below it lends you ours, so you can always
# read on. After that, we break it: the same unit, without its bias.


# %% exercise 01.1
def unit(x, w, b, f):
    """y = f(w·x + b)      x (I,)  w (I,)  b number  f function -> y number"""
    ### BEGIN SOLUTION
    return f(np.dot(w, x) + b)
    ### END SOLUTION


check("01.1")

# %% use 01.1
unit = use("01.1")

# %%
print(f"with b     y = {unit(x, w, b, np.tanh):.4f}")
print(f"without b  y = {unit(x, w, 0, np.tanh):.4f}")
show(figures.unit_diagram(x, w, 0, np.tanh, "The same unit without its bias"))

# %% [markdown]
# From a clear yes to a clear no. Without a bias, a unit that sees only zeros gets $z = 0$, whatever its weights are.
# It could have no opinion of its own.
#
# ## 2 · Three ways to bend
#
# Why bend at all? Without $f$, more ink always adds the same push, for ever. A decision needs a place where
# something changes. Three bends to know:
#
# | bend | value | character |
# |:--|:--|:--|
# | **step** | 1 if $z > 0$, else 0 | the oldest: a hard yes or no |
# | **relu** | $z$ if $z > 0$, else 0 | the one you will use most: silent, or as loud as the evidence |
# | **sigmoid** | $1/(1 + e^{-z})$ | a soft step, between no and yes |
#
# The picture below draws a fourth, *tanh*: a sigmoid stretched to lie between −1 and 1.
#
# ### Exercise 01.2: step and relu
#
# `z` may be one number or a whole array of them. The answer has the same shape.


# %% exercise 01.2
def step(z):
    """1 where z > 0, else 0      z any shape -> same shape"""
    ### BEGIN SOLUTION
    return np.where(z > 0, 1.0, 0.0)
    ### END SOLUTION


def relu(z):
    """z where z > 0, else 0      z any shape -> same shape"""
    ### BEGIN SOLUTION
    return np.maximum(z, 0.0)
    ### END SOLUTION


check("01.2")

# %% use 01.2
step, relu = use("01.2")

# %%
show(figures.bends({"step": step, "relu": relu}, "One jumps, one has a corner"))

# %% tags=["nbval-check-output"]
with np.errstate(over="ignore"):  # σ(−1000) asks for exp(1000): is there one?
    for k in (700, 709, 710, 1000):
        print(f"exp({k:4d}) = {np.exp(float(k)):.3g}")

# %% [markdown]
# The sigmoid has a trap in it. At $z = -1000$ its formula asks for $e^{1000}$, and past $e^{709}$ there is only `inf`, infinity. That is an **overflow**. Sometimes $1/\infty$ saves you. Sometimes the next line
# turns it into `nan`, *not a number*, and one `nan` spreads to everything that is computed from it. A network that trains for days
# needs a form that never gets there.
#
# ### Exercise 01.3: a sigmoid that never overflows
#
# The check tries $z = \pm 1000$, and a warning of an overflow counts as wrong, even with a lucky result. Leave z as it is:
# find another way to write the formula.
#
# Then we look at all bends at once, and ask what they have in common. A function is **linear**, a straight line, if
# halfway in gives halfway out. Halfway between −3 and 1 lies −1. So is $f(-1)$ halfway between $f(-3)$ and $f(1)$?


# %% exercise 01.3
def sigmoid(z):
    """σ(z) = 1 / (1 + exp(−z)), for any z      z any shape -> same shape"""
    ### BEGIN SOLUTION
    return 0.5 * (1 + np.tanh(0.5 * z))
    ### END SOLUTION


check("01.3")

# %% use 01.3
sigmoid = use("01.3")

# %%
bends = {"step": step, "relu": relu, "sigmoid": sigmoid, "tanh": np.tanh}
show(figures.bends(bends, "A jump, a corner, and two smooth bends"))


# %% tags=["nbval-check-output"]
def halfway(f):  # is f(-1) halfway between f(-3) and f(1)?
    left, middle, right = f(np.array([-3.0, -1.0, 1.0]))
    return bool(np.isclose(middle, (left + right) / 2))


straight = {name: halfway(f) for name, f in bends.items()}
print("no bend at all:", halfway(lambda z: z))
print("with a bend:   ", straight)
inputs, weights = np.array([0.5, -1, 2]), np.array([1.0, 3, 0.5])
z = np.sum(inputs * weights) + 0.25  # a weighted sum
same = [np.isclose(unit(inputs, weights, 0.25, f), f(z)) for f in bends.values()]
said = "A neural unit applies a nonlinear function to a weighted sum of its inputs"
print(f"{said}:", all(same) and not any(straight.values()))

# %% [markdown]
# That last sentence is how books define a unit, and the code has just agreed: the sum is weighted, and no bend is
# straight. The first two bends have a jump or a corner. The other two are smooth, and in notebooks 02 and 06 you will see
# what that is good for.
#
# ## 3 · Logic, by choosing three numbers
#
# Let two inputs be 0 or 1, and bend with the step. The four possible inputs are the corners of a square. Where $z = 0$ the
# unit changes its mind, and that is a straight line. On one side it says yes. The weights, drawn as an arrow, point to that
# side.
#
# Now give it an aim, a **gate**: AND is 1 if both inputs are 1, OR if at least one is, NAND if not both are.
#
# **Play.** Move the sliders (or focus one and use the arrow keys) until AND reads *4 of 4*. Then OR, then NAND.
# Which slider shifts the line without turning it? Try the soft bends too.

# %%
from dlcourse import explore_unit

explore_unit("AND")

# %% [markdown]
# A disc shows what the gate wants at that corner: filled for 1, open for 0. A cross marks a corner that the unit gets
# wrong. (With a soft bend, $z > 0$ counts as yes.) On the right are the same four inputs as the bend sees them: places on
# one line. *The unit has nothing else to decide by.*
#
# ### Exercise 01.4: four gates
#
# Write down weights and bias for each: `([w1, w2], b)`. The bend is `step`. NOT has one input: it turns 0 into 1, and 1
# into 0.

# %% exercise 01.4
### BEGIN SOLUTION
gates = {
    "AND": ([1, 1], -1.5),
    "OR": ([1, 1], -0.5),
    "NAND": ([-1, -1], 1.5),
    "NOT": ([-1], 0.5),
}
### END SOLUTION

check("01.4")

# %% use 01.4
gates = use("01.4")

# %%
show(figures.half_planes(gates))

# %% [markdown]
# The ratio of the weights sets the line's direction. The bias shifts the line without turning it. Any line that parts the
# corners correctly will do, so there are infinitely many right answers. Keep that in mind for notebook 02: a unit that learns will find one of them, not *the* one.
#
# ## 4 · The wall
#
# One more gate. XOR is 1 when exactly one of its two inputs is 1. Go back to the sliders, choose XOR, and give it an
# honest two minutes.
#
# Sliders prove little: perhaps you missed the spot. So we will try every unit on a grid of weights and biases, and count.
# For that we need an instrument.
#
# ### A prediction, then exercise 01.5: count what a unit gets right
#
# **Predict.** How many of the four rows of XOR can one unit get right, at best? The cell also holds these rows, and what
# AND and XOR want for each.
#
# Then build the instrument. `X` holds one input per row, `t` the answer that is wanted for each row, the **target**. Use
# `unit` with `step`.

# %%
ROWS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
AND, XOR = np.array([0, 0, 0, 1]), np.array([0, 1, 1, 0])
predict("01.b", ..., choices=(2, 3, 4))


# %% exercise 01.5
def count_right(X, t, w, b):
    """How many rows are sorted as t says?
    X (B,I)  t (B,)  w (I,)  b number -> count"""
    ### BEGIN SOLUTION
    return sum(unit(x, w, b, step) == ti for x, ti in zip(X, t))
    ### END SOLUTION


check("01.5")

# %% use 01.5
count_right = use("01.5")

# %%
ticks = sorted(np.arange(-2, 2.5, 0.5), key=abs)  # simple numbers first
grid = []
for w1 in ticks:
    for w2 in ticks:
        grid += [(np.array([w1, w2]), b + 0.25) for b in ticks]
scores = {
    "AND": [count_right(ROWS, AND, w, b) for w, b in grid],
    "XOR": [count_right(ROWS, XOR, w, b) for w, b in grid],
}
show(figures.rows_right(scores))
compare("01.b", max(scores["XOR"]), unit="of 4")

# %% [markdown]
# (The 0.25 shifts every line a little, so that none runs through a corner.) Ten units of the grid do AND. None does XOR.
#
# Was the grid too coarse? No. Here is why, for *all* weights there are. To make XOR, a step unit would need
#
# $$b \le 0, \qquad w_2 + b > 0, \qquad w_1 + b > 0, \qquad w_1 + w_2 + b \le 0 .$$
#
# Add the two in the middle: $w_1 + w_2 + 2b > 0$. Add the two outer ones: $w_1 + w_2 + 2b \le 0$. Both cannot be true.
# $\blacksquare$
#
# In the picture: the two corners that want a 1 sit across from each other, and no straight line has both on one side and
# the others on the other.
#
# How unlucky is XOR? Two inputs allow 16 different tables. Here is every one, with a unit from our grid if there is
# one that makes it:

# %%
found = {}
for unit_w, unit_b in grid:
    table = tuple(int(unit(row, unit_w, unit_b, step)) for row in ROWS)
    found.setdefault(table, (unit_w, unit_b))
show(figures.sixteen_tables(found))

# %% tags=["nbval-check-output"]
print(len(found), "of 16 tables found")
print("best of XOR:", int(max(scores["XOR"])), "of 4")


def hump(z):  # up, and down again
    return 1.0 * (abs(z) < 0.5)


humped = [int(unit(row, np.array([1, 1]), -1, hump)) for row in ROWS]
print("with a hump for a bend:", humped)

# %% [markdown]
# All but two. Marvin Minsky and Seymour Papert made this limit famous in 1969. The last line shows what the wall is made
# of: a bend that rises and falls again does XOR. Our four never fall, so with them each unit has one straight border.
# This course takes the other way past the wall and lets units feed other units. You will build that in notebook 05.
#
# ## 5 · Use it: read handwriting
#
# Now 64 inputs, the pixels of an image of 8 × 8, and 64 sliders are too many. Let the data choose, in the plainest
# way: a pixel's weight is how much more ink a 1 has there than a 0, on average. The bias puts the border half way.
#
# The images come in the order of the file, so most of the exam should be by people who did not write the examples (notebook 00).
#
# **Predict.** Of 120 test images, which had no part in choosing the weights, how many will this unit sort correctly?

# %%
from dlcourse import load_digits

data = load_digits(key=None).flat()


def pick(x, t, a, b):
    """The images of two digits, and 1 where it is a b, 0 where it is an a."""
    rows = (t == a) | (t == b)
    return x[rows], (t[rows] == b) * 1.0


def averages(X, t):
    """Weights and bias from the averages    X (B,I)  t (B,) -> w (I,)  b number"""
    mean0, mean1 = X[t == 0].mean(axis=0), X[t == 1].mean(axis=0)
    w = mean1 - mean0
    return w, -w @ (mean0 + mean1) / 2


w, b = averages(*pick(data.x_train, data.t_train, 0, 1))
X_test, t_test = pick(data.x_test, data.t_test, 0, 1)
predict("01.c", ...)

# %%
right = count_right(X_test, t_test, w, b)
compare("01.c", right, within=3, unit=f"of {len(t_test)}")
show(figures.votes(X_test[0], w, b))

# %%
images, captions = [], []
for image, t in zip(X_test, t_test):
    said = unit(image, w, b, step)
    if said != t:
        left = np.roll(image.reshape(8, 8), -1, axis=1).reshape(64)  # by one column
        images += [image, left]
        captions += [f"{t:.0f} (said {said:.0f})"]
        captions += [f"moved (said {unit(left, w, b, step):.0f})"]
title = "Sorted wrongly, each beside itself moved one column to the left"
show(figures.digits(images, captions, title, columns=5))

# %% [markdown]
# In the weights you can *see* what it knows. Ink in the middle speaks for a 1. Ink on a ring around it speaks against: that
# is where a 0 has its ink. Nobody told it about the foot that many people put under their 1, yet there it is, at the lower
# right. (In the votes only those places are left where this image has ink.)
#
# The two that it missed are plain 1s. You would have known. They stand one column too far to the right, where the ring is:
# moved one column to the left, both are sorted correctly. A weight belongs to a *place*, and if a shape moves, its weights
# do not move with it. Notebook 10 will mend that.
#
# **Break it.** Shuffle the pixels, in the same order for every image, and the weights with them. To us, noise remains.
#
# **Predict.** Will the unit sort *more* of them correctly than before, *fewer*, or *as many*?

# %%
order = np.random.default_rng(1).permutation(64)
labels = t_test[:10].astype(int)
show(figures.digits(X_test[:10, order], labels, "Zeros and ones, shuffled"))
predict("01.d", ..., choices=("more", "fewer", "as many"))

# %%
shuffled = count_right(X_test[:, order], t_test, w[order], b)
print(f"{right:.0f} before, {shuffled:.0f} after")
result = "more" if shuffled > right else "fewer" if shuffled < right else "as many"
compare("01.d", result)

# %% [markdown]
# A sum does not care in which order it is added. The unit never saw an *image*: it does not know that pixels have
# neighbours. That is the other reason for notebook 10.
#
# Were 0 and 1 an easy pair? Here is one unit for each pair of digits. **Your turn:** in the cell after it, change the
# pair. Where two digits are hard to tell apart, what does the unit look for?

# %%
shares = {}
for one in range(10):
    for two in range(one + 1, 10):
        w2, b2 = averages(*pick(data.x_train, data.t_train, one, two))
        X2, t2 = pick(data.x_test, data.t_test, one, two)
        shares[one, two] = count_right(X2, t2, w2, b2) / len(t2)
show(figures.pairs(shares))

# %%
pair = tuple(sorted((1, 3)))
w2, b2 = averages(*pick(data.x_train, data.t_train, *pair))
print(f"{pair}: {shares[pair]:.0%} of the test images")
name = f"for {pair[1]}, against {pair[0]}"
show(figures.weight_images({name: w2}, "What the unit looks for"))

# %% [markdown]
# ## What you can now claim
#
# What can one unit do, and what can it never do?
#
# - **A neural unit applies a nonlinear function to a weighted sum of its inputs.** You have written one, and `tanh` of
#   0.88 came out as 0.7071.
# - You can read its parts: the ratio of the weights sets the line's direction, the bias shifts it without turning, and the
#   bend decides how hard the change is.
# - A step unit makes 14 of the 16 tables of two inputs. XOR is not among them: it gets 3 of 4 rows, and you can *prove*
#   that no weights do better.
# - With plain averages for weights, one unit sorts 118 of 120 zeros and ones that it has never seen, and you can show what
#   it looks for. With harder pairs it does worse, and you know which.
#
# Something should bother you. We chose all these weights: by hand, by search, by averages. **How could a unit find its
# own?** That is notebook 02.

# %%
progress("01")
