# Programs written for the tests after the algorithms of NPBench's benchmarks of the same names, with the constructs that those use.
import numpy as np


# Moments of a resolvent along a contour.
def contour_integral(rows, cols, reach, blocks, points, right):
    first = np.zeros((rows, cols), dtype=np.complex128)
    second = np.zeros((rows, cols), dtype=np.complex128)
    for point in points:
        system = np.zeros((rows, rows), dtype=np.complex128)
        for k in range(reach + 1):
            system += np.power(point, reach / 2 - k) * blocks[k]
        if rows == cols:
            part = np.linalg.inv(system)
        else:
            part = np.linalg.solve(system, right)
        if abs(point) < 1.0:
            part = -part
        first += part
        second += point * part
    return first, second


def cholesky2(M):
    M[:] = np.linalg.cholesky(M) + np.triu(M, k=1)


# The mean of the values in each ring.
def azimint_hist(values, distance, rings):
    return np.histogram(distance, rings, weights=values)[0] / np.histogram(distance, rings)[0]


# A self-sorting Fourier transform of size radix**levels.
def stockham_fft(size, radix, levels, signal, out):
    row, col = np.mgrid[0:radix, 0:radix]
    butterfly = np.exp(-2.0j * np.pi * row * col / radix)
    long_row, long_col = np.mgrid[0:radix, 0:radix**levels]
    out[:] = signal[:]
    for level in range(levels):
        inner = radix**(levels - level - 1)
        swapped = np.transpose(np.reshape(out, (radix**level, radix, inner)), axes=(1, 0, 2))
        phase = np.exp(-2.0j * np.pi * long_row[:, :radix**level] * long_col[:, :radix**level] / radix**(level + 1))
        twiddle = np.empty((radix, radix**level, inner), dtype=np.complex128)
        twiddle[:] = np.repeat(np.reshape(phase, (radix, radix**level, 1)), inner, axis=2)
        turned = np.reshape(swapped, (size, )) * np.reshape(twiddle, (size, ))
        out[:] = np.reshape(butterfly @ np.reshape(turned, (radix, radix**(levels - 1))), (size, ))


# Every point is iterated; those that have left stay under a mask.
def mandelbrot1(left, right, bottom, top, width, height, rounds, limit=2.0):
    x = np.linspace(left, right, width, dtype=np.float64)
    y = np.linspace(bottom, top, height, dtype=np.float64)
    c = x + y[:, None] * 1j
    count = np.zeros(c.shape, dtype=np.int64)
    z = np.zeros(c.shape, dtype=np.complex128)
    for n in range(rounds):
        near = np.less(abs(z), limit)
        count[near] = n
        z[near] = z[near]**2 + c[near]
    count[count == rounds - 1] = 0
    return z, count


# Only the points that are left are iterated.
def mandelbrot2(left, right, bottom, top, width, height, rounds, limit=2.0):
    col, row = np.mgrid[0:width, 0:height]
    x = np.linspace(left, right, width, dtype=np.float64)[col]
    y = np.linspace(bottom, top, height, dtype=np.float64)[row]
    c = x + y * 1j
    count = np.zeros(c.shape, dtype=np.int64)
    last = np.zeros(c.shape, dtype=np.complex128)
    col.shape = row.shape = c.shape = width * height
    z = np.zeros(c.shape, np.complex128)
    for n in range(rounds):
        if not len(z):
            break
        np.multiply(z, z, z)
        np.add(z, c, z)
        away = abs(z) > limit
        count[col[away], row[away]] = n + 1
        last[col[away], row[away]] = z[away]
        np.logical_not(away, away)
        z = z[away]
        col, row = col[away], row[away]
        c = c[away]
    return last.T, count.T


# The same, for as many rounds as it takes.
def mandelbrot2_all(left, right, bottom, top, width, height, rounds):
    col, row = np.mgrid[0:width, 0:height]
    c = np.linspace(left, right, width)[col] + np.linspace(bottom, top, height)[row] * 1j
    last = np.zeros(c.shape, dtype=np.complex128)
    col.shape = row.shape = c.shape = width * height
    z = np.zeros(c.shape, np.complex128)
    for n in range(rounds):
        np.multiply(z, z, z)
        np.add(z, c, z)
        away = abs(z) > 2.0
        last[col[away], row[away]] = z[away]
        np.logical_not(away, away)
        z = z[away]
        col, row = col[away], row[away]
        c = c[away]
    return last.T


