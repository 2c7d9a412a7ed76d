/** Programs whose steps go one way or another as floats decide. */
import { python } from "../../ts/index.js";

export const numpyProgram = (source: string): ReturnType<typeof python> => python({ source: `import numpy as np\n${source}`, name: "m.py" }, { function: "f" });
/** Programs of u, w and a number, and whether sizes bound their decisions. */
export const DECISIONS: Readonly<Record<string, { readonly source: string; readonly bounded: boolean; readonly loop: "known" | "online" }>> = {
  "arms": { bounded: true, loop: "known", source: `
def f(u, w, c):
    for t in range(30):
        if np.sum(u) > c:
            u[1:] = np.sin(u[:-1]) * w[1:] + 0.4 * u[1:]
        elif u[3] * c > 0.2:
            u[:] = u * np.cos(w)
        else:
            u[:] = 0.4 * u * u + 0.2 * w
    return np.sum(u * w)
` },
  "arms by element, and integers": { bounded: true, loop: "known", source: `
def f(u, w, c):
    n = u.shape[0]
    for t in range(30):
        j = int(np.floor(np.abs(u[t]) * 10.0)) % n
        for i in range(1, n):
            if u[i] > c * u[i - 1]:
                u[i] = np.sin(u[i]) * w[j] + 0.3 * u[i - 1]
            else:
                u[i] = u[i] * u[i] + 0.1
    return np.sum(u * w)
` },
  "a loop that is left, and arms beside": { bounded: true, loop: "online", source: `
def f(u, w, c):
    s = 0.0
    for t in range(200):
        s = s + np.abs(u[0]) + 0.5
        if s > 20.0:
            break
        if u[1] > c:
            u[:] = np.sin(u) * w
        else:
            u[:] = 0.4 * u * u + 0.2 * w
    return np.sum(u * w)
` },
  "elements that are chosen": { bounded: true, loop: "online", source: `
def f(u, w, c):
    x = u * 1.0
    y = w * 1.0
    s = 0.0
    for t in range(100):
        if len(x) == 0:
            break
        x = x * x * 0.9 + y * 0.3
        s = s + np.sum(x * x)
        stay = x < c
        x = x[stay]
        y = y[stay]
    return s
` },
  "while, with arms": { bounded: false, loop: "online", source: `
def f(u, w, c):
    s = 0.0
    while s < 20.0:
        s = s + np.abs(u[0]) + 0.5
        if u[1] > c:
            u[:] = np.sin(u) * w
        else:
            u[:] = 0.4 * u * u + 0.2 * w
    return np.sum(u * w)
` },
  "while in while": { bounded: false, loop: "online", source: `
def f(u, w, c):
    s = 0.0
    while s < 9.0:
        r = 0.0
        while r < c:
            u[1:] = np.sin(u[:-1]) * w[1:] + 0.4 * u[1:]
            r = r + np.abs(u[1])
        s = s + r
    return np.sum(u * w)
` },
};
