/** Programs of fields on a torus, in the ways that people write them: np.roll, concatenate, np.pad. Each has arguments u, v, W (matrices) and steps. */
export const PERIODIC = ["helper", "rebound", "place", "joined", "padded", "both", "flat"] as const;

export const PERIODIC_SOURCE = `import numpy as np

def lap(f):
    return np.roll(f, 1, 0) + np.roll(f, -1, 0) + np.roll(f, 1, 1) + np.roll(f, -1, 1) - 4.0 * f

def helper(u, v, W, steps):
    for t in range(steps):
        r = u * v * v
        un = u + 0.16 * lap(u) - r + 0.035 * (1.0 - u)
        vn = v + 0.08 * lap(v) + r - 0.1 * v
        u, v = un, vn
    return np.sum(W * v) + np.sum(u * W * W)

def rebound(u, v, W, steps):
    for t in range(steps):
        lu = np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1) - 4 * u
        lv = np.roll(v, 1, 0) + np.roll(v, -1, 0) + np.roll(v, 1, 1) + np.roll(v, -1, 1) - 4 * v
        r = u * v * v
        u = u + 0.16 * lu - r + 0.035 * (1 - u)
        v = v + 0.08 * lv + r - 0.1 * v
    return np.sum(W * v) + np.sum(u * W * W)

def place(u, v, W, steps):
    for t in range(steps):
        u += 0.1 * u * (np.roll(u, 2, 0) - np.roll(u, -1, 1)) + 0.05 * np.roll(v, 1, 1)
        v[:] = np.sin(v) + 0.3 * np.roll(u * v, -2, 1)
    return np.sum(W * v) + np.sum(u * W * W)

def joined(u, v, W, steps):
    for t in range(steps):
        e = np.concatenate((u[-1:], u, u[:1]))
        u = 0.9 * u + 0.05 * (e[2:] * e[2:] - e[:-2]) * v
        v = np.hstack((v[:, 1:], v[:, :1])) * np.cos(u)
    return np.sum(W * v) + np.sum(u * W * W)

def padded(u, v, W, steps):
    for t in range(steps):
        e = np.pad(u, 1, mode="wrap")
        u = u + 0.1 * (e[:-2, 1:-1] + e[2:, 1:-1] + e[1:-1, :-2] + e[1:-1, 2:] - 4.0 * u) * v
        v = 0.9 * v + 0.02 * np.pad(u * v, ((1, 1), (0, 0)), mode="edge")[:-2] * u
    return np.sum(W * v) + np.sum(u * W * W)

def both(u, v, W, steps):
    for t in range(steps):
        f = 0.5 * np.roll(u, (1, -1), axis=(0, 1)) + 0.25 * np.roll(np.roll(v, -1, 0), 1, 1)
        g = np.roll(f * v, 3, axis=0)
        u = u + 0.1 * (f - u) * g
        v = 0.5 * (v + np.roll(v, 1, 1)) - 0.01 * f * f
    return np.sum(W * v) + np.sum(u * W * W)

def flat(u, v, W, steps):
    x = u[0]
    y = v[0] + np.roll(v[-1], 1)
    for t in range(steps):
        y = y + 0.1 * (np.roll(x, 1) - 2 * x + np.roll(x, -1)) * y
        x = x + 0.1 * y * np.roll(y, 1)
    return np.sum(W[0] * x) + np.sum(y * y)
`;
export const values = (n: number, seed: number): Float64Array => Float64Array.from({ length: n }, (_, i) => 0.5 + 0.4 * Math.sin(seed + 1.7 * i + 0.3 * i * i));