def scattering_self_energies(neighbours, gradient, green, phonon, sigma):
    for k in range(green.shape[0]):
        for e in range(green.shape[1]):
            for q in range(phonon.shape[0]):
                for w in range(phonon.shape[1]):
                    for i in range(phonon.shape[-2]):
                        for j in range(phonon.shape[-1]):
                            for a in range(neighbours.shape[0]):
                                for b in range(neighbours.shape[1]):
                                    if e - w >= 0:
                                        left = green[k, e - w, neighbours[a, b]] @ gradient[a, b, i]
                                        sigma[k, e, a] += left @ (gradient[a, b, j] * phonon[q, w, a, b, i, j])


# A sparse matrix by rows times a vector.
def spmv(starts, columns, values, x):
    y = np.empty(starts.size - 1, values.dtype)
    for i in range(starts.size - 1):
        picked = columns[starts[i]:starts[i + 1]]
        y[i] = values[starts[i]:starts[i + 1]] @ x[picked]
    return y


def positive(x):
    return np.maximum(x, 0)


def correlate(images, kernel):
    size = kernel.shape[0]
    high, wide = images.shape[1] - size + 1, images.shape[2] - size + 1
    out = np.empty((images.shape[0], high, wide, kernel.shape[3]), dtype=images.dtype)
    for i in range(high):
        for j in range(wide):
            out[:, i, j, :] = np.sum(images[:, i:i + size, j:j + size, :, np.newaxis] * kernel[np.newaxis, :, :, :], axis=(1, 2, 3))
    return out


