# %% [markdown]
# # 02 · A unit learns
#
# In notebook 01 you chose the weights yourself: by hand, by search, by averages. That works for three numbers. Nobody can
# do it for a million.
#
# **The question.** How can a unit find its own weights?
#
# The answer is a loop of a few lines. You will write it, see it fail, and let it learn to read.
#
# *About 70 minutes, five exercises, no GPU needed.* Where you see `...`, it is your turn. In a cell of your own,
# `hint("02.1")` gives a hint and `solution("02.1")` shows our answer.

# %%
import numpy as np

from dlcourse import check, compare, hint, predict, progress, solution
from dlcourse import figures, load_digits, show, start, use

start("02")

# %% [markdown]
# ## 1 · How wrong is it?
#
# Let us begin with a unit that has one input. From each image of a 0 or a 1 we keep a single number: the mean ink of
# the eight pixels in the middle. A 1 mostly has ink there, a 0 mostly has not. So the unit should say 1 where the number is
# large and 0 where it is small.
#
# We leave the bend out for now: the last argument, `lambda z: z`, is a function that gives back what it gets. Let us try
# a weight of 0.5 and no bias.
#
# **Predict** (in the second cell below). For each image, what the unit says is off by some difference. Square all the
# differences and take their mean. If every difference becomes twice as large, that mean becomes how many times as large?


# %%
def pair(a, b, key=0):
    """Images of digits a and b; t is 1 for a b -> X, t, X_test, t_test"""
    d = load_digits(key=key).flat()
    mine, exam = np.isin(d.t_train, (a, b)), np.isin(d.t_test, (a, b))
    X, X_test = d.x_train[mine].astype(float), d.x_test[exam].astype(float)
    return X, 1.0 * (d.t_train[mine] == b), X_test, 1.0 * (d.t_test[exam] == b)


def ink(X):
    """Mean ink of rows 2 to 5, columns 3 and 4, from 0    X (B,64) -> (B,)"""
    return X.reshape(-1, 8, 8)[:, 2:6, 3:5].mean(axis=(1, 2))


X, t, X_exam, t_exam = pair(0, 1)
x = ink(X)
show(figures.digits(X[:10], x[:10].round(2), "Each under its ink in the middle"))

# %%
unit = use("01.1")
y = np.array([unit(np.array([xi]), np.array([0.5]), 0.0, lambda z: z) for xi in x])
lines, middle = {"w = 0.5, b = 0": (0.5, 0.0)}, "ink in the middle"
show(figures.line_fit(x, t, lines, 40, "A guess: too low for the ones", middle))
print(len(t), "images to learn from")
predict("02.a", ...)

# %% [markdown]
# The thick line is what the unit says, its **prediction** $y$. The points are the **desired values** $t$. The thin lines
# are the differences, drawn for forty of the 293 images. To compare two units we want one number: square each
# difference, so that too high and too low both count, and take the mean. A number that says how wrong the predictions
# are is called a **loss**, and this one the **mean squared error**:
#
# $$L = \frac{1}{B} \sum_n (y_n - t_n)^2$$
#
# $B$ is the number of examples, which together are called a **batch**.
#
# ### Exercise 02.1: the loss


# %% exercise 02.1
def mse(y, t):
    """L = mean of (y − t)²      y (B,)  t (B,) -> L number"""
    ### BEGIN SOLUTION
    return np.mean((y - t) ** 2)
    ### END SOLUTION


check("02.1")

# %% use 02.1
mse = use("02.1")

# %%
print(f"loss with w = 0.5: {mse(y, t):.4f}")
compare("02.a", mse(t + 2 * (y - t), t) / mse(y, t), within=0.01, unit="times")

# %% [markdown]
# ## 2 · A nudge shows the way
#
# The bias stays 0 for a while, so the loss depends on one number only: $w$. Suppose you stand at $w = 0.5$ in fog. You
# cannot see where the curve is low. But you can take a small step of size $h$ to each side, and feel whether the ground
# rises. Such a small step is called a **nudge**.


# %%
def loss(w):
    return mse(w * x, t)


show(figures.nudge(loss, at=0.5, h=0.2, span=(-0.5, 2.7)))

# %% [markdown]
# How much the loss changes for each 1 that is added to $w$, as steeply as here, is its **slope**. Here it is negative:
# more $w$, less loss.
#
# ### Exercise 02.2: the slope of any function
#
# `f` is a function, so `f(x + h)` asks it for its value a little to the right. The two places are $2h$ apart.
#
# **Break it.** A smaller $h$ looks more exact. Below the exercise we try three. The third line shows one that is too small:
# a computer keeps about 16 digits, so 0.5 plus a far smaller number is 0.5 again, and there is no change left to see.


