// The model of shallow_water.py as a plain JavaScript function over flat typed arrays.
"use strict";

const GRAVITY = 9.81;
const FRICTION = 2.5e-3;

function simulate(steps, dt, dx, ny, nx, depth, eta, u, v) {
  const w = nx + 1;
  const hu = new Float64Array(ny * w), hv = new Float64Array((ny + 1) * nx), h = new Float64Array(ny * nx);
  for (let t = 0; t < steps; t++) {
    for (let i = 0; i < ny * nx; i++) h[i] = depth[i] + eta[i];
    for (let y = 0; y < ny; y++)
      for (let x = 1; x < nx; x++) {
        u[y * w + x] -= dt * GRAVITY / dx * (eta[y * nx + x] - eta[y * nx + x - 1]);
        u[y * w + x] /= 1 + dt * FRICTION * Math.abs(u[y * w + x]) / (0.5 * (h[y * nx + x] + h[y * nx + x - 1]));
        hu[y * w + x] = u[y * w + x] * 0.5 * (h[y * nx + x] + h[y * nx + x - 1]);
      }
    for (let y = 1; y < ny; y++)
      for (let x = 0; x < nx; x++) {
        v[y * nx + x] -= dt * GRAVITY / dx * (eta[y * nx + x] - eta[(y - 1) * nx + x]);
        v[y * nx + x] /= 1 + dt * FRICTION * Math.abs(v[y * nx + x]) / (0.5 * (h[y * nx + x] + h[(y - 1) * nx + x]));
        hv[y * nx + x] = v[y * nx + x] * 0.5 * (h[y * nx + x] + h[(y - 1) * nx + x]);
      }
    for (let y = 0; y < ny; y++)
      for (let x = 0; x < nx; x++)
        eta[y * nx + x] -= dt / dx * (hu[y * w + x + 1] - hu[y * w + x] + hv[(y + 1) * nx + x] - hv[y * nx + x]);
  }
}

function harbourEnergy(eta, u, v, depth, ny, nx, steps, dt, dx, y0, y1, x0, x1) {
  simulate(steps, dt, dx, ny, nx, depth, eta, u, v);
  let sum = 0;
  for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) sum += eta[y * nx + x] ** 2;
  return 0.5 * GRAVITY * dx * dx * sum;
}

module.exports = { harbourEnergy, simulate };
