/** Long computations on the caller's thread: they end at a deadline, and let timers, aborts and other work in on the way. */
const BREATH_MS = 20;

export class Pace {
  #last = performance.now();
  constructor(readonly deadline: number, readonly signal: AbortSignal | undefined) {}

  late(): boolean { return performance.now() > this.deadline; }

  /** Rejects with the signal's reason when aborted. */
  async breathe(): Promise<void> {
    if (performance.now() - this.#last < BREATH_MS) return;
    await new Promise<void>((resolve) => { setImmediate(resolve); });
    this.#last = performance.now();
    this.signal?.throwIfAborted();
  }
}
