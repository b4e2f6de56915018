import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { createHost } from '../../../src/host/real.ts';
import type { Host } from '../../../src/host/types.ts';
import { createFakeHost } from '../../fakes/host.ts';
import { goldenRows } from '../../golden/table.ts';
import { expectedOutcome, runRow, storeFiles, withoutHelp } from '../../golden/world.ts';
import { makeCa, makeLeaf, startEngine, type FakeEngine } from '../engine/tls-engine.ts';

let root = '';
let engine: FakeEngine;

test.before(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'tsm-golden-'));
  const ca = await makeCa();
  const client = await makeLeaf(ca, { purpose: 'client', sans: [] });
  engine = await startEngine({ clientCa: ca.certPem, server: await makeLeaf(ca, {}) });
  const certs = path.join(root, 'certs');
  await mkdir(certs);
  await writeFile(path.join(certs, 'ca.pem'), ca.certPem);
  await writeFile(path.join(certs, 'cert.pem'), client.certPem);
  await writeFile(path.join(certs, 'key.pem'), client.keyPem);
});

test.after.always(async () => {
  await engine.close();
  await rm(root, { recursive: true, force: true });
});

for (const [index, row] of goldenRows.entries()) {
  if (row.engine === true) {
    test(`${index} ${row.argv.toString()} ${JSON.stringify(row.env ?? {})}`, async (t) => {
      const storePath = path.join(root, String(index));
      for (const [file, text] of Object.entries(storeFiles(row.setting, storePath, engine.url))) {
        await mkdir(path.dirname(path.join(storePath, file)), { recursive: true });
        await writeFile(path.join(storePath, file), text);
      }
      await cp(path.join(root, 'certs'), path.join(storePath, 'certs'), { recursive: true });
      const outcome = await runRow(row, {
        host: hostWith(storePath, row.env),
        storePath,
        engineUrl: engine.url,
      });
      t.deepEqual({ ...outcome, stdout: withoutHelp(row, outcome.stdout) }, expectedOutcome(row));
    });
  }
}

/** The real world, except for the environment: that of a user without a proxy. */
function hostWith(storePath: string, env: Readonly<Record<string, string>> = {}): Host {
  const host = createHost();
  const { platform, packageRoot } = createFakeHost().facts;
  return {
    ...host,
    facts: {
      ...host.facts,
      platform,
      packageRoot,
      env: { SHELL: '/bin/bash', MACHINE_STORAGE_PATH: storePath, ...env },
    },
  };
}
