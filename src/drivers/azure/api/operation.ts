import { askedPauseMs } from '../../../cloud/back-off.ts';
import { type JsonAnswer } from '../../../cloud/json-api.ts';
import { field, textField } from '../../../cloud/json-fields.ts';
import { MachineError } from '../../../core/errors.ts';
import type { Clock } from '../../../host/types.ts';
import { isGone, isWithin } from './gone.ts';

/**
 * Operations that take their time (Azure's documentation, "Track asynchronous Azure operations"): the answer to the request
 * names a URL that tells how far it is, or the resource itself does.
 */

const timeoutMs = 20 * 60_000;
const firstIntervalMs = 2_000;
const intervalMaxMs = 15_000;

/** With what is asked. */
export interface OperationWorld {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly management: string;
  readonly call: (method: 'GET', path: string) => Promise<JsonAnswer>;
  readonly read: (path: string) => Promise<unknown>;
}

/** Where an operation is, as one look at it says. */
type Progress = { readonly isDone: boolean; readonly waitMs?: number };

/**
 * Waits until an operation has ended.
 * @param path of the resource that it makes, for answers that name no URL
 * @returns false when it had ended before anybody waited.
 * @throws MachineError `cloud-refused` with the fact `cloudCode` when it failed; `timeout`.
 */
export async function waitForOperation(
  world: OperationWorld,
  { answer, path }: { readonly answer: JsonAnswer; readonly path?: string },
): Promise<boolean> {
  const { clock, signal, management } = world;
  const { headers } = answer;
  const urls = [headers['azure-asyncoperation'], headers['location']].filter(
    (url): url is string => url !== undefined && isWithin(url, management),
  );
  const [url] = urls;
  const isByUrl =
    url !== undefined &&
    (answer.status === 201 || answer.status === 202 || headers['azure-asyncoperation'] !== undefined);
  const state = textField(answer.body, 'properties', 'provisioningState');
  if (!isByUrl && (path === undefined || isFinal(state, answer.body))) {
    return false;
  }
  const deadlineMs = clock.monotonicMs() + timeoutMs;
  let intervalMs = firstIntervalMs;
  let pauseMs = askedPauseMs(headers, clock.nowMs());
  for (;;) {
    await clock.sleep(Math.min(pauseMs ?? intervalMs, intervalMaxMs * 2), signal);
    const progress = isByUrl ? await lookAtUrl(world, url, path) : await lookAtResource(world, path ?? '');
    if (progress.isDone) {
      return true;
    }
    if (clock.monotonicMs() > deadlineMs) {
      throw new MachineError('timeout', `Waited ${timeoutMs / 1000} s for an operation of Azure.`, {
        why: 'It has not ended.',
      });
    }
    pauseMs = progress.waitMs;
    intervalMs = Math.min(intervalMs * 1.5, intervalMaxMs);
  }
}

async function lookAtUrl(world: OperationWorld, url: string, path: string | undefined): Promise<Progress> {
  let answer: JsonAnswer;
  try {
    answer = await world.call('GET', url);
  } catch (error) {
    // Forgotten, or of something that is gone with its place.
    if (!isGone(error)) {
      throw error;
    }
    return path === undefined ? { isDone: true } : lookAtResource(world, path);
  }
  const status =
    textField(answer.body, 'status') ?? textField(answer.body, 'properties', 'provisioningState');
  const waitMs = askedPauseMs(answer.headers, world.clock.nowMs());
  const isDone = status === undefined ? answer.status !== 202 : isFinal(status, answer.body);
  return { isDone, ...(waitMs === undefined ? {} : { waitMs }) };
}

async function lookAtResource({ read }: OperationWorld, path: string): Promise<Progress> {
  const body = await read(path);
  return { isDone: isFinal(textField(body, 'properties', 'provisioningState'), body) };
}

/** @throws MachineError `cloud-refused` for one that failed. */
function isFinal(status: string | undefined, body: unknown): boolean {
  if (status !== undefined && /^(?:failed|canceled|cancelled)$/i.test(status)) {
    throw failure(status, body);
  }
  return status === undefined || /^succeeded$/i.test(status);
}

function failure(status: string, body: unknown): MachineError {
  const error = field(body, 'error');
  const code = textField(error, 'code') ?? status;
  const message = (textField(error, 'message') ?? '').replaceAll(/\p{Cc}/gu, ' ').slice(0, 1000);
  return new MachineError(
    'cloud-refused',
    `Azure could not carry it out: ${message === '' ? code : message}`,
    { why: `${code}.`, facts: { cloudCode: code } },
  );
}