# %% exercise 02.2
def central_difference(f, x, h=1e-5):
    """(f(x + h) − f(x − h)) / (2 * h)  f function  x, h numbers -> slope at x"""
    ### BEGIN SOLUTION
    return (f(x + h) - f(x - h)) / (2 * h)
    ### END SOLUTION


check("02.2")

# %% use 02.2
central_difference = use("02.2")

# %% tags=["nbval-check-output"]
for h in (1e-1, 1e-5, 1e-17):
    print(f"h = {h:g}: slope {central_difference(loss, 0.5, h):.3f}")

# %% [markdown]
# ## 3 · Downhill
#
# The slope says in which direction the loss grows. So step the other way, the further the steeper it is:
#
# $$w \leftarrow w - \text{lr} \cdot \text{slope}$$
#
# One such step, against the slope, is an **update**. The number lr, the **learning rate**, says how far to go. You
# choose it.
#
# **Predict.** With lr = 1.5 the ball below comes to rest after a few updates. If we double it, to 3: will it come to rest
# sooner, later or never? Then play. Up to which learning rate, roughly, does the loss still fall? (The picture has
# room for 40 updates.)

# %%
from dlcourse import explore_descent

predict("02.b", ..., choices=("sooner", "later", "never"))
explore_descent(loss, span=(-1, 3), lr=0.3, start=-0.6, steps=6, lr_most=3.0)


# %%
def after(lr):
    """The loss after 100 updates from w = −0.5"""
    w = -0.5
    for _ in range(100):
        w = w - lr * central_difference(loss, w)
    return loss(w)


compare("02.b", "never" if after(3.0) > loss(-0.5) else "sooner or later")
falls = [lr for lr in np.arange(2.6, 2.8, 0.01) if after(lr) < loss(-0.5)]
print(f"largest learning rate with which the loss still falls: {max(falls):.2f}")
tried = {0.05: 12, 0.5: 12, 3.0: 4}  # learning rate: updates
balls = {f"lr = {lr}, updates: {n}": (-0.5, lr, n) for lr, n in tried.items()}
show(figures.descents(loss, balls, (-3, 5), "Too small, about right, too large"))

# %% [markdown]
# Too small, and it takes for ever. Too large, and each step lands higher on the other side than it began: it **diverges**.
# For this curve the border lies at about 2.70. No slope was wrong. The steps were.
#
# ## 4 · Many numbers at once
#
# A unit has many weights and a bias, and each has its own slope. All of them together are the **gradient**. We could nudge
# one number after the other, but each nudge asks for the whole loss again. A formula gives all slopes in one go.
#
# Let $d = y - t$ be the difference of one example. Nudge the bias by $h$, and $y$ moves by $h$. Nudge $w_i$, and $y$
# moves by $x_i h$. And the slope of $d^2$ is $2d$. So
#
# $$\frac{\partial L}{\partial b} = \text{mean of } 2d \qquad\qquad \frac{\partial L}{\partial w_i} = \text{mean of } 2 d \, x_i$$
#
# ($\partial L / \partial b$ reads: how $L$ changes if only $b$ is nudged.)
#
# ### Exercise 02.3: the gradient of a unit
#
# `X` has one example in each row. `X @ w` is the weighted sum of every row, and `d @ X` adds up the rows, each times its d.


# %% exercise 02.3
def unit_gradient(X, t, w, b):
    """d = X·w + b − t   dw = mean of 2 d x   db = mean of 2 d
    X (B,I)  t (B,)  w (I,)  b number -> dw (I,)  db number"""
    ### BEGIN SOLUTION
    d = X @ w + b - t
    return 2 * d @ X / len(t), 2 * np.mean(d)
    ### END SOLUTION


check("02.3")

# %% use 02.3
unit_gradient = use("02.3")


# %%
def loss2(w, b):
    return mse(w * x + b, t)


def slopes(theta, X, t):
    """All slopes of a unit    theta (I+1,): the weights, then the bias"""
    dw, db = unit_gradient(X, t, theta[:-1], theta[-1])
    return np.append(dw, db)


