# %% [markdown]
# # 06 · Backpropagation on a graph
#
# You can find the slope of any function by nudging, and for single layers you have written formulas. You have also seen
# what hidden layers can do. But a weight deep inside a network touches the error only through everything behind it.
#
# **The question.** How does such a weight find out what the error wants of it?
#
# You will build a small machine that answers this for *every* calculation, and let a network with a hidden layer learn
# with it.
#
# *About 85 minutes, four exercises, no GPU needed.* Where you see `...`, it is your turn. In a cell of your own,
# `hint("06.1")` gives a hint and `solution("06.1")` shows our answer.

# %%
import numpy as np

from dlcourse import check, compare, hint, predict, progress, solution
from dlcourse import explore_graph, figures, show, start, use

start("06")

# %% [markdown]
# ## 1 · What nudging costs
#
# Nudging needs no formula. To find the slope of the loss for one weight, you work out the whole network twice: once with
# the weight a little larger, once a little smaller.
#
# **Predict.** A network for MNIST has 784 inputs, 30 hidden units and 10 outputs. How often would you have to work it out
# to nudge all its parameters, for a *single* update?

# %%
names = ["pixels", "hidden", "outputs"]
show(figures.layers([784, 30, 10], names, "A network for MNIST"))
SIZES = "about 60 times", "about 1,600 times", "about 48,000 times"
predict("06.a", ..., choices=SIZES)

# %%
count_parameters = use("03.4")
parameters = count_parameters([784, 30, 10])
print(f"{parameters:,.0f} parameters, so {2 * parameters:,.0f} times")
compare("06.a", SIZES[2] if parameters > 20_000 else "another number")

# %% [markdown]
# And training takes thousands of updates. There must be a better way, and there is: all slopes at once, for the price of
# working out the network a few times (notebook 07 counts it). It is called **backpropagation**.
#
# ## 2 · Small steps with known slopes
#
# Every calculation, however large, is a chain of small steps: two numbers are added or multiplied, one number is bent. For
# a small step, the slope is easy. Nudge one input by $h$ and look how far the result moves:
#
# | step | slopes | because |
# |:--|:--|:--|
# | $a + b$ | 1 for $a$, 1 for $b$ | the nudge passes unchanged |
# | $a \cdot b$ | $b$ for $a$, $a$ for $b$ | $(a + h) \cdot b$ is $hb$ more |
# | $t = \tanh(a)$ | $1 - t^2$ | we take it on trust; 06.4 tests it |
# | relu$(a)$ | 1 if $a > 0$, else 0 | it passes the nudge, or stops it |
#
# We call the inputs of a step the **parents** of its result. If each number remembers its parents, and its slope for each
# of them, a calculation leaves a **graph** behind: boxes joined by arrows, from the inputs to the result.
#
# ### Exercise 06.1: a number that remembers
#
# A `Value` holds a number in `data`. When two are added or multiplied (Python calls `__add__` for `+` and `__mul__` for
# `*`), or one is bent, the result is a new Value. Hand over its number, its parents, and its slope for each of them, in the
# same order, as tuples. `a + b` has the parents `(a, b)`, the Values themselves. One parent alone is `(a,)`, with a comma.
# If both parents are the same Value, name it twice.


# %% exercise 06.1
class Value:
    """A number that remembers its parents, and its slope for each of them."""

    def __init__(self, data, parents=(), slopes=()):
        self.data, self.parents, self.slopes = data, parents, slopes
        self.grad = 0.0

    def __repr__(self):
        return f"Value({self.data})"

    def __add__(self, other):
        """self + other: slopes 1 and 1"""
        ### BEGIN SOLUTION
        return Value(self.data + other.data, (self, other), (1.0, 1.0))
        ### END SOLUTION

    def __mul__(self, other):
        """self · other: for each parent, the slope is the other number"""
        ### BEGIN SOLUTION
        return Value(self.data * other.data, (self, other), (other.data, self.data))
        ### END SOLUTION

    def tanh(self):
        """t = tanh(self): slope 1 − t²"""
        ### BEGIN SOLUTION
        t = np.tanh(self.data)
        return Value(t, (self,), (1 - t**2,))
        ### END SOLUTION

    def relu(self):
        """self where self > 0, else 0: slope 1 where self > 0, else 0"""
        ### BEGIN SOLUTION
        slope = 1.0 if self.data > 0 else 0.0
        return Value(max(self.data, 0.0), (self,), (slope,))
        ### END SOLUTION


