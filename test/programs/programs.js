// The named programs as plain JavaScript over typed arrays, row-major and flat, as they would be written without any differentiation tool.
"use strict";

function jacobi_1d(steps, A, B) {
  const n = A.length;
  for (let t = 0; t < steps; t++) {
    for (let i = 1; i < n - 1; i++) B[i] = (A[i - 1] + A[i] + A[i + 1]) / 3;
    for (let i = 1; i < n - 1; i++) A[i] = (B[i - 1] + B[i] + B[i + 1]) / 3;
  }
}

function jacobi_2d(steps, n, A, B) {
  for (let t = 1; t <= steps; t++) {
    for (let i = 1; i < n - 1; i++)
      for (let j = 1; j < n - 1; j++)
        B[i * n + j] = 0.2 * (A[i * n + j] + A[i * n + j - 1] + A[i * n + j + 1] + A[(i + 1) * n + j] + A[(i - 1) * n + j]);
    for (let i = 1; i < n - 1; i++)
      for (let j = 1; j < n - 1; j++)
        A[i * n + j] = 0.2 * (B[i * n + j] + B[i * n + j - 1] + B[i * n + j + 1] + B[(i + 1) * n + j] + B[(i - 1) * n + j]);
  }
}

function heatStep(n, from, to) {
  const s = n * n;
  for (let i = 1; i < n - 1; i++)
    for (let j = 1; j < n - 1; j++)
      for (let k = 1; k < n - 1; k++) {
        const c = i * s + j * n + k;
        to[c] = 0.125 * (from[c + s] - 2 * from[c] + from[c - s]) + 0.125 * (from[c + n] - 2 * from[c] + from[c - n])
          + 0.125 * (from[c + 1] - 2 * from[c] + from[c - 1]) + from[c];
      }
}
function heat_3d(steps, n, A, B) {
  for (let t = 0; t < steps; t++) { heatStep(n, A, B); heatStep(n, B, A); }
}

function seidel_2d(steps, n, A) {
  for (let t = 0; t < steps; t++)
    for (let i = 1; i < n - 1; i++)
      for (let j = 1; j < n - 1; j++)
        A[i * n + j] = (A[(i - 1) * n + j - 1] + A[(i - 1) * n + j] + A[(i - 1) * n + j + 1] + A[i * n + j - 1] + A[i * n + j] + A[i * n + j + 1]
          + A[(i + 1) * n + j - 1] + A[(i + 1) * n + j] + A[(i + 1) * n + j + 1]) / 9;
}

function fdtd_2d(steps, nx, ny, ex, ey, hz, source) {
  for (let t = 0; t < steps; t++) {
    for (let j = 0; j < ny; j++) ey[j] = source[t];
    for (let i = 1; i < nx; i++) for (let j = 0; j < ny; j++) ey[i * ny + j] -= 0.5 * (hz[i * ny + j] - hz[(i - 1) * ny + j]);
    for (let i = 0; i < nx; i++) for (let j = 1; j < ny; j++) ex[i * ny + j] -= 0.5 * (hz[i * ny + j] - hz[i * ny + j - 1]);
    for (let i = 0; i < nx - 1; i++)
      for (let j = 0; j < ny - 1; j++)
        hz[i * ny + j] -= 0.7 * (ex[i * ny + j + 1] - ex[i * ny + j] + ey[(i + 1) * ny + j] - ey[i * ny + j]);
  }
}

