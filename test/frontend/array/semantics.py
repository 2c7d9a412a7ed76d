"""Small programs, each about one rule of Python or NumPy that a translation gets wrong easily. Expected results: semantics.json, computed by NumPy."""
import numpy as np


def shift_right(A):
    A[1:] = A[:-1]


def shift_left(A):
    A[:-1] = A[1:]


def overlap2d(A):
    A[1:-1,1:-1] = A[:-2,1:-1] + A[2:,1:-1]


def iadd_alias(A):
    A[1:] += A[:-1]


def neg_value(A, n):
    s = 0.0
    for i in range(n):
        s = s * 0.5 + A[i-1]
    return s


def neg_param(A, k):
    return A[k] * 2


def clamp(A, n):
    return np.sum(A[:n]) + 10 * np.sum(A[n:])


def strides(A):
    return A[::2].copy(), A[1::3].copy(), A[::-1].copy(), A[8:2:-2].copy(), A[-3::-1].copy()


def swap(u, un, steps):
    for t in range(steps):
        u[1:-1] = un[1:-1] + 0.5 * (un[2:] - un[:-2])
        u, un = un, u
    return u * 1.0


def swap_local(a, steps):
    u = a.copy()
    un = np.zeros_like(a)
    for t in range(steps):
        un[1:-1] = u[1:-1] + 0.5 * (u[2:] - u[:-2])
        u, un = un, u
    return u


def rebinding(u, steps):
    for t in range(steps):
        u = u + 0.1 * u * u
    return u


def rebinding_inplace_first(u, steps):
    v = u.copy()
    for t in range(steps):
        v[0] = v[0] * 2
        v = v + 1.0
    return v


def three_cycle(a, b, c, n):
    for i in range(n):
        a[:] = a + 1
        a, b, c = b, c, a
    return a + 0, b * 1, c - 0


def scalar_carry(A):
    s = 0
    for i in range(A.shape[0]):
        s += A[i] * i
    return s


def int_counter(A):
    k = 0
    for i in range(A.shape[0]):
        if A[i] > 0.5:
            k += 1
    return k


def while_newton(x):
    y = x
    it = 0
    while abs(y * y - x) > 1e-10:
        y = 0.5 * (y + x / y)
        it += 1
    return y, it


def break_find(A, t):
    k = -1
    for i in range(A.shape[0]):
        if A[i] > t:
            k = i
            break
    return k


def loopvar_after(n):
    for i in range(n):
        pass
    return i


def loopvar_after_break(A):
    for i in range(A.shape[0]):
        if A[i] > 0.9:
            break
    return i


def loopvar_zero(n):
    i = 17
    for i in range(n):
        pass
    return i


def cont(A):
    s = 0.0
    for i in range(A.shape[0]):
        if A[i] < 0.5:
            continue
        s += A[i]
        if A[i] > 1.0:
            continue
        s *= 1.5
    return s


def early(A, t):
    for i in range(A.shape[0]):
        if A[i] > t:
            return A[i] * 2
    return -1.0


def early_nested(A):
    for i in range(A.shape[0]):
        for j in range(A.shape[1]):
            if A[i, j] > 0.95:
                return i * 10 + j, A[i, j]
    return -1, 0.0


def early_if(x):
    if x < 0:
        return -x
    y = x * 2
    if y > 5:
        y = y - 1
        return y
    return y * 3


def maybe_return(x):
    y = x
    if x > 0:
        if x > 3:
            return x * 100
        y = y + 1
    else:
        y = y - 1
    return y * 2


def if_arrays(A, c):
    if c > 0:
        B = A + 1
    else:
        B = A * 2
    return B


def ifelse_value(A, c):
    return (A[0] if c > 0 else A[1]) * 3


def ifelse_guard(A):
    s = 0.0
    n = A.shape[0]
    for i in range(n):
        s += A[i + 1] if i + 1 < n else 2.0
    return s


def and_guard(A):
    s = 0.0
    n = A.shape[0]
    for i in range(n):
        if i + 1 < n and A[i + 1] > 0.5:
            s += A[i]
    return s


def views(A):
    B = A[1:3]
    B[0, :] = 5.0
    C = A.T
    C[0, 3] = 9.0
    D = B[:, 1:]
    D *= 2
    return A.sum()


def masks(A):
    A[A > 0.6] = 0.0
    A[A < 0.3] *= 3.0
    return A[A > 0.2].sum()


def gather(A, idx):
    return A[idx] * 2


def scatter(A, idx, v):
    A[idx] = v


def scatter_add(A, idx, v):
    A[idx] += v