check("06.1")

# %% use 06.1
Value = use("06.1")


# %%
def one_unit(x1=2.0, w1=-3.0, x2=0.0, w2=1.0, b=6.8813735870195432):
    """The unit of notebook 01 as a graph    -> name: Value, the result last"""
    x1, w1, x2, w2, b = (Value(number) for number in (x1, w1, x2, w2, b))
    p, q = x1 * w1, x2 * w2
    s = p + q
    z = s + b
    return dict(x1=x1, w1=w1, x2=x2, w2=w2, p=p, q=q, s=s, b=b, z=z, y=z.tanh())


unit = one_unit()
show(figures.value_graph(unit, "One unit, as a graph", gradients=False))

# %% [markdown]
# The unit with which notebook 01 began, taken apart. (`p` and `q` are the two products, `s` is their sum.)
#
# ## 3 · Slopes multiply along the way
#
# How far does `y` move if `w1` is nudged? Follow the arrows. The nudge becomes 2 times as large on its way to `p`. It
# passes the two sums unchanged. At last it is halved by the bend. **Along a way, slopes multiply.** This is the **chain
# rule**.
#
# **Predict.** What is the slope of `y` for `x1`? Multiply along its way, in your head.

# %%
predict("06.b", ...)

# %%
central_difference = use("02.2")
slope = central_difference(lambda x1: one_unit(x1=x1)["y"].data, 2.0, 1e-5)
compare("06.b", slope, within=0.02)

# %% [markdown]
# How many times as far as a number the *result* moves is called the **gradient** of that number. To get all gradients we
# begin at the end. The result moves one for one with itself: its gradient is 1. Then each number **hands on** to its
# parents: *its own gradient, times its slope for that parent*. Nothing is computed twice, and nobody has to know the whole
# graph.
#
# **Play.** Move the step slider (or focus it and use the arrow keys): first the values go forwards, then the gradients come
# back. Then move the bias down, until `z` is near 0, and up, until it is near 3. What happens to all the gradients? Where
# does `w2` get its gradient of 0 from?

# %%
explore_graph(one_unit, step=8, x1=2.0, w1=-3.0, x2=0.0, w2=1.0, b=6.9)

# %% [markdown]
# Far out, where tanh is flat, its slope is almost 0, and whatever comes back is multiplied by it. And `w2` hangs on an
# input of 0: nobody would notice if it changed.
#
# ## 4 · Two ways to the same number
#
# In a network, a number is used many times: each output of a layer goes to every unit of the next one.
#
# **Predict.** In the graph below, `d` is made from `a` in two ways: through `c`, and directly. If `a` is nudged, how many
# times as far does `d` move? The cell holds the answers to choose from.


# %%
def two_ways(a=2.0, b=3.0):
    """c = a·b   d = c + a   e = c·d      -> name: Value, the result last"""
    a, b = Value(a), Value(b)
    c = a * b
    d = c + a
    return dict(a=a, b=b, c=c, d=d, e=c * d)


graph = two_ways()
show(figures.value_graph(graph, "Some numbers are used twice", gradients=False))
predict("06.c", ..., choices=(1, 3, 4))

# %%
slope = central_difference(lambda a: two_ways(a=a)["d"].data, 2.0, 1e-5)
compare("06.c", round(slope))
explore_graph(two_ways, step=6, a=2.0, b=3.0)

# %% [markdown]
# Each way brings its part, 3 through `c` and 1 directly, and **the parts add up**: 4.
#
# But take care. Step through this graph (the picture goes back from `e`): `c` gets one part from `e` and one from `d`. If it handed on after the first part,
# the rest would never reach `a` and `b`. **A number may hand on only when all that it was used for has handed on to it.**
# So we need an order.
#
# ### Exercise 06.2: parents before children
#
# List `v` and everything that it was made from, each Value once, every one *after* all its parents. So `v` comes last. Only
# the Values themselves count: two of them may hold the same number. Return a list. There are often several such
# orders, and any of them is right. One way is a helper that visits a number: first it visits the number's parents, one after
# the other, and then it appends the number itself.