function adi(steps, n, u) {
  const v = new Float64Array(n * n), p = new Float64Array(n * n), q = new Float64Array(n * n);
  const dx = 1 / n, dt = 1 / steps, mul1 = 2 * dt / (dx * dx), mul2 = dt / (dx * dx);
  const a = -mul1 / 2, b = 1 + mul1, c = a, d = -mul2 / 2, e = 1 + mul2, f = d;
  for (let t = 1; t <= steps; t++) {
    for (let i = 1; i < n - 1; i++) {
      v[i] = 1; p[i * n] = 0; q[i * n] = v[i];
      for (let j = 1; j < n - 1; j++) {
        p[i * n + j] = -c / (a * p[i * n + j - 1] + b);
        q[i * n + j] = (-d * u[j * n + i - 1] + (1 + 2 * d) * u[j * n + i] - f * u[j * n + i + 1] - a * q[i * n + j - 1]) / (a * p[i * n + j - 1] + b);
      }
      v[(n - 1) * n + i] = 1;
      for (let j = n - 2; j >= 1; j--) v[j * n + i] = p[i * n + j] * v[(j + 1) * n + i] + q[i * n + j];
    }
    for (let i = 1; i < n - 1; i++) {
      u[i * n] = 1; p[i * n] = 0; q[i * n] = u[i * n];
      for (let j = 1; j < n - 1; j++) {
        p[i * n + j] = -f / (d * p[i * n + j - 1] + e);
        q[i * n + j] = (-a * v[(i - 1) * n + j] + (1 + 2 * a) * v[i * n + j] - c * v[(i + 1) * n + j] - d * q[i * n + j - 1]) / (d * p[i * n + j - 1] + e);
      }
      u[i * n + n - 1] = 1;
      for (let j = n - 2; j >= 1; j--) u[i * n + j] = p[i * n + j] * u[i * n + j + 1] + q[i * n + j];
    }
  }
}

function deriche(alpha, w, h, image) {
  const ea = Math.exp(-alpha);
  const k = (1 - ea) * (1 - ea) / (1 + alpha * ea - Math.exp(2 * alpha));
  const a1 = k, a5 = k, a2 = k * ea * (alpha - 1), a6 = a2, a3 = k * ea * (alpha + 1), a7 = a3, a4 = -k * Math.exp(-2 * alpha), a8 = a4;
  const b1 = Math.pow(2, -alpha), b2 = -Math.exp(-2 * alpha);
  const y1 = new Float64Array(w * h), y2 = new Float64Array(w * h), out = new Float64Array(w * h);
  for (let i = 0; i < w; i++) {
    let x1 = 0, u1 = 0, u2 = 0;
    for (let j = 0; j < h; j++) {
      y1[i * h + j] = a1 * image[i * h + j] + a2 * x1 + b1 * u1 + b2 * u2;
      x1 = image[i * h + j]; u2 = u1; u1 = y1[i * h + j];
    }
  }
  for (let i = 0; i < w; i++) {
    let v1 = 0, v2 = 0, x1 = 0, x2 = 0;
    for (let j = h - 1; j >= 0; j--) {
      y2[i * h + j] = a3 * x1 + a4 * x2 + b1 * v1 + b2 * v2;
      x2 = x1; x1 = image[i * h + j]; v2 = v1; v1 = y2[i * h + j];
    }
  }
  for (let i = 0; i < w * h; i++) out[i] = y1[i] + y2[i];
  for (let j = 0; j < h; j++) {
    let x1 = 0, u1 = 0, u2 = 0;
    for (let i = 0; i < w; i++) {
      y1[i * h + j] = a5 * out[i * h + j] + a6 * x1 + b1 * u1 + b2 * u2;
      x1 = out[i * h + j]; u2 = u1; u1 = y1[i * h + j];
    }
  }
  for (let j = 0; j < h; j++) {
    let v1 = 0, v2 = 0, x1 = 0, x2 = 0;
    for (let i = w - 1; i >= 0; i--) {
      y2[i * h + j] = a7 * x1 + a8 * x2 + b1 * v1 + b2 * v2;
      x2 = x1; x1 = out[i * h + j]; v2 = v1; v1 = y2[i * h + j];
    }
  }
  for (let i = 0; i < w * h; i++) out[i] = y1[i] + y2[i];
  return out;
}

