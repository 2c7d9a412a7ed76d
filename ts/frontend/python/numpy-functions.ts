/**
 * NumPy functions that are written in Python themselves: inlined at their calls like the program's own helpers, and differentiated like them. What they call is
 * NumPy again; a text is parsed when a program first calls its function.
 */
import { mapNodes } from "../../analysis/walk.js";
import { DaceError, type SourceFile, type SourceLoc } from "../../base/errors.js";
import type { FunctionDef } from "../array/ast.js";
import type { Lowering } from "../array/context.js";
import { define, defineMethod, type Handler, type Keywords } from "../array/registry.js";
import { copyOf, element, pin } from "../array/store.js";
import { isArray, shapeOf, tupleValue, type Value } from "../array/value.js";
import { ZERO } from "../../symbolic/expr.js";
import { LINEAR_TEXTS } from "./numpy-linear.js";

/** By the name in NumPy; the Python function is called as the last part of it, or as it says. */
const TEXTS: Readonly<Record<string, string>> = {
  ...LINEAR_TEXTS,
  "np.trapezoid": `
def trapezoid(y, x=None, dx=1.0, axis=-1):
    y = np.moveaxis(np.asarray(y), axis, -1)
    if x is None:
        return np.sum(dx * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)
    return np.sum(np.diff(x) * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)
`,
  "np.insert": `
def insert(arr, obj, values, axis=None):
    a = np.asarray(arr)
    v = np.asarray(values)
    if axis is None:
        a = a.ravel()
        return np.concatenate((a[:obj], np.atleast_1d(v).astype(a.dtype), a[obj:]))
    a = np.moveaxis(a, axis, 0)
    row = np.empty((1,) + a.shape[1:], dtype=a.dtype)
    row[0] = v
    return np.moveaxis(np.concatenate((a[:obj], row, a[obj:])), 0, axis)
`,
  "np.delete": `
def delete(arr, obj, axis=None):
    a = np.asarray(arr)
    if axis is None:
        a = a.ravel()
        n = a.shape[0]
        k = obj if obj >= 0 else obj + n
        return np.concatenate((a[:k], a[k + 1:]))
    a = np.moveaxis(a, axis, 0)
    n = a.shape[0]
    k = obj if obj >= 0 else obj + n
    return np.moveaxis(np.concatenate((a[:k], a[k + 1:])), 0, axis)
`,
  "np.polyval": `
def polyval(p, x):
    y = np.zeros_like(x)
    for k in range(len(p)):
        y = y * x + p[k]
    return y
`,
  "np.vander": `
def vander(x, N=None, increasing=False):
    x = np.asarray(x)
    n = x.shape[0] if N is None else N
    powers = np.arange(n) if increasing else np.arange(n - 1, -1, -1)
    return x[:, None] ** powers
`,
  "np.sinc": `
def sinc(x):
    y = np.pi * np.where(x == 0, 1.0e-20, x)
    return np.sin(y) / y
`,
  "np.hanning": `
def hanning(M):
    return 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(M) / (M - 1))
`,
  "np.hamming": `
def hamming(M):
    return 0.54 - 0.46 * np.cos(2.0 * np.pi * np.arange(M) / (M - 1))
`,
  "np.blackman": `
def blackman(M):
    t = 2.0 * np.pi * np.arange(M) / (M - 1)
    return 0.42 - 0.5 * np.cos(t) + 0.08 * np.cos(2.0 * t)
`,
  "np.convolve": `
def convolve(a, v, mode='full'):
    a, v = np.asarray(a), np.asarray(v)
    n, m = a.shape[0], v.shape[0]
    out = np.zeros(n + m - 1, dtype=(a[:1] * v[:1]).dtype)
    for i in range(n):
        for j in range(m):
            out[i + j] += a[i] * v[j]
    if mode == 'full':
        return out
    if mode == 'same':
        return out[(min(n, m) - 1) // 2:(min(n, m) - 1) // 2 + max(n, m)]
    return out[min(n, m) - 1:max(n, m)]
`,
  "np.correlate": `
def correlate(a, v, mode='valid'):
    a, v = np.asarray(a), np.asarray(v)
    if v.shape[0] > a.shape[0]:
        raise ValueError('np.correlate needs the longer array first here')
    return np.convolve(a, np.conj(v[::-1]), mode)
`,
  "np.maximum.accumulate": accumulate("maximum"),
  "np.minimum.accumulate": accumulate("minimum"),
  "np.ediff1d": `
def ediff1d(ary):
    return np.diff(np.ravel(ary))
`,
  "np.isin": `
def isin(element, test_elements):
    return np.any(np.asarray(element)[..., None] == np.ravel(np.asarray(test_elements)), axis=-1)
`,
  "np.diag_indices": `
def diag_indices(n, ndim=2):
    i = np.arange(n)
    return (i,) * ndim
`,
  "np.triu_indices": `
def triu_indices(n, k=0, m=None):
    return np.nonzero(np.tri(n, n if m is None else m, k - 1) == 0)
`,
  "np.tril_indices": `
def tril_indices(n, k=0, m=None):
    return np.nonzero(np.tri(n, n if m is None else m, k) != 0)
`,
  "np.take": `
def take(a, indices, axis=None):
    a, indices = np.asarray(a), np.asarray(indices)
    if axis is None:
        return np.ravel(a)[indices]
    at = axis % a.ndim
    if at == 0:
        return a[indices]
    if at == 1:
        return a[:, indices]
    if at == 2:
        return a[:, :, indices]
    if at != a.ndim - 1:
        raise ValueError('np.take along an inner axis after the third')
    return a[..., indices]
`,
  "np.take_along_axis": `
def take_along_axis(arr, indices, axis=-1):
    if arr.ndim == 1:
        return arr[indices]
    if arr.ndim > 2:
        raise ValueError('np.take_along_axis of more than two dimensions')
    if axis % 2 == 1:
        return arr[np.arange(arr.shape[0])[:, None], indices]
    return arr[indices, np.arange(arr.shape[1])]
`,
  // A stable merge sort of positions, row by row. NaN comes last.
  "np.argsort": `
def argsort(a, axis=-1, kind=None, order=None, stable=None):
    if axis is None:
        a, axis = np.ravel(a), -1
    moved = np.moveaxis(np.asarray(a), axis, -1)
    n = moved.shape[-1]
    rows = np.reshape(moved, (-1, n))
    places = np.empty(rows.shape, dtype=np.int64)
    merged = np.empty(n, dtype=np.int64)
    for r in range(rows.shape[0]):
        for k in range(n):
            places[r, k] = k
        width = 1
        while width < n:
            for block in range((n + 2 * width - 1) // (2 * width)):
                first = 2 * width * block
                middle = min(first + width, n)
                end = min(first + 2 * width, n)
                i = first
                j = middle
                for k in range(first, end):
                    right = False
                    if j < end:
                        if i < middle:
                            x = rows[r, places[r, i]]
                            y = rows[r, places[r, j]]
                            right = y < x or (x != x and y == y)
                        else:
                            right = True
                    if right:
                        merged[k] = places[r, j]
                        j += 1
                    else:
                        merged[k] = places[r, i]
                        i += 1
            places[r, :] = merged
            width = 2 * width
    return np.moveaxis(np.reshape(places, moved.shape), -1, axis)
`,
  "np.sort": `
def sort(a, axis=-1, kind=None, order=None, stable=None):
    if axis is None:
        a, axis = np.ravel(a), -1
    moved = np.moveaxis(np.asarray(a), axis, -1)
    rows = np.reshape(moved, (-1, moved.shape[-1]))
    places = np.argsort(rows)
    out = np.empty(rows.shape, dtype=rows.dtype)
    for r in range(rows.shape[0]):
        for k in range(rows.shape[1]):
            out[r, k] = rows[r, places[r, k]]
    return np.moveaxis(np.reshape(out, moved.shape), -1, axis)
`,
  "np.median": `
def median(a, axis=None, keepdims=False):
    if keepdims:
        m = np.median(a, axis=axis)
        return np.reshape(m, (1,) * np.ndim(a)) if axis is None else np.expand_dims(m, axis)
    if axis is None:
        a, axis = np.ravel(a), -1
    s = np.sort(np.moveaxis(np.asarray(a), axis, -1))
    n = s.shape[-1]
    return (s[..., (n - 1) // 2] + s[..., n // 2]) / 2
`,
  "np.quantile": `
def quantile(a, q, axis=None, keepdims=False):
    if keepdims:
        r = np.quantile(a, q, axis=axis)
        if axis is None:
            return np.reshape(r, np.shape(q) + (1,) * np.ndim(a))
        return np.expand_dims(r, axis if axis < 0 else axis + np.ndim(q))
    if axis is None:
        a, axis = np.ravel(a), -1
    s = np.sort(np.moveaxis(np.asarray(a), axis, -1))
    n = s.shape[-1]
    if np.ndim(q) > 0:
        if np.min(q) < 0 or np.max(q) > 1:
            raise ValueError('Quantiles must be in the range [0, 1]')
        places = np.ravel(q) * (n - 1.0)
        lows = np.floor(places).astype(np.int64)
        lower = s[..., lows]
        r = np.moveaxis(lower + (s[..., np.minimum(lows + 1, n - 1)] - lower) * (places - np.floor(places)), -1, 0)
        return r if np.ndim(q) == 1 else np.reshape(r, np.shape(q) + r.shape[1:])
    if q < 0 or q > 1:
        raise ValueError('Quantiles must be in the range [0, 1]')
    place = q * (n - 1)
    low = int(np.floor(place))
    high = min(low + 1, n - 1)
    t = place - np.floor(place)
    return s[..., low] + (s[..., high] - s[..., low]) * t
`,
  "np.percentile": `
def percentile(a, q, axis=None, keepdims=False):
    return np.quantile(a, (np.asarray(q) if np.ndim(q) > 0 else q) / 100, axis=axis, keepdims=keepdims)
`,
  "np.polyder": `
def polyder(p):
    a = np.asarray(p)
    return a[:-1] * np.arange(a.shape[0] - 1, 0, -1)
`,
  // How many elements of a are below (not above) each value: halving, as often as any size needs it.
  "np.searchsorted": `
def searchsorted(a, v, side='left'):
    a = np.asarray(a)
    values = np.asarray(v)
    flat = np.ravel(values)
    out = np.empty(flat.shape, dtype=np.int64)
    for k in range(flat.shape[0]):
        low = 0
        high = a.shape[0]
        while low < high:
            middle = (low + high) // 2
            below = a[middle] < flat[k] if side == 'left' else a[middle] <= flat[k]
            if below:
                low = middle + 1
            else:
                high = middle
        out[k] = low
    if values.ndim == 0:
        return out[0]
    return np.reshape(out, values.shape)
`,
  "np.digitize": `
def digitize(x, bins, right=False):
    bins = np.asarray(bins)
    if bins[0] > bins[-1]:
        raise ValueError('np.digitize needs bins that increase here')
    return np.searchsorted(bins, x, side='left' if right else 'right')
`,
  "np.interp": `
def interp(x, xp, fp, left=None, right=None):
    xp, fp = np.asarray(xp), np.asarray(fp)
    k = np.clip(np.searchsorted(xp, x, side='right') - 1, 0, xp.shape[0] - 2)
    inner = (fp[k + 1] - fp[k]) / (xp[k + 1] - xp[k]) * (x - xp[k]) + fp[k]
    low = fp[0] if left is None else left
    high = fp[-1] if right is None else right
    return np.where(x < xp[0], low, np.where(x > xp[-1], high, np.where(x == xp[-1], fp[-1], inner)))
`,
  "np.unique": `
def unique(ar, return_index=False, return_inverse=False, return_counts=False):
    a = np.ravel(ar)
    s = np.sort(a)
    first = np.ones(s.shape, dtype=bool)
    first[1:] = s[1:] != s[:-1]
    u = s[first]
    if not (return_index or return_inverse or return_counts):
        return u
    out = [u]
    if return_index:
        out.append(np.argsort(a, kind='stable')[first])
    if return_inverse:
        order = np.argsort(a, kind='stable')
        inverse = np.empty(a.shape, dtype=np.int64)
        inverse[order] = np.cumsum(first) - 1
        out.append(np.reshape(inverse, np.shape(ar)))
    if return_counts:
        out.append(np.searchsorted(s, u, side='right') - np.searchsorted(s, u))
    return tuple(out)
`,
  "np.setdiff1d": `
def setdiff1d(ar1, ar2, assume_unique=False):
    a = np.ravel(ar1) if assume_unique else np.unique(ar1)
    return a[np.logical_not(np.isin(a, ar2))]
`,
  "np.intersect1d": `
def intersect1d(ar1, ar2):
    a = np.unique(ar1)
    return a[np.isin(a, ar2)]
`,
  "np.union1d": `
def union1d(ar1, ar2):
    return np.unique(np.concatenate((np.ravel(ar1), np.ravel(ar2))))
`,
  // As long as minlength says: a length that has no bound on entry has no buffer.
  "np.bincount": `
def bincount(x, weights=None, minlength=0):
    places = np.asarray(x)
    out = np.zeros(minlength, dtype=np.int64 if weights is None else np.float64)
    for k in range(places.shape[0]):
        if places[k] < 0:
            raise ValueError('np.bincount: an element is negative')
        if places[k] >= minlength:
            raise ValueError('np.bincount needs a minlength above the largest element here')
        if weights is None:
            out[places[k]] += 1
        else:
            out[places[k]] += weights[k]
    return out
`,
  "np.extract": `
def extract(condition, arr):
    return np.ravel(arr)[np.ravel(condition) != 0]
`,
  "np.linalg.matrix_power": `
def matrix_power(a, n):
    if n == 0:
        return np.eye(a.shape[0], dtype=a.dtype)
    base = np.linalg.inv(a) if n < 0 else a
    out = base
    for k in range(abs(n) - 1):
        out = out @ base
    return out
`,
  "%gradient": `
def gradient(f, h, axis):
    f = np.moveaxis(np.asarray(f), axis, -1)
    g = np.empty(f.shape, dtype=(f[..., :1] * 1.0).dtype)
    g[..., 1:-1] = (f[..., 2:] - f[..., :-2]) / (2.0 * h)
    g[..., 0] = (f[..., 1] - f[..., 0]) / h
    g[..., -1] = (f[..., -1] - f[..., -2]) / h
    return np.moveaxis(g, -1, axis)
`,
  "%gradient_at": `
def gradient_at(f, x, axis):
    f = np.moveaxis(np.asarray(f), axis, -1)
    g = np.empty(f.shape, dtype=(f[..., :1] * 1.0).dtype)
    d = np.diff(x)
    d1, d2 = d[:-1], d[1:]
    g[..., 1:-1] = -d2 / (d1 * (d1 + d2)) * f[..., :-2] + (d2 - d1) / (d1 * d2) * f[..., 1:-1] + d1 / (d2 * (d1 + d2)) * f[..., 2:]
    g[..., 0] = (f[..., 1] - f[..., 0]) / d[0]
    g[..., -1] = (f[..., -1] - f[..., -2]) / d[-1]
    return np.moveaxis(g, -1, axis)
`,
};
const WRITING: Readonly<Record<string, string>> = {
  ...Object.fromEntries(([["add", "+="], ["subtract", "-="], ["multiply", "*="], ["divide", "/="]] as const).flatMap(([name, op]) => [
    [`np.${name}.at`, `
def ${name}_at(a, indices, b):
    places = np.asarray(indices)
    values = np.broadcast_to(b, places.shape + a.shape[1:])
    for k in range(places.shape[0]):
        a[places[k]] ${op} values[k]
`],
    [`%${name}.at2`, `
def ${name}_at(a, rows, columns, b):
    values = np.broadcast_to(b, rows.shape)
    for k in range(rows.shape[0]):
        a[rows[k], columns[k]] ${op} values[k]
`],
  ])),
  "np.place": `
def place(arr, mask, vals):
    arr[mask] = vals
`,
  "np.putmask": `
def putmask(a, mask, values):
    a[mask] = np.broadcast_to(values, a.shape)[mask]
`,
  "np.put": `
def put(a, ind, v):
    places = np.asarray(ind)
    values = np.broadcast_to(v, places.shape)
    for k in range(places.shape[0]):
        a[places[k]] = values[k]
`,
  ".sort": `
def sort(a, axis=-1, kind=None, order=None, stable=None):
    a[...] = np.sort(a, axis)
`,
};
function accumulate(name: string): string {
  return `
def ${name}_accumulate(array, axis=0):
    moved = np.moveaxis(np.asarray(array), axis, 0)
    out = np.empty(moved.shape, dtype=moved.dtype)
    out[0] = moved[0]
    for i in range(1, moved.shape[0]):
        out[i] = np.${name}(out[i - 1], moved[i])
    return np.moveaxis(out, 0, axis)
`;
}

