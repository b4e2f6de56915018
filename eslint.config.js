import js from '@eslint/js';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist/', 'build/', 'node_modules/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      // Numbers in messages are wanted: ports, sizes, counts.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // An async method that satisfies an interface of promises need not await.
      '@typescript-eslint/require-await': 'off',
      'max-params': ['error', 4],
      eqeqeq: 'error',
    },
  },
  {
    files: ['bin/*.js', 'examples/**/*.js', 'scripts/*.js', '*.js', 'bench/*.cjs', 'test/**/*.mjs'],
    languageOptions: {
      globals: { process: 'readonly', require: 'readonly', console: 'readonly', URL: 'readonly' },
    },
  },
);