def indirect(A, idx):
    s = 0.0
    for i in range(idx.shape[0]):
        s += A[idx[i]] * (i + 1)
    return s


def csr(ptr, col, val, x):
    y = np.zeros(3)
    for i in range(3):
        for k in range(ptr[i], ptr[i + 1]):
            y[i] += val[k] * x[col[k]]
    return y


def closure(A):
    total = 0.0
    def add(v):
        nonlocal total
        total += v
    for i in range(A.shape[0]):
        add(A[i])
    return total


def _helper(a, b=2.0, *, c=1.0):
    return a * b + c


def kwargs(x):
    return _helper(x), _helper(x, 4.0), _helper(b=1.0, a=x), _helper(x, c=5.0)


def _mutate(a, k):
    a[k] = a[k] * 2
    return a


def helper_mutates(A):
    for i in range(3):
        _mutate(A, i)
    return A[0]


def chained(A):
    a = b = A[0] + 1
    A[1] = A[2] = a * 2
    return a + b


def swap_elems(A):
    A[0], A[1] = A[1], A[0]
    x, y = A[2], A[3]
    x, y = y, x
    return x - y


def intdiv(n):
    return n // 2, n % 3, -n // 2, n * n


def inplace_int(A):
    A //= 2
    A += 3
    return A.sum()


def triangular(A):
    n = A.shape[0]
    s = np.zeros(n)
    for i in range(n):
        row = A[i, :i] * 2.0
        s[i] = np.sum(row)
        for j in range(i + 1, n):
            s[i] += A[i, j]
    return s


def down(A):
    for i in range(A.shape[0] - 2, -1, -1):
        A[i] = A[i] + 0.5 * A[i + 1]


def down2(A):
    for i in range(8, 0, -3):
        A[i] = A[i] + A[i - 1]


def step2(A):
    for i in range(0, 8, 2):
        A[i + 1] = A[i] * 2


def for_array(A):
    s = 0.0
    for row in A:
        s += row[0] * row[1]
    for x in A[0]:
        s += x
    return s


def unrolled(A):
    s = 0.0
    for k, w in [(0, 1.0), (2, 3.0), (4, 5.0)]:
        s += A[k] * w
    for d in (1, -1):
        s = s * 2 + d
    return s


def enum_zip(A, B):
    s = 0.0
    for i, a in enumerate(A):
        s += i * a
    for a, b in zip(A, B):
        s += a * b
    return s


def newaxis(A, B):
    return A[:, None] * B[None, :] + A[:, np.newaxis]


def ell(A):
    return A[..., 1] + A[0, ..., 2].sum(), A[..., ::2].sum()


def lastvalue(A):
    for i in range(A.shape[0]):
        b = A[i] * 2
        c = A * b
    return b, c


def typechange(A):
    x = 0
    for i in range(3):
        x = x + 1
    y = x
    for i in range(3):
        y = y * 0.5
    return x, y


def acc_array(A):
    acc = 0
    for i in range(A.shape[0]):
        acc = acc + A[i]
    return acc


def nested_scalar(A):
    m = A[0, 0]
    for i in range(4):
        r = 0.0
        for j in range(4):
            r += A[i, j]
            if A[i, j] > m:
                m = A[i, j]
        A[i, 0] = r
    return m


def whileelse(n):
    i = 0
    while i < n:
        i += 1
    else:
        i += 100
    return i


def forelse(A, t):
    for i in range(A.shape[0]):
        if A[i] > t:
            r = A[i]
            break
    else:
        r = -1.0
    return r


def f32(a, b):
    c = a * 2.0
    return c, a * b, c + 1


def powers(A, n):
    return A ** 2, A ** 0.5, A ** n, 2.0 ** A


def alias_if(A, B, c):
    if c > 0:
        X = A
    else:
        X = B
    return X.sum() + X[0]


def listcomp(A, n):
    w = [i * 0.5 for i in range(3)]
    v = np.array([A[i] * i for i in range(n)])
    return w[0] + w[2], v


def matrices(A, B):
    C = A @ B
    return C, A.T @ A, (A @ B).sum(), A[0] @ B


def slices_by_loop(A):
    s = 0.0
    for i in range(1, 7):
        s += np.sum(A[i - 1:i + 2]) * np.max(A[:i])
    return s


def dyn_while(A):
    i = 0
    while i < A.shape[0] and A[i] < 1.0:
        A[i] = A[i] * 2
        i += 1
    return i


def while_break(x):
    n = 0
    while True:
        x = x / 2
        n += 1
        if x < 1:
            break
    return x, n


