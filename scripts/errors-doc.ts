/** Writes docs/errors.md out of the table of error codes; `npm run docs`. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { errorsDocument } from '../src/core/errors-document.ts';

writeFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'errors.md'), errorsDocument());
