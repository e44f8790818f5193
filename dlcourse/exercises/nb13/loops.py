"""Wrong answers to 13.4: the training loop with something moved too often, or not kept as it was."""

from __future__ import annotations

import numpy as np


def varied(every="", read=None, W_read=False, W_seen=False, stays="", keep=None, late=False):
    """`train` with one thing done otherwise: what is moved in every step, what is read there, what stays there."""

    def train(xp, x, t, W, lr, steps):
        host = {"x": x, "t": t}
        gx, gt, W = xp.asarray(x), xp.asarray(t), xp.asarray(W)
        losses = np.zeros(steps) if read else xp.zeros(steps)
        for k in range(steps):
            gx = xp.asarray(host["x"]) if "x" in every else gx
            gt = xp.asarray(host["t"]) if "t" in every else gt
            e = gx @ W - gt
            if not late:
                losses[k] = read((e * e).mean()) if read else (e * e).mean()
            W = W - lr * 2 * gx.T @ e / e.size
            if late:
                losses[k] = ((gx @ W - gt) ** 2).mean()
            W = xp.asarray(W.get()) if W_read else W
            host["W"] = W.get() if W_seen else None
        losses = losses if read or "losses" in stays else losses.get()
        return W if "W" in stays else W.get(), losses if keep is None else keep(losses)

    return train


def item(a):
    """a.item(): one number, and a wait."""
    return a.item()


def get(a):
    """a.get(): the array, and a wait."""
    return a.get()


def one_by_one(read):
    """All losses wait on the device, and are then read by themselves."""

    def train(xp, x, t, W, lr, steps):
        x, t, W, losses = xp.asarray(x), xp.asarray(t), xp.asarray(W), []
        for _ in range(steps):
            e = x @ W - t
            losses.append((e * e).mean())
            W = W - lr * 2 * x.T @ e / e.size
        return W.get(), np.array([read(v) for v in losses])

    return train


def same_start(told):
    """What the update gives has another name than the W of the product. told: which of both is given back."""

    def train(xp, x, t, W, lr, steps):
        x, t, gW, losses = xp.asarray(x), xp.asarray(t), xp.asarray(W), xp.zeros(steps)
        for k in range(steps):
            e = x @ gW - t
            losses[k] = (e * e).mean()
            W = gW - lr * 2 * x.T @ e / e.size
        return (W, gW)[told].get(), losses.get()

    return train


def one_place(place):
    """Each loss is put into the same place of an array of zeros."""

    def train(xp, x, t, W, lr, steps):
        W, losses = varied()(xp, x, t, W, lr, steps)
        return W, np.where(np.arange(steps) == place % steps, losses[-1], 0.0)

    return train


def on_the_host(xp, x, t, W, lr, steps):
    """Nothing moves, and the device has nothing to do."""
    losses = []
    for _ in range(steps):
        e = x @ W - t
        losses.append((e * e).mean())
        W = W - lr * 2 * x.T @ e / e.size
    return W, losses
