import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { findProgram, makeStore, run } from '../../support/cli.ts';

const machineCount = 20;

test('twenty first creates at once on an empty store: one CA, certificates that verify', async (t) => {
  const store = await makeStore();
  try {
    const names = Array.from({ length: machineCount }, (_, index) => `m${index}`);
    const outcomes = await Promise.all(
      names.map((name) => store.tsmachine(['create', '-d', 'none', '--url', 'tcp://127.0.0.1:1', name])),
    );
    for (const { code, stderr } of outcomes) {
      t.is(code, 0, stderr);
    }
    const certs = path.join(store.path, 'certs');
    t.deepEqual((await readdir(certs)).sort(), ['ca-key.pem', 'ca.pem', 'cert.pem', 'key.pem']);
    const ca = await readFile(path.join(certs, 'ca.pem'), 'utf8');
    for (const name of names) {
      t.is(await readFile(path.join(store.path, 'machines', name, 'ca.pem'), 'utf8'), ca);
    }
    t.deepEqual((await readdir(path.join(store.path, 'machines'))).sort(), [...names].sort());
    const openssl = findProgram('openssl');
    if (openssl === undefined) {
      t.log('skipped: needs openssl to verify the certificates');
      return;
    }
    const verified = await run(openssl, [
      'verify',
      '-x509_strict',
      '-purpose',
      'sslclient',
      '-CAfile',
      path.join(certs, 'ca.pem'),
      path.join(store.path, 'machines', 'm7', 'cert.pem'),
    ]);
    t.is(verified.code, 0, verified.stderr);
  } finally {
    await store.dispose();
  }
});

test('ten creates of one name at once: one succeeds, the others say that it exists or is being made', async (t) => {
  const store = await makeStore();
  try {
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, () =>
        store.tsmachine(['create', '-d', 'none', '--url', 'tcp://127.0.0.1:1', 'same']),
      ),
    );
    t.is(outcomes.filter(({ code }) => code === 0).length, 1);
    for (const { stderr } of outcomes.filter(({ code }) => code !== 0)) {
      t.regex(stderr, /already exists|record-locked/);
    }
    t.is((await store.tsmachine(['ls', '-q'])).stdout, 'same\n');
  } finally {
    await store.dispose();
  }
});
