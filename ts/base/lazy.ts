/** Modules that are loaded when they are first needed: a warm start uses neither frontends nor passes, and they are most of the package. */
export function lazy<T>(load: () => T): () => T {
  let loaded: T | undefined;
  return () => (loaded ??= load());
}