# %% exercise 06.2
def topological_order(v):
    """v and all that it was made from, parents first, each once
    v Value -> list"""
    ### BEGIN SOLUTION
    order = []

    def visit(u):
        if u not in order:
            for parent in u.parents:
                visit(parent)
            order.append(u)

    visit(v)
    return order
    ### END SOLUTION


check("06.2")

# %% use 06.2
topological_order = use("06.2")

# %%
order = topological_order(graph["e"])
show(figures.in_a_row(order, graph, "Every arrow runs to the right"))

# %% tags=["nbval-check-output"]
print("numbers in the order:", len(order), "of", len(graph))
at = {name: order.index(v) for name, v in graph.items()}
print("c before d, and d before e:", at["c"] < at["d"] < at["e"] == 4)

# %% [markdown]
# ### Exercise 06.3: backward
#
# Now put it together. `backward(v)` fills in the `grad` of `v` and of everything that it was made from:
#
# 1. All of them start from 0, and `v` gets 1.
# 2. From the last to the first, each hands on to its parents: to each parent's `grad` it *adds* its own `grad` times its
#    slope.
#
# Why start from 0? If someone calls it twice, the gradients of the first call are still there. **Called twice, it must
# leave the same gradients as called once.** What it returns does not matter. The `return ...` stands there only until
# you replace it.


# %% exercise 06.3
def backward(v):
    """parent.grad += slope · child.grad, from v back, where v.grad = 1
    v Value"""
    ### BEGIN SOLUTION
    order = topological_order(v)
    for u in order:
        u.grad = 0.0
    v.grad = 1.0
    for u in reversed(order):
        for parent, slope in zip(u.parents, u.slopes):
            parent.grad += slope * u.grad
    ### OPEN return ...  # your code
    ### END SOLUTION


check("06.3")

# %% use 06.3
backward = use("06.3")

# %%
backward(graph["e"])
show(figures.value_graph(graph, "What came back"))
backward(unit["y"])
show(figures.value_graph(unit, "One unit, with all its gradients"))

# %% tags=["nbval-check-output"]
once = [round(float(v.grad), 6) for v in graph.values()]
backward(graph["e"])
twice = [round(float(v.grad), 6) for v in graph.values()]
print("gradients of a, b, c, d, e:", once)
print("called twice, the same:", once == twice)
for name in ("x1", "w1", "x2", "w2", "b"):
    print(f"gradient of {name}: {float(unit[name].grad) + 0.0:.4f}")

# %% [markdown]
# One pass back, and *every* number knows what the result wants of it.
#
# ## 5 · On trial
#
# A wrong slope raises no error. It just learns badly. But we have an independent witness: nudging is slow, and needs no
# rules.
#
# ### Exercise 06.4: the largest gap
#
# `f` takes Values, one by one as in `f(*values)`, and gives a Value; `x` holds the numbers to try it with. Compare, for each number in turn, the gradient
# from `backward` with the slope by nudging (`central_difference`, with `h` = 1e-5). Return the largest difference, without
# its sign. `x` must be as it was when you are done. Any way of nudging is right, as long as it nudges one number at a time,
# to both sides. The check also hands you rules that are wrong on purpose: then the gap must be large.


# %% exercise 06.4
def gap(f, x):
    """max |grad_i − slope by nudging x_i|      f Values -> Value  x (I,)"""
    ### BEGIN SOLUTION
    inputs = [Value(xi) for xi in x]
    backward(f(*inputs))

    def moved(i, xi):
        numbers = list(x)
        numbers[i] = xi
        return f(*[Value(n) for n in numbers]).data

    def slope(i):
        return central_difference(lambda xi: moved(i, xi), x[i], 1e-5)

    return max(abs(v.grad - slope(i)) for i, v in enumerate(inputs))
    ### END SOLUTION


check("06.4")

# %% use 06.4
gap = use("06.4")


# %%
def wrong_tanh(v):
    """A common slip: 1 + t² in place of 1 − t²."""
    return Value(np.tanh(v.data), (v,), (1 + np.tanh(v.data) ** 2,))


drawn = {
    "1 − t²": lambda z: 1 - np.tanh(z) ** 2,
    "1 + t²": lambda z: 1 + np.tanh(z) ** 2,
}
show(figures.bends(drawn, "The slope of tanh, and a slip", ylabel="slope"))