/** Parses a Python text; given by the frontend's index, which this file must not import. */
let parse: (file: SourceFile, name: string) => FunctionDef = () => { throw new Error("no parser"); };
export function parseNumpyFunctionsWith(f: typeof parse): void { parse = f; }
const parsed = new Map<string, FunctionDef>();

/** Calls the function that is written in Python. What is wrong inside of it is wrong at the user's call. */
export function callWritten(ctx: Lowering, name: string, args: readonly Value[], keywords: Keywords, loc: SourceLoc): Value {
  let def = parsed.get(name);
  if (!def) {
    const text = `import numpy as np\n${TEXTS[name] ?? WRITING[name]!}`;
    parsed.set(name, def = parse({ name: `<${name.replace(/^[%.]/, "np.")}>`, text }, /def (\w+)/.exec(text)![1]!));
  }
  const file = def.loc.file.name, known = ctx.errors.length, { body } = ctx, from = body.length, outside = (e: DaceError): DaceError => (e.loc?.file === file ? new DaceError(e.code.slice("ERR_DACE_".length) as never, `${name.replace(/^[%.]/, "np.")}: ${e.summary}`, { loc, ...(e.hint ? { hint: e.hint } : {}) }) : e);
  try {
    const v = ctx.call({ kind: "function", def, scope: undefined }, args, keywords, loc);
    ctx.errors.forEach((e, i) => { if (i >= known) ctx.errors[i] = outside(e); });
    const last = body.splice(from);
    body.push(...mapNodes(last, (n) => (n.loc?.file.name === file ? { ...n, loc } : n)));
    return v;
  } catch (e) { throw e instanceof DaceError ? outside(e) : e; }
}
const written = (name: string): Handler => (ctx, args, keywords, loc) => callWritten(ctx, name, args, keywords, loc);

