/** The error for a limit that no plan meets. */
import { DaceError } from "../../base/errors.js";
import type { Smallest } from "./solve.js";

/** Carries the smallest limit that works, in bytes, and whether it is proven that none below does. */
export class MemoryInfeasible extends DaceError {
  readonly smallest: number;
  readonly proven: boolean;
  constructor(limit: number, smallest: Omit<Smallest, "plan"> & Partial<Pick<Smallest, "plan">>, subject = "no plan keeps") {
    const largest = smallest.dominating.slice(0, 5).map((d) => `${d.name} (${d.bytes} bytes)`).join(", ");
    super("MEMORY_INFEASIBLE", `${subject} memory within ${limit} bytes; ${smallest.proven ? "the smallest limit that works is" : "the smallest limit found to work is"} ${smallest.limit} bytes`, {
      hint: `set memoryLimit to ${smallest.limit} or more`, ...(largest ? { notes: [{ message: `at its peak these are live: ${largest}` }] } : {}),
    });
    this.smallest = smallest.limit;
    this.proven = smallest.proven;
  }
}