# %% tags=["nbval-check-output"]
x = np.array([1.2, -0.7, 0.2])
right = gap(lambda a, b, c: (a * b + c).tanh(), x)
slip = gap(lambda a, b, c: wrong_tanh(a * b + c), x)
corner = gap(lambda a: a.relu(), np.array([0.0]))
print("gap of tanh(a·b + c) below 1e-8:", bool(right < 1e-8))
print("with a wrong tanh:", round(float(slip), 4))
print("relu at exactly 0:", round(float(corner), 4))

# %% [markdown]
# The wrong rule is found at once. The last line is no mistake: at its corner relu has slope 1 on one side and 0 on the
# other. Nudging to both sides sees half of each. We agreed on 0. It hardly ever matters, since hardly any sum is
# *exactly* 0, but now you know where such a gap comes from.
#
# Last, a test from outside. The small program *micrograd* by Andrej Karpathy (github.com/karpathy/micrograd) prints an
# expression on its first page, with its results: g = 24.7041, and the slopes 138.8338 for a and 645.5773 for b. It needs a
# division. **One new rule is enough:** $1/v$ has the slope $-1/v^2$. Nothing else has to know about it.


# %%
def one_over(v):
    """1 / v: slope −1 / v²"""
    return Value(1 / v.data, (v,), (-1 / v.data**2,))


a, b, one, minus = Value(-4.0), Value(2.0), Value(1.0), Value(-1.0)
c, d = a + b, a * b + b * b * b
c = c + c + one
c = c + one + c + minus * a
d = d + d * Value(2.0) + (b + a).relu()
d = d + Value(3.0) * d + (b + minus * a).relu()
e = c + minus * d
f = e * e
g = f * Value(0.5) + Value(10.0) * one_over(f)
named = dict(a=a, b=b, c=c, d=d, e=e, f=f, g=g)
show(figures.graph_map(named, "What g was made from"))

# %% tags=["nbval-check-output"]
backward(g)
print(f"g = {g.data:.4f}   for a: {a.grad:.4f}   for b: {b.grad:.4f}")
print("numbers in the graph:", len(topological_order(g)))

# %% [markdown]
# Digit for digit. The thick outlines mark numbers that are used more than once: without adding up, and without the order, the
# slopes would be wrong.
#
# ## 6 · A network learns XOR
#
# In notebook 01 no unit did more than 3 of the 4 rows of XOR. In notebook 05 hidden units made it possible. Now weights
# will be *found*, with your machine inside gradient descent (notebook 02). Three hidden units with tanh, one output, and
# the mean squared error as the loss: 13 parameters. The outputs that we want are −1 and 1.


# %%
gradient_descent = use("02.4")
ROWS, XOR = [(0, 0), (0, 1), (1, 0), (1, 1)], [-1, 1, 1, -1]


def network(w, x1, x2):
    """Three hidden units, one output   w 13 Values  x1, x2 numbers -> Value"""
    x1, x2, h = Value(x1), Value(x2), []
    for k in (0, 3, 6):  # two weights and a bias for each hidden unit
        h.append((w[k] * x1 + w[k + 1] * x2 + w[k + 2]).tanh())
    return h[0] * w[9] + h[1] * w[10] + h[2] * w[11] + w[12]


def loss(*w):
    """L = mean of (y − t)² over the four rows, as a Value"""
    total = Value(0.0)
    for x, t in zip(ROWS, XOR):
        d = network(w, *x) + Value(-t)
        total = total + d * d
    return total * Value(0.25)


# %%
begin = np.random.default_rng(6).normal(size=13)
w = [Value(number) for number in begin]
backward(loss(*w))
back, nudged = [v.grad for v in w], []
for k in range(13):
    up, down = begin.copy(), begin.copy()
    up[k], down[k] = begin[k] + 1e-5, begin[k] - 1e-5
    rise = loss(*map(Value, up)).data - loss(*map(Value, down)).data
    nudged.append(rise / 2e-5)
names = "w0 w1 b2 w3 w4 b5 w6 w7 b8 w9 w10 w11 b12".split()
print("nudging worked out the loss", 2 * len(nudged), "times")
show(figures.slopes_compared(names, back, nudged, title="Slopes of the loss"))

