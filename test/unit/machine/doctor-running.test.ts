import test from 'ava';
import { createMachine } from '../../../src/machine/create.ts';
import { examineMachine } from '../../../src/machine/doctor/machine.ts';
import { parseInside, type Inside } from '../../../src/machine/doctor/inside.ts';
import { brokenLayer, type Evidence, type Layer } from '../../../src/machine/doctor/layers.ts';
import type { MemoryLinuxHost } from '../../fakes/linux-host.ts';
import { genericRequest, openHostScene } from './host-scene.ts';

interface Case {
  readonly what: string;
  readonly fault: (linux: MemoryLinuxHost) => void;
  readonly finds: readonly string[];
  readonly layer?: Layer;
}

const cases: readonly Case[] = [
  {
    what: 'is well',
    fault: () => undefined,
    finds: ['machine-answers', 'ssh-answers', 'clock-right', 'disk'],
  },
  {
    what: 'has no engine that runs',
    fault: (linux) => {
      linux.engineRuns = false;
    },
    finds: ['engine-unreachable', 'ssh-answers', 'engine-down'],
    layer: 'engine',
  },
  {
    what: 'is off',
    fault: (linux) => {
      linux.isOff = true;
    },
    finds: ['machine-error'],
  },
  {
    what: 'has a full disk',
    fault: (linux) => {
      linux.freeBlocks = 10;
    },
    finds: ['disk-full'],
    layer: 'disk',
  },
  {
    what: 'has room for no more files, and no engine for that reason',
    fault: (linux) => {
      linux.freeFiles = 3;
      linux.engineRuns = false;
    },
    finds: ['disk-full', 'engine-down'],
    layer: 'disk',
  },
  {
    what: 'has a clock that is behind',
    fault: (linux) => {
      linux.clockAheadSeconds = -3600;
    },
    finds: ['clock-wrong'],
    layer: 'clock',
  },
  {
    what: 'has no memory left',
    fault: (linux) => {
      linux.availableKiB = 20_000;
    },
    finds: ['memory-low'],
    layer: 'memory',
  },
];

for (const { what, fault, finds, layer } of cases) {
  test(`a machine that ${what}`, async (t) => {
    const { session, linux } = openHostScene(t);
    await createMachine(session, genericRequest('m'));
    fault(linux);
    const writesBefore = session.host.files.writes.length;
    const found = await examineMachine(session, 'm');
    const codes = found.map(({ code }) => code);
    t.deepEqual(
      finds.filter((code) => !codes.includes(code)),
      [],
      codes.join(' '),
    );
    const broken = found.find(({ code }) => code === 'layer');
    t.is(
      broken?.message,
      layer === undefined ? undefined : `What is broken is: ${layer}. What lies below it works.`,
    );
    t.true(found.every(({ severity, remedies }) => severity === 'ok' || remedies.length > 0));
    t.notRegex(JSON.stringify(found), /[^"]\{\w+\}|undefined|NAME/);
    t.is(session.host.files.writes.length, writesBefore, 'doctor writes nothing');
  });
}

const well: Inside = { epochSeconds: 1, engineRuns: true };
const refused = { code: 'tls-mismatch', trouble: 'client-refused' } as const;
const noAnswer = { code: 'engine-unreachable', trouble: 'no-answer' } as const;

const evidences: readonly (readonly [string, Evidence, Layer | undefined])[] = [
  ['all is well', { phase: 'ready', inside: well, clockAheadSeconds: 0 }, undefined],
  ['nothing is known', {}, undefined],
  ['a start that hangs', { phase: 'net', sshError: 'ssh-failed', engineError: noAnswer }, 'boot'],
  ['a start that failed', { phase: 'failed', sshError: 'ssh-failed', engineError: noAnswer }, 'boot'],
  [
    'a machine that was up, and is silent',
    { phase: 'ready', sshError: 'ssh-failed', engineError: noAnswer },
    'net',
  ],
  ['another host key', { sshError: 'ssh-host-key-changed' }, 'SSH'],
  ['SSH alone', { phase: 'ready', sshError: 'ssh-failed' }, 'SSH'],
  ['other certificates', { inside: well, engineError: refused }, 'TLS'],
  [
    'other certificates, because the clock is wrong',
    { inside: well, engineError: refused, clockAheadSeconds: 9e4 },
    'clock',
  ],
  ['a firewall before the engine', { inside: well, engineError: noAnswer }, 'net'],
  ['an engine that hangs', { inside: well, engineError: { ...noAnswer, isConnected: true } }, 'engine'],
  ['a closed port', { inside: well, engineError: { ...noAnswer, trouble: 'port-closed' } }, 'engine'],
  ['a clock that is a little off', { inside: well, clockAheadSeconds: 4 }, undefined],
];

for (const [what, evidence, layer] of evidences) {
  test(`the broken layer: ${what}`, (t) => {
    t.is(brokenLayer(evidence), layer);
  });
}

test('what a machine says is read as far as it is there', (t) => {
  t.deepEqual(
    parseInside('clock 1700000000\nengine yes\ndata 4096 100 50 10 5\nMemTotal 4 \nMemAvailable 2\n'),
    {
      epochSeconds: 1_700_000_000,
      engineRuns: true,
      data: { totalBytes: 409_600, freeBytes: 204_800, freeFilesShare: 0.5 },
      memory: { totalBytes: 4096, availableBytes: 2048 },
    },
  );
  t.deepEqual(parseInside('motd\nclock 5\nengine no\ndata \n'), { epochSeconds: 5, engineRuns: false });
  t.is(parseInside('data 4096 100 50 0 0\nclock 5')?.data?.freeFilesShare, 1, 'btrfs says 0 files');
  t.is(parseInside('bash: date: command not found\n'), undefined);
});
