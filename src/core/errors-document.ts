import { errorCodes, type CodeEntry } from './codes.ts';

/** docs/errors.md: every error code with its meaning and the usual way out. */
export function errorsDocument(): string {
  const rows = Object.entries<CodeEntry>(errorCodes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([code, { fault, title, remedies }]) => `| \`${code}\` | ${fault} | ${title} | ${remedies.join(' ')} |`,
    );
  return `${head}${rows.join('\n')}\n`;
}

const head = `# Errors

Generated from \`src/core/codes.ts\` by \`npm run docs\`.

Every error is shown as what, why and what to try, with its code in brackets; with \`--json\` as an object with the
same fields. Codes are stable: scripts match on them, not on texts.

Exit codes: 0 success · 1 error · 2 usage · 3 a check before \`create\` failed · 130 interrupted · \`ssh\` passes the
remote status through.

| Code | Fault | When | What to do |
| --- | --- | --- | --- |
`;
