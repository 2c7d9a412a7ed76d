/** From how much work on threads pay. */

/** In units of `work.ts`: 3 to 5 microseconds. */
export const PARALLEL_UNITS = 30_000;
