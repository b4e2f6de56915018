import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Options } from 'ajv';
import { projectRoot } from '../cli.ts';

// Descriptions of APIs by the vendors themselves. They are not part of the project: where they are absent, requests are not
// checked against them, and a test that wants that says so.

const directory = path.join(projectRoot, '..', 'shared', 'data', 'api');

/** Why a description cannot be had; undefined when it can. */
export function descriptionMissing(file: string): string | undefined {
  return existsSync(path.join(directory, file)) ? undefined : `needs the description ${file}`;
}

/** A description. @throws when it is absent. */
export function readDescription(file: string): Readonly<Record<string, unknown>> {
  return JSON.parse(gunzipSync(readFileSync(path.join(directory, file))).toString()) as Record<
    string,
    unknown
  >;
}

/** Options under which descriptions of vendors compile. */
export const ajvOptions: Options = { strict: false, allErrors: true, logger: false, unicodeRegExp: false };

/** A request as it goes out, as far as a description says something of it. */
export interface DescribedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** The text on the wire; empty for none. */
  readonly body: string;
}

/** What is wrong with a request by the description; empty when nothing is. */
export type CheckRequest = (request: DescribedRequest) => readonly string[];

/** What is wrong with an answer to a request. */
export type CheckAnswer = (
  request: DescribedRequest,
  answer: { readonly status: number; readonly body: string },
) => readonly string[];