def array_in_while(A):
    x = A.copy()
    k = 0
    while k < 3:
        x = x * 0.5 + A
        k += 1
    return x


def swap_in_while(A):
    x = A.copy()
    y = np.zeros_like(A)
    k = 0
    while k < 3:
        y[:] = x * 0.5 + A
        x, y = y, x
        k += 1
    return x, y


def boolret(x):
    return x > 0.5, not (x > 0.5)


def reshape_(A):
    B = A.reshape(2, 3)
    B[0, 1] = 7.0
    return B.sum(axis=0), A[1]


def sel(A):
    return np.where(A > 0.5, A, -A), np.minimum(A, 0.5), np.clip(A, 0.2, 0.6)


def bothnames(A):
    u = A
    u[0] = 3.0
    v = u
    v[1] = 4.0
    return u[1] + A[0]


def view_then_base(A):
    v = A[1:]
    A[1] = 9.0
    x = v[0]
    A[1] = 1.0
    return x + v[0]


def lazy_order(A):
    b = A + 1
    A[:] = 0
    return b


def scalar_order(A):
    x = A[0]
    A[0] = 100.0
    return x


def tuple_ret(A):
    def f(a):
        return a * 2, a[0]
    p, q = f(A)
    return p + q


def lam(A):
    g = lambda x, y=3.0: x * y
    return g(A[0]) + g(A[1], 2)


def param_alias(A):
    def g(p):
        p[0] = 7.0
        p = p + 1
        p[1] = 100.0
        return p
    q = g(A)
    return q + A


def cond_rebinding(A, n):
    u = A.copy()
    for i in range(n):
        if A[i] > 0.5:
            u = u * 2.0
        else:
            u = u + A
    return u


def cond_inplace(A, n):
    for i in range(n):
        if A[i] > 0.5:
            A[i] = A[i] * 0.5
            A[i + 1] += 1.0
        elif A[i] > 0.3:
            A *= 1.1
        else:
            A[i + 1] = -1.0


def swap_nested(A, n):
    x = A.copy()
    y = A * 0.5
    for t in range(n):
        for k in range(2):
            y[1:-1] = x[:-2] + x[2:]
            x, y = y, x
        x[0] = t
    return x - y


def old_value(A, n):
    u = A.copy()
    prev = u
    for t in range(n):
        prev = u
        u = u * 2 + t
    return u - prev


def alias_keep(A, n):
    u = A.copy()
    keep = u
    for t in range(n):
        u = u * 2 + t
    return u, keep


def two_fresh(A, n):
    u = A.copy()
    v = A * 2
    for t in range(n):
        w = u + v
        u, v = v, w
    return u, v


def fib_scalar(n):
    a, b = 0, 1
    for i in range(n):
        a, b = b, a + b
    return a


def momentum(A, n):
    x = A.copy()
    v = np.zeros_like(A)
    for t in range(n):
        g = 2 * x - 1
        v = 0.9 * v - 0.1 * g
        x = x + v
    return x


def row_view_loop(A):
    r = A[0]
    for i in range(1, 4):
        r = A[i]
        r[0] = i
    return r


def row_view_carried(A):
    prev = A[0]
    s = 0.0
    for i in range(1, 4):
        s += prev[1] * A[i, 2]
        prev = A[i]
    return s


def nested_break(A):
    s = 0.0
    for i in range(4):
        k = 0
        for j in range(5):
            if A[i, j] > 0.8:
                break
            k = j
        s += k * A[i, k]
    return s


def while_nested(A):
    i = 0
    s = 0.0
    while i < 5:
        j = 0
        while j < i:
            s += A[j] * A[i]
            j += 1
        i += 1
    return s


def bubble(A):
    n = A.shape[0]
    for i in range(n):
        for j in range(0, n - i - 1):
            if A[j] > A[j + 1]:
                A[j], A[j + 1] = A[j + 1], A[j]


def binsearch(A, x):
    lo = 0
    hi = A.shape[0]
    while lo < hi:
        mid = (lo + hi) // 2
        if A[mid] < x:
            lo = mid + 1
        else:
            hi = mid
    return lo


def cumulative(A):
    out = np.empty_like(A)
    s = 0.0
    for i, a in enumerate(A):
        s += a
        out[i] = s
    return out


def early_void(A, c):
    A[0] = 9.0
    if c < 0:
        return
    A[1] = 8.0


def early_array(A, t):
    B = A.copy()
    for i in range(A.shape[0]):
        if A[i] > t:
            return B
        B = B + A[i]
    return B * 10


