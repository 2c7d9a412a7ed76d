/** Planning memory: problems, plans, the simulator and the solver, apart from any graph. */
export { awayActions, carryOut, storeAllActions, uniformActions, type Action, type LoopShape, type Tally } from "./actions.js";
export { costBound, peakBound } from "./bounds.js";
export { expand, recomputeAll, recomputeOnce } from "./expand.js";
export { awayOptions, besides, loopOptions, nestedOptions, paretoOptions, type ScheduleKind, type ScheduleOption } from "./loops.js";
export { MixedTable, mixedTable } from "./mixed.js";
export { checkProblem, problemOf, storeAll, type Arm, type Loop, type LoopOption, type Mode, type Objective, type Plan, type Problem, type Slot, type Value } from "./problem.js";
export { onlineActions, onlineOptions, onlineWork, type OnlineOption } from "./online.js";
export { revolveActions, revolveExtra } from "./revolve.js";
export { simulate, withoutUnread, type Event, type Simulation } from "./simulate.js";
export { fullWindows } from "./windows.js";
export { MemoryInfeasible } from "./infeasible.js";
export { BUDGET_MS, smallestLimit, solvePlan, type Smallest, type Solution, type SolveOptions, type Status } from "./solve.js";
export { answer } from "./answer.js";
export { answerNow, type Answer, type Question } from "./sync.js";
