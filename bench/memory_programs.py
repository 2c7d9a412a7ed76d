"""Programs whose gradients want more memory than they need: what bench/memory.mjs runs under limits."""
import numpy as np


def products(A, B, C):
    """Products of products, each with a nonlinear function of its elements."""
    X = np.tanh(A @ B)
    Y = np.tanh(A @ C)
    Z = np.tanh(B @ C)
    W = np.sin(X @ Y) + Z
    V = np.sin(Y @ Z) * X
    U = np.tanh(W @ V)
    S = np.sin(U @ W) + np.cos(V @ X)
    return np.sum(S * S)


def network(x, W, V):
    """Residual blocks in a loop: h += tanh(h W) V."""
    h = x.copy()
    for l in range(W.shape[0]):
        h = h + np.tanh(h @ W[l]) @ V[l]
    return np.sum(h * h)


def layers(x, W, V):
    """Eight residual blocks written out."""
    h0 = x + np.tanh(x @ W[0]) @ V[0]
    h1 = h0 + np.tanh(h0 @ W[1]) @ V[1]
    h2 = h1 + np.tanh(h1 @ W[2]) @ V[2]
    h3 = h2 + np.tanh(h2 @ W[3]) @ V[3]
    h4 = h3 + np.tanh(h3 @ W[4]) @ V[4]
    h5 = h4 + np.tanh(h4 @ W[5]) @ V[5]
    h6 = h5 + np.tanh(h5 @ W[6]) @ V[6]
    h7 = h6 + np.tanh(h6 @ W[7]) @ V[7]
    return np.sum(h7 * h7)


def attention(x, q, k, v):
    """Softmax of scores, twice: what is dear is the product, what is large the scores."""
    s = (x @ q) @ (x @ k).T
    e = np.exp(s - np.max(s, axis=1, keepdims=True))
    p = e / np.sum(e, axis=1, keepdims=True)
    y = np.tanh(p @ (x @ v))
    t = (y @ q) @ (y @ k).T
    f = np.exp(t - np.max(t, axis=1, keepdims=True))
    r = f / np.sum(f, axis=1, keepdims=True)
    return np.sum((r @ (y @ v)) ** 2)


def gray_scott(u, v, steps, feed, kill):
    """Reaction and diffusion of two fields on a torus."""
    for t in range(steps):
        lu = np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1) - 4 * u
        lv = np.roll(v, 1, 0) + np.roll(v, -1, 0) + np.roll(v, 1, 1) + np.roll(v, -1, 1) - 4 * v
        r = u * v * v
        u = u + 0.16 * lu - r + feed * (1 - u)
        v = v + 0.08 * lv + r - (feed + kill) * v
    return np.sum(v * v)


def burgers(u, steps, c):
    """A wave that steepens, overwritten in place each step."""
    for t in range(steps):
        u[1:-1] = u[1:-1] - c * u[1:-1] * (u[2:] - u[:-2]) + 0.1 * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum(u * u)