def helper_early(A):
    def find(t):
        for i in range(A.shape[0]):
            if A[i] > t:
                return i
        return -1
    return find(0.5) + 10 * find(0.9) + 100 * find(9.0)


def neg_slice_loop(A):
    s = 0.0
    for k in range(1, 4):
        s += A[-k] * 10 ** k + A[:-k].sum() + A[-k:].sum()
    return s


def assign_slice_scalar(A):
    A[1:3, ::2] = 7.0
    A[:, -1] = A[:, 0]
    A[0] = A[1]
    A[::-1, 1] = A[:, 2]


def reverse_inplace(A):
    A[:] = A[::-1]


def transpose_inplace(A):
    A[:] = A.T


def aug_rows(A):
    for i in range(1, 4):
        A[i] -= A[i - 1] * (A[i, 0] / (2.0 + A[i - 1, 0]))


def aug_mask(A):
    A[A > 0.5] += 1
    B = A * 2
    B[A < 0.5] = A[A < 0.5]
    return B


def cplx(A):
    z = A + 2j * A[::-1]
    return (z * z).real, np.abs(z)


def dtype_mix(A, I):
    return A * I, I / 2, I // 2, I * 2, A + 1


def scalars_np(A):
    a = np.float32(0.1)
    return A * a, float(a) * 2


def step_neg_var(A, k):
    s = 0.0
    for i in range(7, k, -2):
        s = s * 0.5 + A[i]
    return s


def empty_slices(A, k):
    return A[:k].sum() + A[k:].sum() * 2 + A[:k] @ A[:k]


def loop_cond_bound(A, n):
    s = 0.0
    for i in range(min(n, A.shape[0])):
        s += A[i]
    return s


def prod_loop(A):
    p = 1.0
    for x in A:
        p *= x
    return p


def default_none(A, B=None):
    if B is None:
        B = A * 2
    return B + A


def string_mode(A, mode="double"):
    if mode == "double":
        return A * 2
    return A


def tuple_carry(A):
    st = (0.0, 1.0)
    for i in range(5):
        st = (st[0] + A[i] * st[1], st[1] * 0.5)
    return st[0]


def dict_state(A):
    st = {"s": 0.0, "n": 0}
    for i in range(5):
        st["s"] += A[i]
        st["n"] += 1
    return st["s"] / st["n"]


def inner_alloc(A):
    out = np.zeros(4)
    for i in range(4):
        t = np.zeros(6)
        for j in range(1, 6):
            t[j] = t[j - 1] * 0.5 + A[i, j]
        out[i] = t[5]
    return out


def alloc_triangular(A):
    s = 0.0
    for i in range(1, 5):
        t = A[i, :i].copy()
        for j in range(1, i):
            t[j] += t[j - 1]
        s += t[i - 1]
    return s


def prev_inner(A):
    u = A.copy()
    s = 0.0
    for t in range(3):
        prev = u
        for k in range(2):
            u = u * 0.5 + 1
        s += (u * prev).sum()
    return s


def prev_first(A):
    s = 0.0
    for i in range(4):
        if i == 0:
            x = A * 1.0
        else:
            prev = x
            x = x * 2
            s += (x * prev).sum()
    return s


def prev_while(A):
    s = 0.0
    k = 0
    x = A.copy()
    prev = A
    while k < 4:
        s += (x * prev).sum()
        prev = x
        x = x * 0.5 + prev[0]
        k += 1
    return s, x, prev


def prev_if(A, n):
    x = A.copy()
    best = x
    for i in range(n):
        x = x * 0.9 + A[i]
        if x.sum() < 3.5:
            best = x
    return best, x


def in_list(A):
    x = A.copy()
    l = [x, A]
    x = x + 1
    l[0][1] = 7.0
    return l[0], x


def callee_rebinds(A):
    def step(u, f):
        for k in range(2):
            u = u * f
        return u
    x = A.copy()
    for t in range(3):
        y = step(x, 0.5)
        x = y + A
    return x, y


def loop_return_fresh(A):
    def g(a):
        b = a * 2
        return b, b
    p, q = g(A)
    p[0] = 100.0
    return q


def aug_slot(A, n):
    x = A
    for i in range(n):
        x = x + 1
        x += A
        x[0] *= 2
    return x


def chained_arrays(A, n):
    a = A.copy()
    b = A * 2
    c = A * 3
    for i in range(n):
        a, b, c = b, c, a + b
    return a, b, c


def matmul_in_place(S, v):
    R = S
    S @= S
    return R @ v
