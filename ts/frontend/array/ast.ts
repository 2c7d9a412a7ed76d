/**
 * The array program: what every frontend produces. Names are resolved to functions, library functions and variables; every
 * node has a source position; types, ranks and sizes are found later, when the program is specialised to actual arguments.
 */
import type { SourceFile, SourceLoc } from "../../base/errors.js";

export interface ArrayProgram {
  /** Decides semantics where the languages differ: promotion, division, negative indices, truth, rebinding, out-of-range slices. */
  readonly language: "python" | "javascript";
  readonly source: SourceFile;
  readonly entry: FunctionDef;
  /** Values of names free in the entry function (module constants, captured values), by name. Typed arrays are by reference. */
  readonly globals: ReadonlyMap<string, GlobalValue>;
}

export type GlobalValue =
  | { readonly kind: "function"; readonly def: FunctionDef }
  | { readonly kind: "class"; readonly def: ClassDef }
  /** Evaluated once, in the globals. */
  | { readonly kind: "expression"; readonly value: Expr }
  /** A captured JavaScript value: number, bigint, boolean, string, typed array, ndarray, nested arrays, plain objects, null, undefined. */
  | { readonly kind: "value"; readonly value: unknown; readonly loc?: SourceLoc };

export interface Param { readonly name: string; readonly default?: Expr; readonly keywordOnly?: boolean; /** Takes the positional arguments that are left, as a tuple. */ readonly rest?: boolean; /** Takes the keyword arguments that are left, as a dictionary. */ readonly restKeywords?: boolean; readonly loc: SourceLoc }

export interface FunctionDef {
  readonly name: string;
  readonly params: readonly Param[];
  readonly body: readonly Stmt[];
  /** Names bound in this function (parameters included). Any other name is looked up in the enclosing function, then in the globals. JavaScript block scopes are flattened: shadowed names are renamed apart. */
  readonly locals: ReadonlySet<string>;
  /** It stands for this function, called for each element of broadcast arrays (@np.vectorize). */
  readonly elementwise?: FunctionDef;
  /** Its first parameter is what it is called on (JavaScript's `this`). */
  readonly receiver?: boolean;
  readonly loc: SourceLoc;
}

export interface Method { readonly def: FunctionDef; /** What it is given first: the instance (a property is called where it is read), the class, or nothing. */ readonly kind: "method" | "property" | "class" | "static" }
/** A class. What makes an instance is the method `__init__`; a named tuple's instances are tuples, which the method `__new__` makes of its arguments. */
export interface ClassDef {
  readonly name: string;
  /** The class that it extends. */
  readonly base?: Expr;
  /** The fields that it declares (a data class, a named tuple), its base's first. */
  readonly fields: readonly string[];
  readonly tuple?: boolean;
  /** Nothing in the program changes an instance after it was made. */
  readonly fixed: boolean;
  readonly methods: ReadonlyMap<string, Method>;
  readonly constants: ReadonlyMap<string, Expr>;
  readonly loc: SourceLoc;
}

export type BinaryOp = "+" | "-" | "*" | "/" | "//" | "%" | "**" | "@" | "&" | "|" | "^" | "<<" | ">>" | ">>>";
export type CompareOp = "==" | "!=" | "<" | "<=" | ">" | ">=" | "is" | "isnot" | "in" | "notin";

interface At { readonly loc: SourceLoc }

/** Expressions are pure except for calls of program functions: JavaScript's ++, =, and comma inside expressions are desugared by the frontend into statements with temporaries, in evaluation order. */
export type Expr = At & (
  /** `integer`: written without point or exponent (Python); in JavaScript, any integral literal. */
  | { readonly kind: "number"; readonly value: number; readonly integer: boolean }
  | { readonly kind: "bigint"; readonly value: bigint }
  | { readonly kind: "imaginary"; readonly value: number }
  | { readonly kind: "boolean"; readonly value: boolean }
  | { readonly kind: "string"; readonly value: string }
  /** None, null and undefined. */
  | { readonly kind: "none"; /** JavaScript's null; else undefined. */ readonly isNull?: boolean }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "binary"; readonly op: BinaryOp; readonly left: Expr; readonly right: Expr }
  | { readonly kind: "unary"; readonly op: "-" | "+" | "not" | "~"; readonly operand: Expr }
  /** Chains such as a < b < c come as logical "and" of pairs. */
  /** `strict`: JavaScript's ===, to which null and undefined are two. */
  | { readonly kind: "compare"; readonly op: CompareOp; readonly left: Expr; readonly right: Expr; readonly strict?: boolean }
  /** Short-circuit; the value is one of the operands. */
  | { readonly kind: "logical"; readonly op: "and" | "or" | "nullish"; readonly left: Expr; readonly right: Expr }
  | { readonly kind: "conditional"; readonly test: Expr; readonly then: Expr; readonly otherwise: Expr }
  | { readonly kind: "attribute"; readonly object: Expr; readonly name: string }
  | { readonly kind: "index"; readonly object: Expr; readonly items: readonly IndexItem[] }
  | { readonly kind: "call"; readonly callee: Expr; readonly args: readonly Argument[]; readonly keywords: readonly Keyword[] }
  | { readonly kind: "tuple"; readonly elements: readonly Expr[] }
  | { readonly kind: "list"; readonly elements: readonly Expr[] }
  /** Plain objects with constant keys (JavaScript) and dict literals with string keys. */
  | { readonly kind: "object"; readonly entries: readonly { readonly key: string; readonly value: Expr }[] }
  /** [element for target in iterable if condition]; also Array.from({length}, f) where f is simple. */
  | { readonly kind: "comprehension"; readonly element: Expr; readonly target: Target; readonly iterable: Expr; readonly condition?: Expr; /** The element is a comprehension itself, whose elements follow one another in the result. */ readonly flat?: boolean }
  | { readonly kind: "function"; readonly def: FunctionDef }
  /** A library function or namespace, resolved through imports and globals: "np", "np.sum", "np.linalg.inv", "np.add.outer", "math.sqrt", "len", "range", "Math.exp", "Float64Array", "Number", "Array", "Object", "Infinity", … */
  | { readonly kind: "library"; readonly name: string });

