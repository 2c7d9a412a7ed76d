/** Gradients through the library's functions, against extrapolated differences. */
import test from "ava";
import { gradcheck, ndarray, python, type NDArray } from "../../../../ts/index.js";

const numbers = (n: number, seed: number, low = -1.5, high = 1.5): Float64Array => Float64Array.from({ length: n }, (_, i) => { const x = Math.sin(seed * 12.9898 + i * 78.233) * 43758.5453; return low + (high - low) * (x - Math.floor(x)); });
const ARGS: Readonly<Record<string, () => number | NDArray>> = {
  A: () => ndarray(numbers(12, 1), [3, 4]), B: () => ndarray(numbers(12, 2), [3, 4]), P: () => ndarray(numbers(12, 3, 0.3, 2), [3, 4]), Q: () => ndarray(numbers(12, 4, -0.8, 0.8), [3, 4]), M: () => ndarray(numbers(20, 5), [4, 5]),
  S: () => ndarray(numbers(16, 6), [4, 4]), T: () => ndarray(numbers(24, 7), [2, 3, 4]), v: () => ndarray(numbers(4, 8), [4]), u: () => ndarray(numbers(4, 9), [4]), w: () => ndarray(numbers(3, 10), [3]), x: () => 0.7, y: () => -1.3,
};

/** The gradient of Σ sin(expression + position), so that every element has a weight of its own. */
function check(expression: string): string | undefined {
  const names = Object.keys(ARGS).filter((n) => new RegExp(`(?<![\\w.'])${n}\\b`).test(expression));
  const source = `import numpy as np\nimport math\ndef f(${names.join(", ")}):\n    r = ${expression}\n    r = np.ravel(np.asarray(r) + 0.0)\n    return np.sum(np.sin(r * 0.7 + np.arange(r.shape[0])))\n`;
  try {
    const r = gradcheck(python(source, { function: "f" }), names.map((n) => ARGS[n]!()), { device: "js", cache: false, rtol: 1e-6 });
    return r.ok ? undefined : `${expression}: ${JSON.stringify(r.worst)}`;
  } catch (e) { return `${expression}: ${e instanceof Error ? e.message.split("\n").slice(0, 2).join(" ") : String(e)}`; }
}

const FAMILIES: Readonly<Record<string, string>> = {
  elementwise: "np.sqrt(P); np.exp(A) * B; np.log(P) / P; np.log2(P) + np.log10(P); np.log1p(P); np.expm1(A); np.sin(A) * np.cos(B); np.tan(Q); np.arcsin(Q); np.arccos(Q); np.arctan(A); np.sinh(A) + np.cosh(B); np.tanh(A); np.arcsinh(A); np.arccosh(P + 1); np.arctanh(Q); np.cbrt(P); np.abs(A); np.square(A); np.reciprocal(P); "
    + "np.arctan2(A, B); np.hypot(A, B); np.power(P, A); P ** 2.5; P ** A; x ** 2 * A; A / P; A * v; A + w[:, None] * v; np.maximum(A, B); np.minimum(A, 0.1); np.fmax(A, B); np.where(A > 0, A * B, B); np.clip(A, -0.5, 0.8); np.logaddexp(A, B); np.copysign(P, A); A % (P + 2); A // (P + 2) + A; np.fmod(A, P + 2); np.sign(A) * B; np.floor(A) * B; np.deg2rad(A); np.heaviside(A, 0.5) * A; np.nan_to_num(A)",
  reductions: "np.sum(A); np.sum(A, axis=0); np.sum(A * B, axis=1); np.sum(T, axis=(0, 2)); np.mean(A, axis=1); np.mean(A * A); np.var(A); np.std(A, axis=0); np.std(A, axis=1, ddof=1); np.max(A); np.max(A, axis=0); np.min(A * B, axis=1); np.max(np.abs(A)); np.prod(A); np.prod(P, axis=1); np.cumsum(A, axis=1); np.cumsum(v); np.cumprod(P, axis=0); np.linalg.norm(A); np.linalg.norm(A, axis=1); np.linalg.norm(v, 1); np.linalg.norm(v, np.inf); np.linalg.norm(v, 3); "
    + "np.average(A, axis=1, weights=v * v + 1); np.trace(S); np.ptp(A); np.sum(A[A > 0]); np.mean(A[A > 0] ** 2); np.max(A[A < 0.5]); np.sum(A, where=B > 0); A - A.mean(axis=0); (A - A.max(axis=1, keepdims=True)) / np.sum(np.exp(A), axis=1, keepdims=True); sum(v); max(v); max(x, y) * v; min(x, y); A[0, np.argmax(v)] * v; np.diff(A, axis=0); np.diff(v, n=2); np.cov(A); np.corrcoef(A)",
  shapes: "A.T * 2; A.reshape(4, 3) * M[:, :3]; A.reshape(-1)[2:9]; np.transpose(T, (2, 0, 1)); np.swapaxes(T, 0, 1); np.flip(A, 1); np.roll(v, 1) * v; np.roll(A, (1, -1), axis=(0, 1)); np.concatenate((A, B * 2)); np.stack([v, u], axis=1); np.hstack((A, w[:, None])); np.repeat(v, 3); np.tile(A, (2, 2)); np.pad(A, 1); np.pad(A, 1, mode='edge'); np.pad(v, 2, mode='reflect'); np.pad(A, 1, mode='wrap'); np.diag(v) * S; np.diag(S); np.triu(S) - np.tril(S, -1); np.broadcast_to(v, (3, 4)) * A; np.expand_dims(v, 1) * w; np.array([v * 2, u]); np.array([x, y, x * y]); np.meshgrid(v, w)[0] * A; np.full((2, 3), x); np.linspace(x, y, 5); x * np.eye(3); np.rot90(A); np.split(v, 2)[1]; np.fliplr(A) * A; A.astype(np.float64); A.flatten(); T.reshape(6, 4)[1:5]",
  products: "A @ M; A @ v; w @ A; v @ u; np.dot(A, M); np.dot(v, v); A.T @ A; S @ S @ v; x * A @ M; (A * 2) @ (M + 1); T @ M; T @ v; np.outer(v, w); np.inner(A, B); np.vdot(A, B); np.tensordot(T, A, axes=([1, 2], [0, 1])); np.einsum('ij,jk->ik', A, M); np.einsum('ij,ij->i', A, B); np.einsum('ijk,kl->il', T, M); np.einsum('ii->i', S); np.kron(w, v); np.add.outer(v, w); np.multiply.outer(v, w); S[::2, 1:] @ M[1:]; S[:, 1] @ S[2]",
  scalars: "math.sin(x) * v; math.exp(x * y); math.hypot(x, y); math.atan2(x, y); math.pow(x, 1.7); math.erf(x) + math.erfc(y); math.lgamma(x) + math.gamma(x); math.log(x); x ** 3 - x ** y; float(x) * y; abs(y) * v; x if x > y else y * v[0]; np.float64(x) * v; max(x, 0.1) * min(y, 5.0); math.sqrt(x) / x",
};
for (const [family, text] of Object.entries(FAMILIES)) {
  test(`gradients: ${family}`, (t) => {
    const expressions = text.split(";").map((e) => e.trim()).filter((e) => e !== "");
    t.deepEqual(expressions.flatMap((e) => check(e) ?? []), []);
  });
}
