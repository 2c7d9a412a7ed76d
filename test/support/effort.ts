/**
 * How much the tests do. `npm test` takes a part of the cases that finds nearly every mistake; `npm run test:slow` (DACE_AD_TESTS=slow) runs all cases of every file that asks here.
 */
import test, { type TestFn } from "ava";

const SLOW = process.env["DACE_AD_TESTS"] === "slow";

/** What to use in the fast run, and in the slow one. */
export const effort = <T>(fast: T, slow: T): T => (SLOW ? slow : fast);

/** Registers a test of the slow run only. */
export const slowly: TestFn = SLOW ? test : (((): void => { /* not in the fast run */ }) as unknown as TestFn);
/** The same, for files whose tests run one after another. */
export const slowlySerial: TestFn["serial"] = SLOW ? test.serial : (slowly as unknown as TestFn["serial"]);
