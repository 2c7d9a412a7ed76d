"""The benchmarked programs as a NumPy user writes them; each returns a weighted sum of its output."""
import numpy as np


def jacobi_2d(steps, A, B, w):
    for t in range(steps):
        B[1:-1, 1:-1] = 0.2 * (A[1:-1, 1:-1] + A[1:-1, :-2] + A[1:-1, 2:] + A[2:, 1:-1] + A[:-2, 1:-1])
        A[1:-1, 1:-1] = 0.2 * (B[1:-1, 1:-1] + B[1:-1, :-2] + B[1:-1, 2:] + B[2:, 1:-1] + B[:-2, 1:-1])
    return np.sum(w * A)


def seidel_2d(steps, A, w):
    n = A.shape[0]
    for t in range(steps):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                A[i, j] = (A[i - 1, j - 1] + A[i - 1, j] + A[i - 1, j + 1] + A[i, j - 1] + A[i, j] + A[i, j + 1]
                           + A[i + 1, j - 1] + A[i + 1, j] + A[i + 1, j + 1]) / 9.0
    return np.sum(w * A)


def heat_3d(steps, A, B, w):
    for t in range(steps):
        B[1:-1, 1:-1, 1:-1] = (0.125 * (A[2:, 1:-1, 1:-1] - 2.0 * A[1:-1, 1:-1, 1:-1] + A[:-2, 1:-1, 1:-1])
                               + 0.125 * (A[1:-1, 2:, 1:-1] - 2.0 * A[1:-1, 1:-1, 1:-1] + A[1:-1, :-2, 1:-1])
                               + 0.125 * (A[1:-1, 1:-1, 2:] - 2.0 * A[1:-1, 1:-1, 1:-1] + A[1:-1, 1:-1, :-2])
                               + A[1:-1, 1:-1, 1:-1])
        A[1:-1, 1:-1, 1:-1] = (0.125 * (B[2:, 1:-1, 1:-1] - 2.0 * B[1:-1, 1:-1, 1:-1] + B[:-2, 1:-1, 1:-1])
                               + 0.125 * (B[1:-1, 2:, 1:-1] - 2.0 * B[1:-1, 1:-1, 1:-1] + B[1:-1, :-2, 1:-1])
                               + 0.125 * (B[1:-1, 1:-1, 2:] - 2.0 * B[1:-1, 1:-1, 1:-1] + B[1:-1, 1:-1, :-2])
                               + B[1:-1, 1:-1, 1:-1])
    return np.sum(w * A)


def lu(A, w):
    n = A.shape[0]
    for k in range(n):
        for i in range(k + 1, n):
            A[i, k] /= A[k, k]
            A[i, k + 1:] -= A[i, k] * A[k, k + 1:]
    return np.sum(w * A)


def softmax(x, w):
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return np.sum(w * (e / np.sum(e, axis=-1, keepdims=True)))


def vadv(wcon, us, up, ut, w):
    """Vertical advection of columns [level, column]: a tridiagonal solve by forward elimination and back substitution."""
    K, C = us.shape
    bm, bp, dtr = 0.4, 0.6, 1.5
    cc = np.zeros((K, C))
    dc = np.zeros((K, C))
    out = np.empty((K, C))
    x = np.empty(C)
    for k in range(K):
        b = dtr * np.ones(C)
        d = dtr * up[k] + ut[k]
        if k > 0:
            ga = -0.25 * wcon[k]
            b -= ga * bp
            d -= ga * bm * (us[k - 1] - us[k])
        if k < K - 1:
            g = 0.25 * wcon[k + 1]
            b -= g * bp
            d -= g * bm * (us[k + 1] - us[k])
        if k > 0:
            pivot = 1.0 / (b - cc[k - 1] * ga * bp)
            dc[k] = (d - dc[k - 1] * ga * bp) * pivot
        else:
            pivot = 1.0 / b
            dc[k] = d * pivot
        if k < K - 1:
            cc[k] = g * bp * pivot
    for k in range(K - 1, -1, -1):
        if k == K - 1:
            x = dc[k].copy()
        else:
            x = dc[k] - cc[k] * x
        out[k] = dtr * (x - up[k])
    return np.sum(w * out)