function atax(m, n, A, x) {
  const y = new Float64Array(n);
  for (let i = 0; i < m; i++) {
    let s = 0;
    for (let j = 0; j < n; j++) s += A[i * n + j] * x[j];
    for (let j = 0; j < n; j++) y[j] += A[i * n + j] * s;
  }
  return y;
}

function bicg(n, m, A, p, r) {
  const s = new Float64Array(m), q = new Float64Array(n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < m; j++) { s[j] += r[i] * A[i * m + j]; q[i] += A[i * m + j] * p[j]; }
  return [s, q];
}

function mvt(n, x1, x2, y1, y2, A) {
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) x1[i] += A[i * n + j] * y1[j];
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) x2[i] += A[j * n + i] * y2[j];
}

function gemm(alpha, beta, ni, nj, nk, C, A, B) {
  for (let i = 0; i < ni; i++) {
    for (let j = 0; j < nj; j++) C[i * nj + j] *= beta;
    for (let k = 0; k < nk; k++) for (let j = 0; j < nj; j++) C[i * nj + j] += alpha * A[i * nk + k] * B[k * nj + j];
  }
}

function gemver(alpha, beta, n, A, u1, v1, u2, v2, w, x, y, z) {
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) A[i * n + j] += u1[i] * v1[j] + u2[i] * v2[j];
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) x[i] += beta * A[j * n + i] * y[j];
  for (let i = 0; i < n; i++) x[i] += z[i];
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) w[i] += alpha * A[i * n + j] * x[j];
}

function gesummv(alpha, beta, n, A, B, x) {
  const y = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let a = 0, b = 0;
    for (let j = 0; j < n; j++) { a += A[i * n + j] * x[j]; b += B[i * n + j] * x[j]; }
    y[i] = alpha * a + beta * b;
  }
  return y;
}

function symm(alpha, beta, m, n, C, A, B) {
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) {
      let s = 0;
      for (let k = 0; k < i; k++) { C[k * n + j] += alpha * B[i * n + j] * A[i * m + k]; s += B[k * n + j] * A[i * m + k]; }
      C[i * n + j] = beta * C[i * n + j] + alpha * B[i * n + j] * A[i * m + i] + alpha * s;
    }
}

function syrk(alpha, beta, n, m, C, A) {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) C[i * n + j] *= beta;
    for (let k = 0; k < m; k++) for (let j = 0; j <= i; j++) C[i * n + j] += alpha * A[i * m + k] * A[j * m + k];
  }
}

function syr2k(alpha, beta, n, m, C, A, B) {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) C[i * n + j] *= beta;
    for (let k = 0; k < m; k++)
      for (let j = 0; j <= i; j++) C[i * n + j] += A[j * m + k] * alpha * B[i * m + k] + B[j * m + k] * alpha * A[i * m + k];
  }
}

function trmm(alpha, m, n, A, B) {
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) {
      for (let k = i + 1; k < m; k++) B[i * n + j] += A[k * m + i] * B[k * n + j];
      B[i * n + j] = alpha * B[i * n + j];
    }
}

function trisolv(n, L, x, b) {
  for (let i = 0; i < n; i++) {
    let s = b[i];
    for (let j = 0; j < i; j++) s -= L[i * n + j] * x[j];
    x[i] = s / L[i * n + i];
  }
}

function lu(n, A) {
  for (let k = 0; k < n; k++)
    for (let i = k + 1; i < n; i++) {
      A[i * n + k] /= A[k * n + k];
      for (let j = k + 1; j < n; j++) A[i * n + j] -= A[i * n + k] * A[k * n + j];
    }
}

function cholesky(n, A) {
  for (let j = 0; j < n; j++) {
    for (let k = 0; k < j; k++) A[j * n + j] -= A[j * n + k] * A[j * n + k];
    A[j * n + j] = Math.sqrt(A[j * n + j]);
    for (let i = j + 1; i < n; i++) {
      for (let k = 0; k < j; k++) A[i * n + j] -= A[i * n + k] * A[j * n + k];
      A[i * n + j] /= A[j * n + j];
    }
  }
}

