/**
 * np.fft and what np.linalg can do with its other functions, as Python texts (numpy-functions.ts says how they are used). A transform is a product with its matrix, any n; of n = 32 m points it is m-point and 32-point
 * ones with factors between them (Cooley and Tukey 1965): n (32 + m) operations. Further levels would pay for runs of very many points only, and programs with many transforms take longer to compile by each.
 */
const sums = (sign: string, points: string): string => `
    kind = (x[..., :1] * 1.0j).dtype
    def matrix(k, m):
        return np.exp(${sign}2.0j * np.pi * (np.outer(np.arange(k), np.arange(m)) % k) / k).astype(kind)
    if 32 * (n // 32) == n and n > 32:
        h = n // 32
        z = matrix(32, 32) @ x.reshape(x.shape[:-1] + (32, h))
        z = z * np.exp(${sign}2.0j * np.pi * np.outer(np.arange(32), np.arange(h)) / n).astype(kind)
        y = np.swapaxes(z @ matrix(h, h), -1, -2).reshape(x.shape[:-1] + (n,))${points === "n" ? "" : `[..., :${points}]`}
    else:
        y = x @ matrix(n, ${points})
`;
/** A transform of n points along an axis, padded or cut to n first. */
const transform = (name: string, sign: string, points: string, divided: "==" | "!="): string => `
def ${name}(a, n=None, axis=-1, norm=None):
    assert norm is None or norm == 'backward' or norm == 'ortho' or norm == 'forward', 'norm is backward, ortho or forward'
    x = np.moveaxis(np.asarray(a), axis, -1)
    if n is None:
        n = x.shape[-1]
    else:
        c = min(n, x.shape[-1])
        padded = np.zeros(x.shape[:-1] + (n,), dtype=x.dtype)
        padded[..., :c] = x[..., :c]
        x = padded
${sums(sign, points).slice(1)}    if norm == 'ortho':
        y = y / np.sqrt(n)
    elif norm ${divided} 'forward':
        y = y / n
    return np.moveaxis(y, -1, axis)
`;
const both = (name: string, of: string): string => `
def ${name}(a, s=None, axes=(-2, -1), norm=None):
    if s is None:
        return np.fft.${of}(np.fft.${of}(a, None, axes[1], norm), None, axes[0], norm)
    return np.fft.${of}(np.fft.${of}(a, s[1], axes[1], norm), s[0], axes[0], norm)
`;
const shift = (name: string, by: string): string => `
def ${name}(x, axes=None):
    y = np.asarray(x)
    if axes is None:
        if y.ndim == 1:
            return np.roll(y, ${by}(y.shape[0] // 2))
        assert y.ndim == 2, 'np.fft.${name} of more than two dimensions needs axes'
        return np.roll(np.roll(y, ${by}(y.shape[0] // 2), 0), ${by}(y.shape[1] // 2), 1)
    return np.roll(y, ${by}(y.shape[axes] // 2), axes)
`;

