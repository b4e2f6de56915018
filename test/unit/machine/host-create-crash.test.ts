import { setImmediate as turn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { createMachine, resumeCreate } from '../../../src/machine/create.ts';
import { readJournal } from '../../../src/machine/journal.ts';
import { listNames } from '../../../src/machine/list.ts';
import { loadOwnData } from '../../../src/machine/own-data.ts';
import { removeMachine } from '../../../src/machine/remove.ts';
import { createSession } from '../../../src/machine/session.ts';
import { mortalHost, type MortalHost } from '../../fakes/mortal-host.ts';
import { genericRequest, openHostScene, settle, type HostScene } from './host-scene.ts';
import { storePath } from './support.ts';

// The process that makes a machine of a host is killed before everything that it does here, so also before and after
// every line of its journal. The host goes on with what it was told whole.

const deedsMax = 200;
const directory = `${storePath}/machines/m`;

/** Which deeds are looked at. What is sent over a connection is no deed of its own. */
type Choice = (deed: string) => boolean;

const everything: Choice = (deed) => deed !== 'send';

/** A create whose process dies before its n-th deed. */
async function killedCreate(
  { session, linux }: HostScene,
  diesAt: number,
  counts: Choice,
): Promise<MortalHost> {
  const life = mortalHost(session.host, { pid: 2000 + diesAt, diesAt, counts });
  const { emit, signal } = session;
  const mortal = createSession({ host: life.host, storePath, emit, signal });
  const progress = { hasEnded: false };
  const end = (): void => {
    progress.hasEnded = true;
  };
  createMachine(mortal, genericRequest('m')).then(end, end);
  while (!life.isDead() && !progress.hasEnded) {
    await turn();
  }
  await settle();
  if (life.isDead()) {
    linux.scripts.length = 0;
  }
  return life;
}

async function forEveryDeed(
  t: ExecutionContext,
  counts: Choice,
  check: (scene: HostScene, when: string) => Promise<void>,
): Promise<string[]> {
  const last: string[] = [];
  for (let diesAt = 1; diesAt < deedsMax; diesAt += 1) {
    const scene = openHostScene(t);
    const life = await killedCreate(scene, diesAt, counts);
    if (!life.isDead()) {
      return last;
    }
    last.push(life.deeds.at(-1) ?? '');
    await check(scene, `killed after ${diesAt - 1} deeds, the last: ${life.deeds.at(-1) ?? 'none'}`);
  }
  throw new Error('There is no end of deeds.');
}

/** The machine is complete, its host has one engine, and the engine shows the machine's certificate. */
async function isWell(t: ExecutionContext, { session, linux }: HostScene, when: string): Promise<void> {
  const { files } = session.host;
  t.is((await loadOwnData(session, 'm')).phase, 'ready', when);
  t.is(linux.installs, 1, when);
  t.is(linux.files.get('/etc/docker/server.pem'), files.text(`${directory}/server.pem`), when);
  t.is(linux.hostName, 'm', when);
  t.is(linux.ssh.connections, 0, when);
  const journal = await readJournal(session.host, `${directory}/journal.jsonl`);
  t.deepEqual(
    journal
      .filter(({ event, step }) => (event === 'done' || event === 'adopted') && step !== 'finish')
      .map(({ step }) => step),
    ['reserve', 'ssh-key', 'reach', 'detect', 'engine', 'certificates', 'configure', 'verify'],
    when,
  );
}

test('a create of a host that was killed anywhere is resumed, without a second installation', async (t) => {
  const last = await forEveryDeed(t, everything, async (scene, when) => {
    const { session } = scene;
    if ((await listNames(session)).length === 0) {
      // The name was not taken yet: the same command simply works.
      await createMachine(session, genericRequest('m'));
    } else {
      await resumeCreate(session, 'm', {}).catch((error: unknown) => {
        // Killed between the last effect and the line about it, the machine is complete already.
        t.regex((error as Error).message, /is complete/, when);
      });
    }
    await isWell(t, scene, when);
  });
  const lines = last.filter((deed) => deed === `appendDurable ${directory}/journal.jsonl`);
  t.is(lines.length, 16, 'behind every line of the journal but the last, and that of the draft');
});

test('a create of a host that was killed anywhere is removed, and nothing is left; the name is free', async (t) => {
  const isLine: Choice = (deed) => deed.endsWith('/journal.jsonl');
  await forEveryDeed(t, isLine, async (scene, when) => {
    const { session, linux } = scene;
    if ((await listNames(session)).length > 0) {
      await removeMachine(session, 'm', { force: false });
    }
    const left = [...session.host.files.nodes.keys()].filter(
      (path) => path.startsWith(`${storePath}/machines/`) && !path.includes('/.'),
    );
    t.deepEqual(left, [], when);
    t.deepEqual(linux.scripts, [], `${when}: rm asks nothing of the host`);
    await createMachine(session, genericRequest('m'));
    await isWell(t, scene, when);
  });
});