for (const name of Object.keys(TEXTS)) if (/^%?np\./.test(name)) define(name, written(name));
/** `v` as it is before `target` changes: NumPy copies what overlaps with what it writes. */
function apart(ctx: Lowering, target: Value | undefined, v: Value, loc: SourceLoc): Value {
  if (target?.kind !== "array") return v;
  if (v.kind === "scalar") return pin(ctx, v, loc);
  if (v.kind === "tuple") return { ...v, items: v.items.map((x) => apart(ctx, target, x, loc)) };
  if (!isArray(v)) return v;
  const { memlets, loads } = ctx.readsOf(element(ctx, v, shapeOf(v).map(() => ZERO))), buffer = ctx.bufferOf(target.data);
  return [...memlets.map((m) => m.data), ...loads].some((c) => ctx.bufferOf(c) === buffer) ? copyOf(ctx, v, loc) : v;
}
const scattering = (ctx: Lowering, name: string, [target, ...args]: readonly Value[], keywords: Keywords, loc: SourceLoc): Value =>
  callWritten(ctx, name, [...(target ? [target] : []), ...args.map((v) => apart(ctx, target, v, loc))], new Map([...keywords].map(([k, v]) => [k, k === "a" ? v : apart(ctx, target ?? keywords.get("a"), v, loc)])), loc);