X, begin = x[:, None], np.array([0.2, 0.8])  # x[:, None]: one input in each row
dw, db = slopes(begin, X, t)
print(f"dw = {dw:.5f}, by nudges {central_difference(lambda w: loss2(w, 0.8), 0.2):.5f}")
print(f"db = {db:.5f}, by nudges {central_difference(lambda b: loss2(0.2, b), 0.8):.5f}")
arrow, title = (-0.3 * dw, -0.3 * db), "One update, seen from above"
show(figures.descent_map(loss2, [begin], (-0.6, 2.4), (-0.5, 1.1), arrow=arrow, title=title))

# %% [markdown]
# Each point of this map is a unit. The grey lines join units with the same loss. The arrow is one update with lr = 0.3:
# against the gradient, straight across the lines.
#
# ## 5 · Until it gets no lower
#
# One step is not enough. **Gradient descent** repeats it: slope, step, slope, step. But when to stop? Near the bottom it
# gets flat, and the updates become smaller and smaller. So here is a rule: stop after the first update that moves *no* number by `tol` or more. (And
# stop after `most` updates in any case, for if it diverges, the rule is never met.)
#
# **Predict.** Our unit will learn both its numbers, from w = 0.2 and b = 0.8, with lr = 0.01, until neither of them moves
# by 0.0000000001 or more. Will that take dozens, hundreds or thousands of updates?

# %%
predict("02.c", ..., choices=("dozens", "hundreds", "thousands"))

# %% [markdown]
# ### Exercise 02.4: gradient descent
#
# `theta` is an array with all numbers of the unit, `gradient(theta)` the array of their slopes. Give back the final theta
# and how many updates you made, the last one included. The array that you are handed must stay as it was.


# %% exercise 02.4
def gradient_descent(gradient, theta, lr, tol, most):
    """θ ← θ − lr · gradient(θ), until no number of θ moves by tol or more
    theta (P,)  lr, tol numbers  most count -> theta (P,), updates"""
    ### BEGIN SOLUTION
    updates, moved = 0, np.inf
    while moved >= tol and updates < most:
        update = lr * gradient(theta)
        theta = theta - update
        updates = updates + 1
        moved = np.max(np.abs(update))
    return theta, updates
    ### END SOLUTION


check("02.4")

# %% use 02.4
gradient_descent = use("02.4")

# %%
theta, n = gradient_descent(lambda v: slopes(v, X, t), begin, 0.01, 1e-10, 100_000)
print(f"w = {theta[0]:.4f}, b = {theta[1]:.4f} after {n:,} updates")
compare("02.c", "thousands" if n >= 1000 else "hundreds" if n >= 100 else "dozens")
show(figures.line_fit(x, t, {"learned": theta, "before": begin}, 40, xlabel=middle))

# %% [markdown]
# Is that really the bottom? For a unit without a bend, the best weights can also be computed directly, by a method more
# than 200 years old: *least squares*. NumPy has it as `lstsq`. And we can ask the loss itself: try a thousand other units
# near by.

# %% tags=["nbval-check-output"]
best = np.linalg.lstsq(np.column_stack([x, np.ones(len(x))]), t, rcond=None)[0]
near = theta + 0.01 * np.random.default_rng(0).normal(size=(1000, 2))
print("thousands of updates:", n >= 1000)
print("the weights moved, the loss fell:", bool(loss2(*theta) < loss2(*begin)))
best_near = min(loss2(*p) for p in near)
print("none of 1,000 units near by is better:", bool(best_near > loss2(*theta)))
print("equal to least squares, to 1e-6:", bool(abs(theta - best).max() < 1e-6))

# %%
marks = [1, 3, 10, 30, 100, 300, 1000, 3000, n]
span = (-0.6, 2.4), (-0.5, 1.1)
path = [gradient_descent(lambda v: slopes(v, X, t), begin, 0.01, 0.0, m)[0] for m in marks]
way, labels = [begin, *path], [0, *marks]
title = f"The way of {n:,} updates, on the same map"
show(figures.descent_map(loss2, way, *span, labels=labels, title=title))
losses, least = [loss2(*p) for p in path], loss2(*best)
title = "Fast at first, then ever closer to the lowest"
show(figures.long_run(marks, losses, least, title))
share = (losses[5] - least) / (loss2(*begin) - least)
print(f"after {marks[5]} updates, {share:.0%} of what can be lost is left")

