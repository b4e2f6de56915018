import test from 'ava';
import type { MachineEvent } from '../../../src/core/events.ts';
import type { ProviderMaterial } from '../../../src/drivers/driver.ts';
import { firstBootData } from '../../../src/drivers/provider.ts';

const engine = '#!/bin/sh\n# installs the engine\n';

function scene(script: 'engine' | 'none' = 'engine') {
  const called: string[] = [];
  const events: MachineEvent[] = [];
  const note = (name: string) => async () => {
    called.push(name);
  };
  const provider = {
    ownership: async () => ({ machineId: 'm', storeId: 's' }),
    hostKey: async () => ({ privatePem: 'PEM\n', publicLine: 'ssh-ed25519 AAAA' }),
    pinHostKey: note('pin'),
    engineScript: async () => (script === 'engine' ? engine : undefined),
    awaitEngine: note('await'),
  } as unknown as ProviderMaterial;
  const emit = (event: MachineEvent): void => {
    events.push(event);
  };
  return {
    called,
    events,
    data: (theirs: string | undefined, bytesMax = 16_384) =>
      firstBootData({ emit, name: 'dev' }, provider, { theirs, bytesMax }),
  };
}

test('a machine is told to install its engine, beside what the user wants', async (t) => {
  const { called, data, events } = scene();
  const text = await data('#!/bin/sh\necho theirs\n');
  t.regex(text, /echo theirs[\s\S]*ssh_keys[\s\S]*# installs the engine/);
  t.deepEqual([called, events], [['pin', 'await'], []]);
});

test('without room for it, that is left to SSH, and said', async (t) => {
  const theirs = `#!/bin/sh\n# ${'x'.repeat(16_000)}\n`;
  const { called, data, events } = scene();
  const text = await data(theirs);
  t.false(text.includes('installs the engine'));
  t.true(text.includes('ssh_keys'));
  t.deepEqual(called, ['pin']);
  t.regex(events.map((event) => ('message' in event ? event.message : '')).join(), /no room/);
  t.true((await data(theirs, 20_000)).includes('installs the engine'));
});

test("nothing is put to user data that is not of cloud-init's forms", async (t) => {
  const { called, data } = scene();
  t.is(await data('{"ignition":{"version":"3.3.0"}}'), '{"ignition":{"version":"3.3.0"}}');
  t.deepEqual(called, []);
});

test('where it is left to SSH anyway, nobody waits for it', async (t) => {
  const { called, data } = scene('none');
  t.regex(await data(undefined), /^#cloud-config\n/);
  t.deepEqual(called, ['pin']);
});