# %% [markdown]
# One pass back gave all of these (w for weights, b for biases); nudging had to work out the loss 26 times. Now adjust all
# 13, each against its slope, again and again.
#
# **Predict.** How many of the four rows will be right after 400 updates? We show one start first. The cell after it takes
# ten, since one may be luck.

# %%
predict("06.d", ..., choices=(2, 3, 4))


def slopes(theta):
    """The gradient of the loss      theta (13,) -> (13,)"""
    w = [Value(number) for number in theta]
    backward(loss(*w))
    return np.array([v.grad for v in w])


def train(seed, updates=400):
    """13 random numbers, then downhill   -> those after 0, 10, ... updates"""
    path = [np.random.default_rng(seed).normal(size=13)]
    for _ in range(0, updates, 10):
        path.append(gradient_descent(slopes, path[-1], 0.1, 0.0, 10)[0])
    return path


# %%
def says(theta):
    """What the network says to the four rows      theta (13,) -> (4,)"""
    return np.array([network([Value(n) for n in theta], *x).data for x in ROWS])


def learned(path, title):
    losses = [loss(*map(Value, theta)).data for theta in path]
    said, marks = [says(theta) for theta in path], range(0, 10 * len(path), 10)
    rows = ["0 xor 0", "0 xor 1", "1 xor 0", "1 xor 1"]
    return figures.learning(marks, losses, said, rows, title)


path = train(6)
show(learned(path, "Start 6"))
right = int(np.sum(np.sign(says(path[-1])) == XOR))
compare("06.d", right, unit="of 4")

# %%
ends = [train(seed)[-1] for seed in range(10)]
rows_right = [int(np.sum(np.sign(says(end)) == XOR)) for end in ends]
print("rows right:", *rows_right, "- all four:", rows_right.count(4), "of 10")
show(learned(train(8), "Start 8"))

# %% tags=["nbval-check-output"]
agrees = bool(gap(loss, begin) < 1e-7)
print("errors went back to all 13, as nudging finds them:", agrees)
first, last = (loss(*map(Value, theta)) for theta in (begin, path[-1]))
print("numbers in the graph of the loss:", len(topological_order(first)))
print(f"boxes for one image of MNIST, two a weight: {2 * (784 * 30 + 30 * 10):,}")
later = sum(np.sign(says(train(8, 1200)[-1])) == XOR)
fell = bool(last.data < first.data / 100)
print("rows right:", right, "of 4; the loss fell to a hundredth:", fell)
print("start 8, rows right after 1,200 updates:", later)
print("at least 8 of 10 starts get all four:", rows_right.count(4) >= 8)
done = bool(agrees and fell and np.all(path[-1] != begin))
print("backpropagation inside gradient descent: errors go back, weights are adjusted:", done)

# %% [markdown]
# This is how every network in this course will learn. **Backpropagation** sends the error back and gives each weight its
# slope. **Gradient descent** uses the slopes to adjust the weights. Then forwards again, with a fresh graph.
#
# Nine of the ten starts got all four rows. Start 8 has come to a stretch that is almost flat, with 2 rows right. A
# gradient says which way is down from here, and no more.
#
# **Your turn.** When does start 8 find its way out? In a cell of your own: `show(learned(train(8, 1200), "Start 8"))`. It
# takes more than twice the 400 updates, and then it goes fast: 4 rows right. A flat stretch is slow, and not always the end.
#
# ## What you can now claim
#
# - **Every calculation is a graph of small steps**, and each step knows its own slopes. You have written four rules, and
#   added a fifth without touching the others.
# - **Gradient = what comes from above × the slope of the step.** Along a way slopes multiply; where ways meet, they add up.
# - **The order matters:** a number hands on when everything has reached it. And gradients start from 0, or the last call is
#   still in them.
# - **You need not believe it.** Your gradients agree with nudging, and with the numbers that another program published.
# - **Backpropagation works inside gradient descent:** errors go back, weights are adjusted. From 9 of 10 starts a network
#   with a hidden layer has learned what no single unit can do.
#
# One thing should bother you. Every number here is an object of its own. For four rows and 13 weights that is fine. For
# MNIST it would be 47,640 boxes and more, a product and a sum for each weight, for a single image. But layers are matrix products. **Can a whole layer hand on its errors
# in one step?** That is notebook 07.

# %%
progress("06")