# %% [markdown]
# Most of the loss is gone after a few hundred updates, though w and b still have far to go. The other updates are for the
# last digits. To see those, three of the four scales are **logarithmic**: each mark means so many *times* more, not so much
# more. The line on the right ends where nothing but rounding is left.
#
# So this is what gradient descent does: **it adjusts the weights, thousands of times, until the loss cannot be reduced any
# more.** This phase is called **training**. For one straight unit least squares is quicker. But it goes no further than
# that, and gradient descent will train whole networks.
#
# ## 6 · A loop that is almost right
#
# A friend has written the same training as one function, for one input, starting from w = 0 and b = 0. It ends at the
# same w and b as `gradient_descent`. But it counts another number of updates. Something in there is not the same.
#
# ### Exercise 02.5: find the bug
#
# The code runs. Change it until every update is right. Go through one round by hand: what do w and b hold at each line?


# %% exercise 02.5
def train(x, t, lr, tol, most):
    """Fit y = w·x + b to t, from zeros    x (B,)  t (B,) -> w, b, updates"""
    w, b, updates = 0.0, 0.0, 0
    for _ in range(most):
        ### BEGIN SOLUTION
        d = w * x + b - t
        dw, db = np.mean(2 * d * x), np.mean(2 * d)
        w, b = w - lr * dw, b - lr * db
        ### OPEN dw = np.mean(2 * (w * x + b - t) * x)
        ### OPEN w = w - lr * dw
        ### OPEN db = np.mean(2 * (w * x + b - t))
        ### OPEN b = b - lr * db
        ### END SOLUTION
        updates += 1
        if abs(lr * dw) < tol and abs(lr * db) < tol:
            break
    return w, b, updates


zeros = np.zeros(2)
same, count = gradient_descent(lambda v: slopes(v, X, t), zeros, 0.01, 1e-10, 100_000)
w, b, n = train(x, t, 0.01, 1e-10, 100_000)
print(f"train             w = {w:.6f}, b = {b:.6f}, {n:,} updates")
print(f"gradient_descent  w = {same[0]:.6f}, b = {same[1]:.6f}, {count:,} updates")
check("02.5")

# %% use 02.5
train = use("02.5")

# %% tags=["nbval-check-output"]
w, b, n = train(x, t, 0.01, 1e-10, 100_000)
print("both make the same number of updates:", n == count)
print("and end at the same numbers:", np.allclose((w, b), same, atol=1e-12))
print("right in the exam:", sum((w * ink(X_exam) + b > 0.5) == t_exam), "of", len(t_exam))

# %% [markdown]
# And from the ink in the middle alone, your unit reads nearly all zeros and ones that it had not seen.
#
# A wrong loop that still learns is a common kind of bug. It raised no error and ended at the right place. Only an exact
# question found it: how many updates?
#
# ## 7 · Use it: read 5 and 9
#
# Now all 64 pixels. In notebook 01 the weights came from averages: the mean image of one digit minus that of the other.
# For 5 and 9 that works less well. The next unit starts with all its weights at 0 and learns them from the training
# images. It says 9 where its output is above one half.
#
# **Predict.** The cell says how many test images the averages sort correctly. How many will the unit that learns?


# %%
def averages(X, t):
    """Weights and bias from the mean image of each kind      X (B,I)  t (B,)"""
    mean0, mean1 = X[t == 0].mean(axis=0), X[t == 1].mean(axis=0)
    return mean1 - mean0, -(mean1 - mean0) @ (mean0 + mean1) / 2


X59, t59, X_test, t_test = pair(5, 9)
w_mean, b_mean = averages(X59, t59)
right = np.sum((X_test @ w_mean + b_mean > 0) == t_test)
truth = np.where(t_test == 1, 9, 5)
show(figures.digits(X_test[:10], truth[:10], "To test on: 5 or 9?"))
print(f"the averages: {right} of {len(t_test)} correct")
predict("02.d", ...)


# %%
def learned(X, t, tol=1e-4, gradient=unit_gradient, descend=gradient_descent):
    """Weights, bias, number of updates; descends from 0    X (B,I)  t (B,)"""

    def slopes_at(v):
        return np.append(*gradient(X, t, v[:-1], v[-1]))

    v, n = descend(slopes_at, np.zeros(X.shape[1] + 1), 0.03, tol, 50_000)
    return v[:-1], v[-1], n


w, b, n = learned(X59, t59)
said = np.array([unit(xi, w, b, lambda z: z > 0.5) for xi in X_test])
print(f"loss in training {mse(X59 @ w + b, t59):.4f} after {n:,} updates")
compare("02.d", np.sum(said == t_test), within=1, unit=f"of {len(t_test)}")
wrong = said != t_test
answers = np.where(said, 9, 5)
missed = X_test[wrong], answers[wrong], truth[wrong]
show(figures.predictions(*missed, "Every mistake", who="the unit"))
show(figures.weight_images({"averages": w_mean, "learned": w}, "What speaks for a 9"))

