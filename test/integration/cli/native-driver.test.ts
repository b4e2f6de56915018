import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { findProgram, makeStore, projectRoot, run, type Outcome } from '../../support/cli.ts';

// The driver of examples/tsmachine-driver-example, installed as a user would, used, and put under the published laws.

const example = path.join(projectRoot, 'examples', 'tsmachine-driver-example');

interface Scene {
  readonly home: string;
  readonly call: (args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<Outcome>;
  /** Runs a command line that must succeed. */
  readonly succeed: (...args: readonly string[]) => Promise<Outcome>;
  /** Runs a command line that must fail; resolves to what it wrote to stderr. */
  readonly fail: (...args: readonly string[]) => Promise<string>;
}

async function withScene(t: ExecutionContext, action: (scene: Scene) => Promise<void>): Promise<void> {
  if (findProgram('npm') === undefined) {
    t.log('skipped: needs npm');
    t.pass();
    return;
  }
  const store = await makeStore();
  const home = path.dirname(store.path);
  const env = {
    // Nothing here needs the registry; what asks it all the same fails at once.
    npm_config_cache: path.join(home, 'npm'),
    npm_config_offline: 'true',
    npm_config_fetch_retries: '0',
  };
  const call: Scene['call'] = async (args, more) => store.tsmachine(args, { env: { ...env, ...more } });
  try {
    await action({
      home,
      call,
      succeed: async (...args) => {
        const outcome = await call(args);
        t.is(outcome.code, 0, `${args.join(' ')}: ${outcome.stderr}`);
        return outcome;
      },
      fail: async (...args) => {
        const outcome = await call(args);
        t.not(outcome.code, 0, `${args.join(' ')} succeeded`);
        return outcome.stderr;
      },
    });
  } finally {
    // With its driver, so that no process of a machine is left when a test fails in the middle.
    await call(['rm', '-f', 'one', 'two']);
    await store.dispose();
  }
}

test('a driver from a directory, from add to rm', async (t) => {
  await withScene(t, async ({ home, call, succeed, fail }) => {
    t.regex(await fail('create', '-d', 'example', 'one'), /\[driver-unknown\]/);
    const added = await succeed('driver', 'add', example);
    t.regex(added.stderr, /^Running: npm pack .*--ignore-scripts/m);
    t.regex(added.stderr, /Added the driver example/);
    const lock = await readFile(path.join(home, 'drivers', 'example', 'package-lock.json'), 'utf8');
    t.regex(lock, /"integrity": "sha512-/);

    t.regex((await succeed('driver', 'ls')).stdout, /^example +npm +1\.0\.0 +A process of this computer/m);
    t.regex(
      (await succeed('create', '-d', 'example', '--help')).stdout,
      /--example-greeting.*EXAMPLE_GREETING/,
    );
    t.is((await succeed('completion', 'words', 'create', '-d', '=ex')).stdout, 'example\n');
    t.is(
      (await succeed('completion', 'words', 'create', '-d', 'example', '=--exa')).stdout,
      '--example-greeting\n',
    );
    t.is((await succeed('completion', 'words', 'driver', 'rm', '=')).stdout, 'example\n');

    await succeed('create', '-d', 'example', '--example-greeting', '1.2.3', 'one');
    const [row] = JSON.parse((await succeed('ls', '--json')).stdout) as readonly Record<string, unknown>[];
    t.like(row, { name: 'one', driverName: 'example', state: 'Running', engineVersion: 'v1.2.3' });
    t.is((await succeed('status', 'one')).stdout, 'Running\n');
    const findings = JSON.parse((await call(['doctor', '--json'])).stdout) as readonly Record<
      string,
      unknown
    >[];
    t.true(findings.some(({ subject, code }) => subject === 'driver example' && code === 'example-node'));
    t.true(findings.some(({ subject, severity }) => subject === 'machine one' && severity === 'ok'));
    await succeed('stop', 'one');
    t.is((await succeed('status', 'one')).stdout, 'Stopped\n');
    await succeed('start', 'one');
    t.is((await succeed('status', 'one')).stdout, 'Running\n');
    t.regex(await fail('driver', 'rm', 'example'), /the machine one is of this driver/);
    await succeed('rm', '-y', 'one');
    await succeed('driver', 'rm', 'example');
    t.false((await succeed('driver', 'ls')).stdout.includes('example'));
  });
});

test('a driver that breaks after it was added breaks only what needs it', async (t) => {
  await withScene(t, async ({ home, succeed, fail }) => {
    await succeed('driver', 'add', example);
    await succeed('create', '-d', 'example', 'one');
    await succeed('create', '-d', 'none', '--url', 'tcp://127.0.0.1:1', 'two');
    const main = path.join(
      home,
      'drivers',
      'example',
      'node_modules',
      'tsmachine-driver-example',
      'driver.js',
    );
    const text = await readFile(main, 'utf8');
    await writeFile(main, `throw new Error('worn out');\n${text}`);
    t.regex(await fail('status', 'one'), /cannot be loaded.*\[driver-invalid\]\nwhy: worn out/);
    const listed = await succeed('ls');
    t.regex(listed.stdout, /^one +not found +Error .*worn out/m);
    t.regex(listed.stdout, /^two +- +none +Running/m);
    t.is((await succeed('url', 'two')).stdout, 'tcp://127.0.0.1:1\n');
    await succeed('driver', 'ls');
    await succeed('create', '--help');
    // Added again it works again, and knows its machines.
    await succeed('driver', 'add', example);
    t.is((await succeed('status', 'one')).stdout, 'Running\n');
  });
});

test('a package of a registry is added by name and version, and one whose content was changed is not', async (t) => {
  await withScene(t, async ({ home, call, succeed }) => {
    const env = { npm_config_cache: path.join(home, 'npm') };
    const packed = await run(
      'npm',
      ['pack', '--json', '--ignore-scripts', '--pack-destination', home, example],
      { env },
    );
    const [archive] = JSON.parse(packed.stdout) as readonly {
      readonly filename: string;
      readonly integrity: string;
    }[];
    const bytes = await readFile(path.join(home, archive?.filename ?? ''));
    const registry = await serveRegistry(bytes, archive?.integrity ?? '');
    try {
      const atRegistry = { npm_config_registry: registry.url, npm_config_offline: 'false' };
      const name = 'tsmachine-driver-example@^1.0';
      t.is((await call(['driver', 'add', '--json', name], atRegistry)).code, 0);
      t.regex((await succeed('driver', 'ls')).stdout, /^example .* tsmachine-driver-example@\^1\.0/m);
      await succeed('create', '-d', 'example', 'one');
      await succeed('rm', '-y', 'one');
      await succeed('driver', 'rm', 'example');
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      const fresh = { ...atRegistry, npm_config_cache: path.join(home, 'npm-of-another') };
      const changed = await call(['driver', 'add', name], fresh);
      t.is(changed.code, 1);
      t.regex(changed.stderr, /integrity/);
      t.false((await succeed('driver', 'ls')).stdout.includes('example'));
    } finally {
      registry.close();
    }
  });
});

/** A registry on this computer that has one version of the example. */
async function serveRegistry(
  archive: Uint8Array,
  integrity: string,
): Promise<{ readonly url: string; readonly close: () => void }> {
  const name = 'tsmachine-driver-example';
  const server = createServer((request, response) => {
    if (request.url === `/${name}`) {
      const dist = { tarball: `${url}/${name}.tgz`, integrity };
      const versions = { '1.0.0': { name, version: '1.0.0', dist } };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ name, 'dist-tags': { latest: '1.0.0' }, versions }));
    } else if (request.url === `/${name}.tgz`) {
      response.end(archive);
    } else {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

test('what is no driver is not added', async (t) => {
  await withScene(t, async ({ home, succeed, fail }) => {
    const directory = path.join(home, 'something');
    await mkdir(directory);
    const write = async (content: unknown): Promise<void> =>
      writeFile(path.join(directory, 'package.json'), JSON.stringify(content));
    await write({ name: 'something', version: '1.0.0' });
    t.regex(await fail('driver', 'add', directory), /no key "tsmachine".*package is no driver/);
    const tsmachine = { driver: 'x', title: 'X', apiVersion: 99 };
    await write({ name: 'tsmachine-driver-x', version: '1.0.0', tsmachine });
    t.regex(await fail('driver', 'add', directory), /version 99 of the interface/);
    await write({ name: 'tsmachine-driver-x', version: '1.0.0', tsmachine: { ...tsmachine, apiVersion: 1 } });
    t.regex(await fail('driver', 'add', directory), /cannot be loaded/);
    t.regex(await fail('driver', 'add', 'tsmachine-driver-nosuch'), /\[program-failed\]/);
    t.false((await succeed('driver', 'ls')).stdout.includes('npm'));
  });
});

test('the example keeps the published laws, and its types are right', async (t) => {
  const home = await mkdtemp(path.join(tmpdir(), 'tsm-example-'));
  try {
    const copy = path.join(home, 'example');
    await cp(example, copy, { recursive: true });
    await mkdir(path.join(copy, 'node_modules', '@types'), { recursive: true });
    await symlink(projectRoot, path.join(copy, 'node_modules', 'tsmachine'), 'junction');
    const laws = await run(process.execPath, [
      '--test',
      '--test-reporter=tap',
      path.join(copy, 'test', 'laws.test.js'),
    ]);
    t.is(laws.code, 0, laws.stdout);
    t.regex(laws.stdout, /^# pass 1[0-9]$/m);
    const types = path.join(projectRoot, 'node_modules', '@types', 'node');
    await symlink(types, path.join(copy, 'node_modules', '@types', 'node'), 'junction');
    const compilerOptions = {
      checkJs: true,
      allowJs: true,
      noEmit: true,
      strict: true,
      skipLibCheck: true,
      module: 'NodeNext',
      target: 'ES2023',
      types: ['node'],
    };
    await writeFile(
      path.join(copy, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['driver.js', 'test/laws.test.js'] }),
    );
    const compiler = path.join(projectRoot, 'node_modules', 'typescript-7', 'bin', 'tsc');
    const checked = await run(process.execPath, [compiler, '-p', copy]);
    t.is(checked.code, 0, checked.stdout);
  } finally {
    await rm(home, { recursive: true });
  }
});
