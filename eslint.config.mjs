// Type-aware rules for everything that is TypeScript; plain rules for scripts.
import { existsSync, readdirSync } from "node:fs";
import tseslint from "typescript-eslint";

// Floors of docs/architecture.md: a folder imports only from its own floor or below.
const FLOORS = [["base", "symbolic", "scalar"], ["sdfg"], ["library", "analysis"], ["frontend", "transform"], ["schedule", "autodiff"], ["checkpoint"], ["lower"], ["compile", "runtime"], ["api"], ["cli", "report"]];
const above = (floor) => FLOORS.slice(floor + 1).flat();
const floorRules = FLOORS.flatMap((folders, floor) => {
  const higher = above(floor);
  if (higher.length === 0) return [];
  return [{
    files: folders.map((f) => `ts/${f}/**/*.ts`),
    rules: { "@typescript-eslint/no-restricted-imports": ["error", { patterns: [{ regex: `^(\\.\\./)+(${higher.join("|")})/`, message: "a folder imports only from its own floor or below (docs/architecture.md)" }] }] },
  }];
});

export default tseslint.config(
  { ignores: ["dist/**", "build/**", ".build/**", "node_modules/**", "examples/out/**", "test/programs/**/*.js", "test/types/**", "test/**/fixtures/**"] },
  {
    files: ["ts/**/*.ts", "test/**/*.ts"],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { project: ["./tsconfig.json", "./tsconfig.test.json"], tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/consistent-type-imports": ["error", { disallowTypeAnnotations: false }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      eqeqeq: ["error", "always"],
      "no-eval": "error",
      "prefer-const": "error",
    },
  },
  ...floorRules,
  { files: ["test/**/*.ts"], rules: { "@typescript-eslint/no-floating-promises": "off", "@typescript-eslint/no-unsafe-assignment": "off", "@typescript-eslint/no-unsafe-member-access": "off", "@typescript-eslint/no-unsafe-call": "off", "@typescript-eslint/no-unsafe-argument": "off", "@typescript-eslint/no-unnecessary-type-assertion": "off" } },
  ...(["scripts", "bench"].some((d) => existsSync(d) && readdirSync(d).length > 0) ? [{ files: ["scripts/**/*.cjs", "scripts/**/*.mjs", "bench/**/*.mjs", "bench/**/*.cjs"], rules: { eqeqeq: "error", "prefer-const": "error" } }] : []),
);