# %% [markdown]
# The averages use every pixel in which the two digits differ. The learned weights are less smooth, and one pixel stands
# out: a 9 has ink there, where it closes its loop, and most 5s have not. Gradient descent does not ask how much a pixel
# differs, but how much it helps *beside all the others*.
#
# One split of the images may be luck. So here are five, and a third row in which the same unit learns longer, with a
# `tol` ten times smaller. (Eleven runs: they use the course's two functions, in case yours are slow.)


# %%
def exam(split, tol=None):
    """The share right in the exam, for averages (no tol) or after learning"""
    X, t, X_test, t_test = pair(5, 9, key=split)
    if tol is None:
        w, b = averages(X, t)
        return np.mean((X_test @ w + b > 0) == t_test)
    w, b, n = learned(X, t, tol, *quick)
    return np.mean((X_test @ w + b > 0.5) == t_test)


quick = use("02.3", ours=True), use("02.4", ours=True)
means = [exam(split) for split in range(5)]
once = [exam(split, 1e-4) for split in range(5)]
longer = [exam(split, 1e-5) for split in range(5)]
scores = {"averages": means, "learned": once, "learned longer": longer}
title = "5 or 9? Five ways to split the images"
show(figures.bands(scores, title, each="split"))
print("learned beats averages in every split:", all(np.greater(once, means)))
better, worse = np.greater(longer, once).sum(), np.less(longer, once).sum()
print(f"learned longer: better in {better} of 5 splits, worse in {worse}")
w, b, n = learned(X59, t59, 1e-5, *quick)
print(f"loss in training now {mse(X59 @ w + b, t59):.4f}, after {n:,} updates")

# %% [markdown]
# Learning wins, in every split. Learning longer made the loss on the training images still smaller, but the exam worse in
# two of five splits and better in none. What gradient descent reduces is the error on the images it learns from.
# Notebook 08 comes back to that.
#
# ## 8 · Where the rule is fooled
#
# Back to one input, ink in the middle, and now with a bend: the sigmoid of notebook 01. We keep the bias at −5. The slope
# comes from nudges, for they work with any function.
#
# **Predict.** Look at the curve. What does our rule do from w = −20, with lr = 5: does the unit learn, does it stop at
# once, or does it never stop? The slider is set to lr = 5. Once you have said it, move the start to −20.


# %%
sigmoid = use("01.3")


def bent_loss(w):
    return mse(sigmoid(w * x - 5.0), t)


span = -25, 25
explore_descent(bent_loss, span, lr=5.0, start=0.0, steps=20, lr_most=60.0)
predict("02.e", ..., choices=("learns", "stops at once", "never stops"))


# %%
def bent_slope(v):
    return np.array([central_difference(bent_loss, v[0])])


balls = {}
for begin in (0.0, -20.0):
    v, n = gradient_descent(bent_slope, np.array([begin]), 5.0, 1e-4, 20_000)
    print(f"from w = {begin:g}: loss {bent_loss(v[0]):.4f}, updates: {n}")
    balls[f"from {begin:g}, updates: {n}"] = begin, 5.0, n
print(f"the straight unit of section 5: loss {loss2(*theta):.4f}")
show(figures.descents(bent_loss, balls, span, "The same rule from two starts"))
compare("02.e", "stops at once" if n == 1 else "learns")

# %% [markdown]
# Far to the left the curve is flat: the unit says nearly 0 to every image, and no small nudge changes that. It is wrong
# for every 1, the slope is almost 0, and the rule says *done*. It only ever asked whether there is a way down **from
# here**.
#
# From 0 the unit arrives, and ends with less loss than the straight one had. So the bend is worth having, and the start
# matters. A straight unit has a single bottom. With bends there are flat places, and notebook 09 will be about them.
#
# ## What you can now claim
#
# How can a unit find its own weights?
#
# - **The loss is the difference between prediction and desired value**, as one number. You wrote it: the mean squared error.
# - **Gradient descent adjusts the weights** against the slope of the loss. A nudge and a formula gave the same slopes.
# - **It is repeated thousands of times, until the error cannot be reduced any more.** You counted the updates, and none
#   of a thousand units near by was better. It ended where least squares does.
# - **The learning rate decides.** Too small takes for ever, too large diverges.
# - It has limits: a flat place stops it, and a smaller loss in training need not mean a better exam.
#
# One unit is one yes or no. To tell ten digits apart takes ten of them, side by side, all looking at the same pixels.
# **How do you compute many units at once?** That is notebook 03.

# %%
progress("02")