function gramschmidt(m, n, A) {
  const Q = new Float64Array(m * n), R = new Float64Array(n * n);
  for (let k = 0; k < n; k++) {
    let s = 0;
    for (let i = 0; i < m; i++) s += A[i * n + k] ** 2;
    R[k * n + k] = Math.sqrt(s);
    for (let i = 0; i < m; i++) Q[i * n + k] = A[i * n + k] / R[k * n + k];
    for (let j = k + 1; j < n; j++) {
      for (let i = 0; i < m; i++) R[k * n + j] += Q[i * n + k] * A[i * n + j];
      for (let i = 0; i < m; i++) A[i * n + j] -= Q[i * n + k] * R[k * n + j];
    }
  }
  return [Q, R];
}

function durbin(r) {
  const n = r.length, y = new Float64Array(n), z = new Float64Array(n);
  let alpha = -r[0], beta = 1;
  y[0] = -r[0];
  for (let k = 1; k < n; k++) {
    beta = (1 - alpha * alpha) * beta;
    let s = 0;
    for (let i = 0; i < k; i++) s += r[k - i - 1] * y[i];
    alpha = -(r[k] + s) / beta;
    for (let i = 0; i < k; i++) z[i] = y[i] + alpha * y[k - i - 1];
    for (let i = 0; i < k; i++) y[i] = z[i];
    y[k] = alpha;
  }
  return y;
}

function go_fast(n, a) {
  let trace = 0;
  for (let i = 0; i < n; i++) trace += Math.tanh(a[i * n + i]);
  return a.map((x) => x + trace);
}

function softmaxRows(rows, cols, x, y) {
  for (let i = 0; i < rows; i++) {
    let top = x[i * cols];
    for (let j = 1; j < cols; j++) top = Math.max(top, x[i * cols + j]);
    let sum = 0;
    for (let j = 0; j < cols; j++) { y[i * cols + j] = Math.exp(x[i * cols + j] - top); sum += y[i * cols + j]; }
    for (let j = 0; j < cols; j++) y[i * cols + j] /= sum;
  }
}
function softmax(rows, cols, x) {
  const y = new Float64Array(rows * cols);
  softmaxRows(rows, cols, x, y);
  return y;
}

function dense(rows, inner, cols, x, w, b, rectify) {
  const y = new Float64Array(rows * cols);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < cols; j++) {
      let s = b[j];
      for (let k = 0; k < inner; k++) s += x[i * inner + k] * w[k * cols + j];
      y[i * cols + j] = rectify ? Math.max(s, 0) : s;
    }
  return y;
}
function mlp(n, d0, d1, d2, d3, x, w1, b1, w2, b2, w3, b3) {
  const h1 = dense(n, d0, d1, x, w1, b1, true);
  const h2 = dense(n, d1, d2, h1, w2, b2, true);
  const z = dense(n, d2, d3, h2, w3, b3, false);
  return softmax(n, d3, z);
}

