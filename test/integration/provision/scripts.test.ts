import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { applyScript, upgradeScript } from '../../../src/provision/apply.ts';
import { detectFamily } from '../../../src/provision/detect.ts';
import { gatherScript } from '../../../src/provision/facts.ts';
import { engineSource } from '../../../src/provision/install.ts';
import { parseOsRelease } from '../../../src/provision/os-release.ts';
import { planSetup } from '../../../src/provision/plan.ts';
import { serviceCommands, type ServiceCommands } from '../../../src/provision/services/service.ts';
import type { SetupPlan } from '../../../src/provision/setup.ts';
import { systems } from '../../fixtures/provision/systems.ts';
import { findProgram, run } from '../../support/cli.ts';
import { debianFacts, runningEngine, setupOf } from '../../unit/provision/scene.ts';

// Scripts for hosts, read and run by the shells that hosts have.

const token = 'tsmachine-0123456789abcdef';

const shells: readonly (readonly [name: string, argv: readonly string[]])[] = [
  ['sh', ['sh']],
  ['dash', ['dash']],
  ['bash', ['bash', '--posix']],
  ['busybox', ['busybox', 'sh']],
];

/** Every kind of script that is ever sent to a host. */
function allScripts(): Map<string, string> {
  const scripts = new Map([['gather', gatherScript(token)]]);
  const facts = debianFacts({ engine: runningEngine({ containersRunning: 1 }) });
  for (const manager of ['systemd', 'openrc', 'boot2docker'] as const) {
    const service = serviceCommands(manager);
    const host = { ...facts, serviceManager: manager };
    const setup = setupOf({ Env: [`A=it's "$x"`], ArbitraryFlags: ["x='"] }, { machineName: 'dev' });
    if (service !== undefined) {
      scripts.set(`apply ${manager}`, applyScript(planSetup(host, setup), { facts: host, service, token }));
      scripts.set(`upgrade ${manager}`, upgradeScript('true', 'keep', { facts: host, service, token }));
    }
  }
  for (const { text } of systems) {
    const os = parseOsRelease(text);
    const family = detectFamily(os);
    const bare = debianFacts({ os, unit: '', engine: undefined, enginePath: undefined });
    scripts.set(`${os.prettyName} upgrade`, family.upgrade?.(bare) ?? ':');
    for (const installUrl of family.install === undefined
      ? ['https://example.com/x']
      : ['', "https://example.com/a'b"]) {
      const source = engineSource(bare, family, { installUrl, env: ["HTTP_PROXY=http://a'b"] });
      scripts.set(`${os.prettyName} install ${installUrl}`, source.kind === 'present' ? ':' : source.script);
    }
  }
  return scripts;
}

for (const [name, argv] of shells) {
  test(`${name} can read every script`, async (t) => {
    const [program = '', ...args] = argv;
    if (findProgram(program) === undefined) {
      t.log(`skipped: needs ${program}`);
      t.pass();
      return;
    }
    for (const [title, script] of allScripts()) {
      const { code, stderr } = await run(program, [...args, '-n'], { input: script });
      t.is(code, 0, `${title}: ${stderr}`);
    }
  });
}

/** A service that says in files what it was told, and fails where a file says so. */
function fakeService(directory: string): ServiceCommands {
  const note = (word: string): string => `echo ${word} >>${directory}/calls`;
  const starts = `{ ${note('start')}; [ ! -e ${directory}/broken ] || ! grep -q bad ${directory}/config; }`;
  return {
    readAgain: note('read-again'),
    start: starts,
    restart: starts,
    reload: note('reload'),
    enable: note('enable'),
    logs: 'echo the engine said no',
  };
}

async function inDirectory(
  t: ExecutionContext,
  body: (
    directory: string,
    apply: (content: string) => Promise<{ code: number | null; stderr: string }>,
  ) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(path.join(tmpdir(), 'tsm-apply-'));
  try {
    await writeFile(path.join(directory, 'docker'), '#!/bin/sh\necho 1.2.3\n', { mode: 0o755 });
    const apply = async (content: string): Promise<{ code: number | null; stderr: string }> => {
      const plan: SetupPlan = {
        files: [
          { path: path.join(directory, 'config'), mode: 0o644, content },
          { path: path.join(directory, 'new-folder', "it's-key"), mode: 0o600, content: 'SECRET $x `y`\n' },
        ],
        removed: [path.join(directory, 'needless')],
        engine: 'restart',
        enable: true,
        containers: 'none',
      };
      const script = applyScript(plan, { facts: debianFacts(), service: fakeService(directory), token });
      return run('sh', ['-s'], { input: script, env: { PATH: `${directory}:${process.env['PATH'] ?? ''}` } });
    };
    await body(directory, apply);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  t.pass();
}

test('files are written whole, with their modes, and nothing is left beside them', async (t) => {
  await inDirectory(t, async (directory, apply) => {
    await writeFile(path.join(directory, 'config'), 'old\n', { mode: 0o666 });
    await writeFile(path.join(directory, 'needless'), 'old\n');
    t.deepEqual(await apply('good\n'), { code: 0, signal: null, stdout: '', stderr: '' } as never);
    t.is(await readFile(path.join(directory, 'config'), 'utf8'), 'good\n');
    const key = path.join(directory, 'new-folder', "it's-key");
    t.is(await readFile(key, 'utf8'), 'SECRET $x `y`\n');
    t.is((await stat(key)).mode & 0o777, 0o600);
    t.is(await readFile(path.join(directory, 'calls'), 'utf8'), 'read-again\nstart\nenable\n');
    t.deepEqual((await readdir(directory)).sort(), ['calls', 'config', 'docker', 'new-folder']);
  });
});

test('when the engine does not start, everything is as before and the engine starts with that', async (t) => {
  await inDirectory(t, async (directory, apply) => {
    await writeFile(path.join(directory, 'config'), 'old\n');
    await writeFile(path.join(directory, 'needless'), 'still there\n');
    await writeFile(path.join(directory, 'broken'), '');
    const { code, stderr } = await apply('bad\n');
    t.is(code, 3);
    t.regex(stderr, /the engine said no/);
    t.is(await readFile(path.join(directory, 'config'), 'utf8'), 'old\n');
    t.is(await readFile(path.join(directory, 'needless'), 'utf8'), 'still there\n');
    t.deepEqual(await readdir(path.join(directory, 'new-folder')), []);
    t.is(await readFile(path.join(directory, 'calls'), 'utf8'), 'read-again\nstart\nread-again\nstart\n');
  });
});
