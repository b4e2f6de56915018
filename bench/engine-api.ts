import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import path from 'node:path';

/** How an engine is asked. */
export interface EngineApi {
  readonly port: number;
  readonly client: { readonly ca: string; readonly cert: string; readonly key: string };
}

/** One request of the Docker Engine API. */
export interface EngineRequest {
  readonly method: string;
  readonly path: string;
  readonly json?: object;
  readonly tar?: Buffer;
}

/** The engine of a machine. @param directory the machine's */
export async function engineApi(url: string, directory: string): Promise<EngineApi> {
  const [ca = '', cert = '', key = ''] = await Promise.all(
    ['ca.pem', 'cert.pem', 'key.pem'].map((name) => readFile(path.join(directory, name), 'utf8')),
  );
  return { port: Number(new URL(url).port), client: { ca, cert, key } };
}

/** One request over a connection of its own. @throws Error for a status that is no success */
export function ask({ port, client }: EngineApi, { json, tar, ...what }: EngineRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    const type = json === undefined ? 'application/x-tar' : 'application/json';
    const body = json === undefined ? tar : JSON.stringify(json);
    const headers = body === undefined ? {} : { 'content-type': type };
    const asked = request({ host: '127.0.0.1', port, ...client, ...what, headers, agent: false });
    asked.on('error', reject);
    asked.on('response', (response) => {
      response.resume();
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode = 0 } = response;
        if (statusCode < 300) {
          resolve();
        } else {
          reject(new Error(`${what.method} ${what.path}: status ${statusCode}`));
        }
      });
    });
    asked.end(body);
  });
}