function hdiff(I, J, K, field, out, coeff) {
  const at = (i, j, k) => field[(i * (J + 4) + j) * K + k];
  const lap = new Float64Array((I + 2) * (J + 2) * K), fx = new Float64Array((I + 1) * J * K), fy = new Float64Array(I * (J + 1) * K);
  for (let i = 0; i < I + 2; i++)
    for (let j = 0; j < J + 2; j++)
      for (let k = 0; k < K; k++)
        lap[(i * (J + 2) + j) * K + k] = 4 * at(i + 1, j + 1, k) - (at(i + 2, j + 1, k) + at(i, j + 1, k) + at(i + 1, j + 2, k) + at(i + 1, j, k));
  for (let i = 0; i < I + 1; i++)
    for (let j = 0; j < J; j++)
      for (let k = 0; k < K; k++) {
        const r = lap[((i + 1) * (J + 2) + j + 1) * K + k] - lap[(i * (J + 2) + j + 1) * K + k];
        fx[(i * J + j) * K + k] = r * (at(i + 2, j + 2, k) - at(i + 1, j + 2, k)) > 0 ? 0 : r;
      }
  for (let i = 0; i < I; i++)
    for (let j = 0; j < J + 1; j++)
      for (let k = 0; k < K; k++) {
        const r = lap[((i + 1) * (J + 2) + j + 1) * K + k] - lap[((i + 1) * (J + 2) + j) * K + k];
        fy[(i * (J + 1) + j) * K + k] = r * (at(i + 2, j + 2, k) - at(i + 2, j + 1, k)) > 0 ? 0 : r;
      }
  for (let i = 0; i < I; i++)
    for (let j = 0; j < J; j++)
      for (let k = 0; k < K; k++)
        out[(i * J + j) * K + k] = at(i + 2, j + 2, k) - coeff[(i * J + j) * K + k]
          * (fx[((i + 1) * J + j) * K + k] - fx[(i * J + j) * K + k] + fy[(i * (J + 1) + j + 1) * K + k] - fy[(i * (J + 1) + j) * K + k]);
}

function vadv(I, J, K, utensStage, uStage, wcon, uPos, utens, dtr) {
  const bm = 0.4, bp = 0.6, cc = new Float64Array(I * J * K), dd = new Float64Array(I * J * K);
  for (let i = 0; i < I; i++)
    for (let j = 0; j < J; j++) {
      const o = (i * J + j) * K, o1 = ((i + 1) * J + j) * K;
      for (let k = 0; k < K; k++) {
        let b = dtr, term = 0, ac = 0;
        if (k > 0) {
          const ga = -0.25 * (wcon[o1 + k] + wcon[o + k]);
          ac = ga * bp;
          b -= ac;
          term -= ga * bm * (uStage[o + k - 1] - uStage[o + k]);
        }
        if (k < K - 1) {
          const gc = 0.25 * (wcon[o1 + k + 1] + wcon[o + k + 1]);
          cc[o + k] = gc * bp;
          b -= cc[o + k];
          term -= gc * bm * (uStage[o + k + 1] - uStage[o + k]);
        }
        dd[o + k] = dtr * uPos[o + k] + utens[o + k] + utensStage[o + k] + term;
        if (k > 0) {
          const pivot = 1 / (b - cc[o + k - 1] * ac);
          cc[o + k] *= pivot;
          dd[o + k] = (dd[o + k] - dd[o + k - 1] * ac) * pivot;
        } else {
          cc[o + k] /= b;
          dd[o + k] /= b;
        }
      }
      let x = dd[o + K - 1];
      utensStage[o + K - 1] = dtr * (x - uPos[o + K - 1]);
      for (let k = K - 2; k >= 0; k--) {
        x = dd[o + k] - cc[o + k] * x;
        utensStage[o + k] = dtr * (x - uPos[o + k]);
      }
    }
}

function conv2d(N, H, W, ci, co, K, x, weights, bias) {
  const oh = H - K + 1, ow = W - K + 1, out = new Float64Array(N * oh * ow * co);
  for (let n = 0; n < N; n++)
    for (let i = 0; i < oh; i++)
      for (let j = 0; j < ow; j++)
        for (let o = 0; o < co; o++) {
          let s = bias[o];
          for (let a = 0; a < K; a++)
            for (let b = 0; b < K; b++)
              for (let c = 0; c < ci; c++) s += x[((n * H + i + a) * W + j + b) * ci + c] * weights[((a * K + b) * ci + c) * co + o];
          out[((n * oh + i) * ow + j) * co + o] = s;
        }
  return out;
}

module.exports = {
  jacobi_1d, jacobi_2d, heat_3d, seidel_2d, fdtd_2d, adi, deriche, atax, bicg, mvt, gemm, gemver, gesummv, symm, syrk, syr2k, trmm, trisolv, lu, cholesky,
  gramschmidt, durbin, go_fast, softmax, mlp, hdiff, vadv, conv2d,
};