for (const name of Object.keys(WRITING)) if (/^np\.(?!\w+\.at)/.test(name)) define(name, (ctx, args, keywords, loc) => scattering(ctx, name, args, keywords, loc), { impure: true });
define("np.trapz", written("np.trapezoid"));
for (const name of ["add", "subtract", "multiply", "divide"]) define(`np.${name}.at`, (ctx, args, keywords, loc) => {
  const at = args[1];
  if (at?.kind !== "tuple") return scattering(ctx, `np.${name}.at`, args, keywords, loc);
  if (at.items.length !== 2) return at.items.length === 1 ? scattering(ctx, `np.${name}.at`, [args[0]!, at.items[0]!, ...args.slice(2)], keywords, loc) : ctx.unsupported(`np.${name}.at with ${at.items.length} indices`, loc, "write a loop");
  return scattering(ctx, `%${name}.at2`, [args[0]!, ...at.items, ...args.slice(2)], keywords, loc);
}, { impure: true });
for (const name of ["argsort", "take", "searchsorted"]) defineMethod("python", name, written(`np.${name}`));
defineMethod("python", "sort", written(".sort"), { impure: true });

define("np.gradient", (ctx, args, keywords, loc) => {
  const [f, ...steps] = args, axis = keywords.get("axis");
  for (const k of keywords.keys()) if (k !== "axis") ctx.unsupported(`the keyword ${k} of np.gradient`, loc);
  if (!f || !isArray(f)) return ctx.fail("TYPE", "np.gradient needs an array", loc);
  const rank = shapeOf(f).length, given = axis === undefined || axis.kind === "none" ? Array.from({ length: rank }, (_, d): Value => ctx.int(d)) : axis.kind === "tuple" || axis.kind === "list" ? axis.items : [axis];
  if (steps.length > 1 && steps.length !== given.length) return ctx.fail("TYPE", "np.gradient: invalid number of arguments", loc);
  const out = given.map((d, k) => {
    const h = steps[steps.length === 1 ? 0 : k] ?? ctx.int(1);
    return callWritten(ctx, isArray(h) && shapeOf(h).length > 0 ? "%gradient_at" : "%gradient", [f, h, d], new Map(), loc);
  });
  return out.length === 1 ? out[0]! : tupleValue(out);
});