export interface Argument { readonly value: Expr; readonly spread?: boolean }
export interface Keyword { readonly name: string; readonly value: Expr; /** The value is a dictionary of arguments by name. */ readonly spread?: boolean }

export type IndexItem =
  | { readonly kind: "expr"; readonly value: Expr }
  | { readonly kind: "slice"; readonly start?: Expr; readonly stop?: Expr; readonly step?: Expr; readonly loc: SourceLoc }
  | { readonly kind: "newaxis"; readonly loc: SourceLoc }
  | { readonly kind: "ellipsis"; readonly loc: SourceLoc };

export type Target = At & (
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "index"; readonly object: Expr; readonly items: readonly IndexItem[] }
  | { readonly kind: "attribute"; readonly object: Expr; readonly name: string }
  /** Destructuring: by position, or (with keys) by property name. `rest`: the last one takes what is left, as a list. */
  | { readonly kind: "tuple"; readonly elements: readonly (Target | undefined)[]; readonly keys?: readonly string[]; readonly defaults?: readonly (Expr | undefined)[]; readonly rest?: boolean });

export type Stmt = At & (
  /** value is evaluated once, then stored to the targets from left to right. `declare`: a const/let/var or first binding (information only). */
  | { readonly kind: "assign"; readonly targets: readonly Target[]; readonly value: Expr; readonly declare?: "const" | "let" | "var" }
  /** In place for arrays (NumPy), read-modify-write otherwise. The target's object and index are evaluated once. */
  | { readonly kind: "augmented"; readonly op: BinaryOp; readonly target: Target; readonly value: Expr }
  | { readonly kind: "expression"; readonly value: Expr }
  | { readonly kind: "if"; readonly test: Expr; readonly then: readonly Stmt[]; readonly otherwise: readonly Stmt[] }
  /** `for target in iterable` and JavaScript `for…of` (over arrays, ranges, enumerate, zip, lists, entries()). `label` is what `break`/`continue` name. */
  | { readonly kind: "for"; readonly target: Target; readonly iterable: Expr; readonly body: readonly Stmt[]; readonly otherwise?: readonly Stmt[]; readonly label: string }
  /**
   * A counted loop whose variable, start, stop and step nothing in the body changes (JavaScript `for (let i = a; i < n; i += s)`): start, then by
   * step (a nonzero integer literal) while below (step > 0) or above (step < 0) stop. With `exitValue` the variable holds the first value that failed the test afterwards.
   */
  | { readonly kind: "count"; readonly variable: string; readonly start: Expr; readonly stop: Expr; readonly step: number; readonly exitValue: boolean; readonly body: readonly Stmt[]; readonly label: string }
  /** `update` runs after each iteration, also after `continue`. */
  | { readonly kind: "while"; readonly test: Expr; readonly body: readonly Stmt[]; readonly update: readonly Stmt[]; readonly testAfter: boolean; readonly otherwise?: readonly Stmt[]; readonly label: string }
  /** A labelled block (JavaScript labels; `switch` is desugared to one). */
  | { readonly kind: "block"; readonly label: string; readonly body: readonly Stmt[] }
  | { readonly kind: "break"; readonly label: string }
  | { readonly kind: "continue"; readonly label: string }
  | { readonly kind: "return"; readonly value?: Expr }
  | { readonly kind: "function"; readonly def: FunctionDef }
  | { readonly kind: "raise"; readonly message: string }
  | { readonly kind: "assert"; readonly test: Expr; readonly message: string }
  | { readonly kind: "pass" });