def pool(x):
    out = np.empty([x.shape[0], x.shape[1] // 2, x.shape[2] // 2, x.shape[3]], dtype=x.dtype)
    for i in range(x.shape[1] // 2):
        for j in range(x.shape[2] // 2):
            out[:, i, j, :] = np.max(x[:, 2 * i:2 * i + 2, 2 * j:2 * j + 2, :], axis=(1, 2))
    return out


def lenet(images, kernel1, bias1, kernel2, bias2, dense1, shift1, dense2, shift2, dense3, shift3, count, width):
    x = pool(positive(correlate(images, kernel1) + bias1))
    x = pool(positive(correlate(x, kernel2) + bias2))
    x = np.reshape(x, (count, width))
    x = positive(x @ dense1 + shift1)
    x = positive(x @ dense2 + shift2)
    return x @ dense3 + shift3


# Distances of points on a sphere.
def arc_distance(lat1, lon1, lat2, lon2):
    h = np.sin((lat2 - lat1) / 2)**2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2)**2
    return 2 * np.arctan2(np.sqrt(h), np.sqrt(1 - h))


# The mean of the values in each ring, by a mask for each.
def azimint_naive(values, distance, rings):
    far = distance.max()
    means = np.zeros(rings, dtype=np.float64)
    for i in range(rings):
        inner, outer = far * i / rings, far * (i + 1) / rings
        ring = np.logical_and(inner <= distance, distance < outer)
        picked = values[ring]
        means[i] = picked.mean()
    return means


# A fluid in a box whose lid moves. Two helpers change what they are given.
def source_term(s, rho, dt, u, v, dx, dy):
    du, dv = (u[1:-1, 2:] - u[1:-1, :-2]) / (2 * dx), (v[2:, 1:-1] - v[:-2, 1:-1]) / (2 * dy)
    s[1:-1, 1:-1] = rho * (1 / dt * (du + dv) - du**2 - 2 * ((u[2:, 1:-1] - u[:-2, 1:-1]) / (2 * dy) * (v[1:-1, 2:] - v[1:-1, :-2]) / (2 * dx)) - dv**2)


def relax_pressure(rounds, p, dx, dy, s):
    old = np.empty_like(p)
    old = p.copy()
    for k in range(rounds):
        old = p.copy()
        p[1:-1, 1:-1] = ((old[1:-1, 2:] + old[1:-1, :-2]) * dy**2 + (old[2:, 1:-1] + old[:-2, 1:-1]) * dx**2 - dx**2 * dy**2 * s[1:-1, 1:-1]) / (2 * (dx**2 + dy**2))
        p[:, -1] = p[:, -2]
        p[0, :] = p[1, :]
        p[:, 0] = p[:, 1]
        p[-1, :] = 0


def cavity_flow(nx, ny, steps, rounds, u, v, dt, dx, dy, p, rho, nu):
    s = np.zeros((ny, nx))
    for n in range(steps):
        un, vn = u.copy(), v.copy()
        source_term(s, rho, dt, u, v, dx, dy)
        relax_pressure(rounds, p, dx, dy, s)
        here, there = un[1:-1, 1:-1], vn[1:-1, 1:-1]
        u[1:-1, 1:-1] = (here - here * dt / dx * (here - un[1:-1, :-2]) - there * dt / dy * (here - un[:-2, 1:-1]) - dt / (2 * rho * dx) * (p[1:-1, 2:] - p[1:-1, :-2])
                         + nu * (dt / dx**2 * (un[1:-1, 2:] - 2 * here + un[1:-1, :-2]) + dt / dy**2 * (un[2:, 1:-1] - 2 * here + un[:-2, 1:-1])))
        v[1:-1, 1:-1] = (there - here * dt / dx * (there - vn[1:-1, :-2]) - there * dt / dy * (there - vn[:-2, 1:-1]) - dt / (2 * rho * dy) * (p[2:, 1:-1] - p[:-2, 1:-1])
                         + nu * (dt / dx**2 * (vn[1:-1, 2:] - 2 * there + vn[1:-1, :-2]) + dt / dy**2 * (vn[2:, 1:-1] - 2 * there + vn[:-2, 1:-1])))
        u[0, :] = 0
        u[:, 0] = 0
        u[:, -1] = 0
        u[-1, :] = 1
        v[0, :] = v[-1, :] = 0
        v[:, 0] = v[:, -1] = 0


# A periodic channel, until the flow hardly changes: the number of steps is the run's.
def channel_flow(u, v, dt, dx, dy, rho, nu, force, enough):
    change, steps = 1, 0
    while change > enough:
        un, vn = u.copy(), v.copy()
        u[1:-1, 1:-1] = (un[1:-1, 1:-1] - un[1:-1, 1:-1] * dt / dx * (un[1:-1, 1:-1] - un[1:-1, :-2]) - vn[1:-1, 1:-1] * dt / dy * (un[1:-1, 1:-1] - un[:-2, 1:-1])
                         + nu * dt * ((un[1:-1, 2:] - 2 * un[1:-1, 1:-1] + un[1:-1, :-2]) / dx**2 + (un[2:, 1:-1] - 2 * un[1:-1, 1:-1] + un[:-2, 1:-1]) / dy**2) + force * dt / rho)
        # The left edge's neighbour is the right edge.
        u[1:-1, 0] = un[1:-1, 0] - un[1:-1, 0] * dt / dx * (un[1:-1, 0] - un[1:-1, -1]) + nu * dt / dy**2 * (un[2:, 0] - 2 * un[1:-1, 0] + un[:-2, 0]) + force * dt
        u[1:-1, -1] = un[1:-1, -1] - un[1:-1, -1] * dt / dx * (un[1:-1, -1] - un[1:-1, -2]) + nu * dt / dy**2 * (un[2:, -1] - 2 * un[1:-1, -1] + un[:-2, -1]) + force * dt
        v[1:-1, 1:-1] = vn[1:-1, 1:-1] + nu * dt * (vn[2:, 1:-1] - 2 * vn[1:-1, 1:-1] + vn[:-2, 1:-1]) / dy**2
        u[0, :] = u[-1, :] = 0
        change = (np.sum(u) - np.sum(un)) / np.sum(u)
        steps += 1
    return steps


def compute(first, second, a, b, c):
    return np.clip(first, 2, 10) * a + second * b + c


def correlation(columns, rows, data):
    mean = np.mean(data, axis=0)
    deviation = np.std(data, axis=0)
    deviation[deviation <= 0.1] = 1.0
    data -= mean
    data /= np.sqrt(rows) * deviation
    result = np.eye(columns, dtype=data.dtype)
    for i in range(columns - 1):
        result[i + 1:columns, i] = result[i, i + 1:columns] = data[:, i] @ data[:, i + 1:columns]
    return result


def covariance(columns, rows, data):
    data -= np.mean(data, axis=0)
    result = np.zeros((columns, columns), dtype=data.dtype)
    for i in range(columns):
        result[i:columns, i] = result[i, i:columns] = data[:, i] @ data[:, i:columns] / (rows - 1.0)
    return result


def covariance2(data):
    return np.cov(np.transpose(data))


# A cyclic redundancy check, bit by bit.
def crc16(data, polynomial=0x8408):
    crc = 0xFFFF
    for byte in data:
        rest = 0xFF & byte
        for bit in range(8):
            if (crc & 1) ^ (rest & 1):
                crc = (crc >> 1) ^ polynomial
            else:
                crc >>= 1
            rest >>= 1
    crc = ~crc & 0xFFFF
    return (crc << 8) | ((crc >> 8) & 0xFF)


def doitgen(nr, nq, np_, A, C):
    A[:] = np.reshape(np.reshape(A, (nr, nq, 1, np_)) @ C, (nr, nq, np_))


def floyd_warshall(path):
    for k in range(path.shape[0]):
        path[:] = np.minimum(path[:], np.add.outer(path[:, k], path[k, :]))


def k2mm(alpha, beta, A, B, C, D):
    D[:] = alpha * A @ B @ C + beta * D


def k3mm(A, B, C, D):
    return A @ B @ C @ D


# A factorisation in place, then two triangular systems.
def ludcmp(A, b):
    n = A.shape[0]
    x, y = np.zeros_like(b), np.zeros_like(b)
    for i in range(n):
        for j in range(i):
            A[i, j] = (A[i, j] - A[i, :j] @ A[:j, j]) / A[j, j]
        for j in range(i, n):
            A[i, j] -= A[i, :i] @ A[:i, j]
    for i in range(n):
        y[i] = b[i] - A[i, :i] @ y[:i]
    for i in range(n - 1, -1, -1):
        x[i] = (y[i] - A[i, i + 1:] @ x[i + 1:]) / A[i, i]
    return x, y


# Bodies that attract each other, by leapfrog; the diagonal of the distances is zero.
def accelerations(pos, mass, gravity, softening):
    x, y, z = pos[:, 0:1], pos[:, 1:2], pos[:, 2:3]
    dx, dy, dz = x.T - x, y.T - y, z.T - z
    inverse = dx**2 + dy**2 + dz**2 + softening**2
    inverse[inverse > 0] = inverse[inverse > 0]**(-1.5)
    return np.hstack((gravity * (dx * inverse) @ mass, gravity * (dy * inverse) @ mass, gravity * (dz * inverse) @ mass))


def energies(pos, vel, mass, gravity):
    kinetic = 0.5 * np.sum(mass * vel**2)
    x, y, z = pos[:, 0:1], pos[:, 1:2], pos[:, 2:3]
    dx, dy, dz = x.T - x, y.T - y, z.T - z
    inverse = np.sqrt(dx**2 + dy**2 + dz**2)
    inverse[inverse > 0] = 1.0 / inverse[inverse > 0]
    return kinetic, gravity * np.sum(np.sum(np.triu(-(mass * mass.T) * inverse, 1)))


def nbody(mass, pos, vel, bodies, steps, dt, gravity, softening):
    vel -= np.mean(mass * vel, axis=0) / np.mean(mass)
    acc = accelerations(pos, mass, gravity, softening)
    kinetic = np.ndarray(steps + 1, dtype=np.float64)
    potential = np.ndarray(steps + 1, dtype=np.float64)
    kinetic[0], potential[0] = energies(pos, vel, mass, gravity)
    for i in range(steps):
        vel += acc * dt / 2.0
        pos += vel * dt
        acc[:] = accelerations(pos, mass, gravity, softening)
        vel += acc * dt / 2.0
        kinetic[i + 1], potential[i + 1] = energies(pos, vel, mass, gravity)
    return kinetic, potential


# The most pairs that a folded sequence can form.
def pairs(a, b):
    if a + b == 3:
        return 1
    return 0


def nussinov(n, seq):
    table = np.zeros((n, n), np.int32)
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            if j > 0:
                table[i, j] = max(table[i, j], table[i, j - 1])
            if i + 1 < n:
                table[i, j] = max(table[i, j], table[i + 1, j])
            if j > 0 and i + 1 < n:
                if i < j - 1:
                    table[i, j] = max(table[i, j], table[i + 1, j - 1] + pairs(seq[i], seq[j]))
                else:
                    table[i, j] = max(table[i, j], table[i + 1, j - 1])
            for k in range(i + 1, j):
                table[i, j] = max(table[i, j], table[i, k] + table[k + 1, j])
    return table


# A residual block of convolutions; the mean and the deviation are over the batch.
def normalised(x, eps=1e-5):
    mean = np.mean(x, axis=0, keepdims=True)
    std = np.std(x, axis=0, keepdims=True)
    return (x - mean) / np.sqrt(std + eps)


def resnet(images, first, middle, last):
    padded = np.zeros((images.shape[0], images.shape[1] + 2, images.shape[2] + 2, first.shape[3]))
    padded[:, 1:-1, 1:-1, :] = correlate(images, first)
    x = positive(normalised(padded))
    x = positive(normalised(correlate(x, middle)))
    return positive(normalised(correlate(x, last)) + images)
