/** What to write instead of a library function that is not supported. */
import { knownNames } from "../registry.js";

const HINTS: readonly (readonly [RegExp, string])[] = [
  [/^np\.random\b/, "make the random numbers before the call and pass them as an array"],
  [/^(np\.(partition|argpartition|lexsort|histogram2d)|scipy\.stats\b.*)$/, "sort or bin before the call and pass the result as an array"],
  [/^np\.linalg\.(eig|eigvals|tensorsolve|tensorinv)$/, "write the elimination out with loops, or solve before the call"],
  [/^np\.(load|save|loadtxt|savetxt|genfromtxt|fromfile)$/, "read files before the call and pass the arrays"],
  [/^np\.(apply_along_axis|frompyfunc)$/, "use array arithmetic or a loop"],
  [/^np\.fft\b/, "write the transform out, or use a matrix product with the Fourier matrix"],
  [/^scipy\.special\.expit$/, "write it out: 1 / (1 + np.exp(-x))"],
  [/^scipy\.special\.(logsumexp|softmax|erf|erfc|gammaln)$/, "write it with np.exp, np.log and math.erf, math.lgamma"],
  [/^scipy\b/, "only numpy and math are known"],
  [/^(time|sys|os)\b/, "keep measurements outside the function"],
  [/^(np\.(compress))$/, "use a boolean mask"],
];

/** A hint for an unsupported name: a known way round, or the supported name that is written most alike. */
export function hintFor(name: string): string {
  for (const [pattern, hint] of HINTS) if (pattern.test(name)) return hint;
  const short = name.slice(name.lastIndexOf(".") + 1), scope = name.slice(0, name.length - short.length);
  let best: string | undefined, least = Math.max(1, Math.floor(short.length / 3)) + 1;
  for (const known of knownNames()) {
    const tail = known.slice(known.lastIndexOf(".") + 1), prefix = known.slice(0, known.length - tail.length);
    const d = distance(short, tail) + (prefix === scope ? 0 : 0.5);
    if (d < least) { least = d; best = known; }
  }
  return best ? `did you mean ${best}?` : "write it with the functions that are supported";
}

/** The name among some that is written most alike, if one is. */
export function closest(name: string, among: Iterable<string>): string | undefined {
  let best: string | undefined, least = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const known of among) { const d = known === name ? Infinity : distance(name, known); if (d < least) { least = d; best = known; } }
  return best;
}

/** Levenshtein's. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
