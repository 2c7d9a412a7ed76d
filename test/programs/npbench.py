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