export const LINEAR_TEXTS: Readonly<Record<string, string>> = {
  "np.fft.fft": transform("fft", "-", "n", "=="),
  // Divided by n unless something else is said.
  "np.fft.ifft": transform("ifft", "", "n", "!="),
  "np.fft.rfft": transform("rfft", "-", "n // 2 + 1", "=="),
  "np.fft.irfft": `
def irfft(a, n=None, axis=-1, norm=None):
    assert norm is None or norm == 'backward' or norm == 'ortho' or norm == 'forward', 'norm is backward, ortho or forward'
    x = np.moveaxis(np.asarray(a), axis, -1)
    if n is None:
        n = 2 * (x.shape[-1] - 1)
    c = min(n // 2 + 1, x.shape[-1])
    k = np.arange(c)
    # Every frequency but the first, and the last of an even n, stands for two.
    weight = np.where((k == 0) | (2 * k == n), 1.0, 2.0)
    padded = np.zeros(x.shape[:-1] + (n,), dtype=(x[..., :1] * 1.0j).dtype)
    padded[..., :c] = x[..., :c] * weight.astype((x[..., :1].real * 1.0).dtype)
    x = padded
${sums("", "n").slice(1)}    y = y.real
    if norm == 'ortho':
        y = y / np.sqrt(n)
    elif norm != 'forward':
        y = y / n
    return np.moveaxis(y, -1, axis)
`,
  "np.fft.fft2": both("fft2", "fft"),
  "np.fft.ifft2": both("ifft2", "ifft"),
  "np.fft.fftfreq": `
def fftfreq(n, d=1.0):
    k = np.arange(n)
    return np.where(k < (n + 1) // 2, k, k - n) / (n * d)
`,
  "np.fft.rfftfreq": `
def rfftfreq(n, d=1.0):
    return np.arange(n // 2 + 1) / (n * d)
`,
  "np.fft.fftshift": shift("fftshift", ""),
  "np.fft.ifftshift": shift("ifftshift", "-"),
  // The rows are scaled to length √e: of matrices without structure the determinant then neither overflows nor vanishes, and of any with less than a thousand rows it does not overflow.
  "np.linalg.slogdet": `
def slogdet(a):
    length = np.sqrt(np.sum(np.abs(a) ** 2, axis=-1))
    scale = np.where(length == 0, 1.0, length) * np.exp(-0.5)
    d = np.linalg.det(a / scale[..., None])
    return np.sign(d), np.log(np.abs(d)) + np.sum(np.log(scale), axis=-1)
`,
  // The solution of least norm: of a matrix whose rank is its smaller size the only one, or that of least norm.
  "np.linalg.lstsq": `
def lstsq(a, b, rcond=None):
    cut = -1.0 if rcond is None else rcond
    x = np.linalg.pinv(a, cut) @ b
    s = np.linalg.svdvals(a)
    rank = np.sum(s > (s[0] * np.finfo(s.dtype).eps * max(a.shape[0], a.shape[1]) if rcond is None else s[0] * rcond))
    r = b - a @ x
    return x, np.sum(r * r, axis=0, keepdims=b.ndim == 1), rank, s
`,
  "np.linalg.matrix_rank": `
def matrix_rank(A, tol=None):
    s = np.linalg.svdvals(A)
    return np.sum(s > (s[0] * np.finfo(s.dtype).eps * max(A.shape[0], A.shape[1]) if tol is None else tol))
`,
  "np.linalg.cond": `
def cond(x, p=None):
    if p is None or p == 2:
        s = np.linalg.svdvals(x)
        return s[0] / s[-1]
    return np.linalg.norm(x, p) * np.linalg.norm(np.linalg.inv(x), p)
`,
  // Householder's reflections, with LAPACK's signs.
  "%np.completed": `
def completed(u):
    q, r = np.linalg.qr(u, 'complete')
    return np.concatenate((u, q[:, u.shape[1]:]), axis=1)
`,
  "np.linalg.qr": `
def qr(a, mode='reduced'):
    assert mode == 'reduced' or mode == 'complete' or mode == 'r', 'np.linalg.qr: mode is reduced, complete or r'
    m, n = a.shape
    r = a * 1.0
    q = np.eye(m, dtype=r.dtype)
    if np.iscomplexobj(a):
        # Reflections that make R's diagonal real.
        for j in range(min(m, n)):
            x = r[j:, j].copy()
            off = np.sum(x[1:].real ** 2 + x[1:].imag ** 2) + x[0].imag ** 2
            if off > 0:
                size = np.sqrt(off + x[0].real ** 2)
                beta = -size if x[0].real >= 0 else size
                tau = (beta - x[0]) / beta
                v = x / (x[0] - beta)
                v[0] = 1.0
                r[j:, j:] -= np.conj(tau) * np.outer(v, np.conj(v) @ r[j:, j:])
                q[:, j:] -= tau * np.outer(q[:, j:] @ v, np.conj(v))
    else:
      for j in range(min(m - 1, n)):
        below = np.sum(r[j + 1:, j] ** 2)
        if below > 0:
            v = r[j:, j].copy()
            s = np.sqrt(v[0] * v[0] + below)
            v[0] = v[0] + s if v[0] >= 0 else v[0] - s
            f = 2.0 / np.sum(v * v)
            r[j:, j:] -= f * np.outer(v, v @ r[j:, j:])
            q[:, j:] -= f * np.outer(q[:, j:] @ v, v)
    if mode == 'complete':
        return q, np.triu(r)
    k = min(m, n)
    if mode == 'r':
        return np.triu(r[:k])
    return q[:, :k], np.triu(r[:k])
`,
};
