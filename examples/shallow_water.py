"""Waves over a submarine volcano: the shallow-water equations on a staggered grid, forward in time, arrays overwritten in place.

eta: surface elevation (m), cell centres [ny, nx];  u, v: velocities (m/s) on the faces, [ny, nx+1] and [ny+1, nx];
depth: still-water depth (m), cell centres.  Closed basin, quadratic bottom friction.
"""
import numpy as np

GRAVITY = 9.81
FRICTION = 2.5e-3


def simulate(steps, dt, dx, depth, eta, u, v):
    hu = np.zeros_like(u)
    hv = np.zeros_like(v)
    for t in range(steps):
        h = depth + eta
        # momentum: pressure gradient, then friction (semi-implicit)
        u[:, 1:-1] -= dt * GRAVITY / dx * (eta[:, 1:] - eta[:, :-1])
        v[1:-1, :] -= dt * GRAVITY / dx * (eta[1:, :] - eta[:-1, :])
        u[:, 1:-1] /= 1.0 + dt * FRICTION * np.abs(u[:, 1:-1]) / (0.5 * (h[:, 1:] + h[:, :-1]))
        v[1:-1, :] /= 1.0 + dt * FRICTION * np.abs(v[1:-1, :]) / (0.5 * (h[1:, :] + h[:-1, :]))
        # continuity: water carried through the faces
        hu[:, 1:-1] = u[:, 1:-1] * 0.5 * (h[:, 1:] + h[:, :-1])
        hv[1:-1, :] = v[1:-1, :] * 0.5 * (h[1:, :] + h[:-1, :])
        eta -= dt / dx * (hu[:, 1:] - hu[:, :-1] + hv[1:, :] - hv[:-1, :])


def harbour_energy(eta, u, v, depth, steps, dt, dx, y0, y1, x0, x1):
    """Potential energy (per unit density, m^5/s^2) of the waves in the harbour [y0:y1, x0:x1] at the end."""
    simulate(steps, dt, dx, depth, eta, u, v)
    return 0.5 * GRAVITY * dx * dx * np.sum(eta[y0:y1, x0:x1] ** 2)
