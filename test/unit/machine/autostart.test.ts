import test from 'ava';
import { isMachineError } from '../../../src/core/errors.ts';
import { autostartFiles } from '../../../src/machine/autostart-files.ts';
import { readAutostart, setAutostart } from '../../../src/machine/autostart.ts';
import { createMachine } from '../../../src/machine/create.ts';
import { removeMachine } from '../../../src/machine/remove.ts';
import { genericRequest, openHostScene, withPower } from './host-scene.ts';
import { noneRequest, openTestSession } from './support.ts';

const request = {
  name: 'dev',
  storePath: '/home/ann/100% "mine"/a$b',
  program: ['/opt/node & co/node', '/opt/ts machine/tsmachine.js'],
} as const;

test('Linux: a unit of the user, and a drop-in that has it wanted', (t) => {
  const files = autostartFiles({ platform: 'linux', homeDirectory: '/home/ann', env: {} }, request) ?? [];
  const [unit, wanted] = files;
  t.regex(unit?.path ?? '', /^\/home\/ann\/\.config\/systemd\/user\/tsmachine-dev-[0-9a-f]{8}\.service$/);
  const line =
    'ExecStart="/opt/node & co/node" "/opt/ts machine/tsmachine.js" "--storage-path" "/home/ann/100%% \\"mine\\"/a$$b" "start" "dev"';
  t.true(unit?.content.includes(`${line}\n`), unit?.content);
  t.true(unit?.content.includes(`${line.replace('ExecStart', 'ExecStop').replace('"start"', '"stop"')}\n`));
  const name = unit?.path.split('/').at(-1) ?? '';
  t.is(wanted?.path, `/home/ann/.config/systemd/user/default.target.d/${name.replace('service', 'conf')}`);
  t.is(wanted?.content, `[Unit]\nWants=${name}\n`);
});

test('Linux: XDG_CONFIG_HOME is honoured', (t) => {
  const place = { platform: 'linux', homeDirectory: '/home/ann', env: { XDG_CONFIG_HOME: '/cfg' } } as const;
  t.true(autostartFiles(place, request)?.every(({ path }) => path.startsWith('/cfg/systemd/user/')));
});

test('macOS: a launch agent', (t) => {
  const place = { platform: 'darwin', homeDirectory: '/Users/ann', env: {} } as const;
  const [agent] = autostartFiles(place, { ...request, storePath: '/Users/ann/<a>&b' }) ?? [];
  t.regex(agent?.path ?? '', /^\/Users\/ann\/Library\/LaunchAgents\/tsmachine-dev-[0-9a-f]{8}\.plist$/);
  t.true(agent?.content.includes('<string>/Users/ann/&lt;a&gt;&amp;b</string>'));
  t.true(agent?.content.includes('<string>/opt/node &amp; co/node</string>'));
  t.regex(agent?.content ?? '', /<key>RunAtLoad<\/key>\n {2}<true\/>/);
});

test('Windows: a script in the Startup folder', (t) => {
  const env = { APPDATA: 'C:\\Users\\ann\\AppData\\Roaming' };
  const place = { platform: 'win32', homeDirectory: 'C:\\Users\\ann', env } as const;
  const windows = {
    ...request,
    storePath: 'C:\\100% mine',
    program: ['C:\\Program Files\\node.exe', 'C:\\ts\\tsmachine.js'],
  } as const;
  const [script] = autostartFiles(place, windows) ?? [];
  t.regex(
    script?.path ?? '',
    /^C:\\Users\\ann\\AppData\\Roaming\\Microsoft\\Windows\\Start Menu\\Programs\\Startup\\tsmachine-dev-\w+\.cmd$/,
  );
  t.regex(
    script?.content ?? '',
    /\r\nstart "" \/min \/b "C:\\Program Files\\node\.exe" .* "C:\\100%% mine" "start" "dev"\r\n$/,
  );
  t.deepEqual(autostartFiles({ ...place, env: {} }, windows)?.[0]?.path, script?.path);
});

test('machines of two stores with one name have files of their own', (t) => {
  const place = { platform: 'linux', homeDirectory: '/home/ann', env: {} } as const;
  const pathOf = (storePath: string): string | undefined =>
    autostartFiles(place, { ...request, storePath })?.[0]?.path;
  t.not(pathOf('/a'), pathOf('/b'));
});

test('elsewhere it is not known how', (t) => {
  t.is(autostartFiles({ platform: 'freebsd', homeDirectory: '/', env: {} }, request), undefined);
});

test('on, off, and gone with the machine', async (t) => {
  const { session } = openHostScene(t);
  await createMachine(session, noneRequest('m'));
  const { files } = session.host;
  const before = await readAutostart(session, 'm');
  t.false(before.isOn);

  // As somebody had it who made the machine with a driver that has a power switch.
  files.put(before.path, 'unit');
  t.true((await readAutostart(session, 'm')).isOn);
  t.false((await setAutostart(session, 'm', false)).isOn);
  t.is(files.text(before.path), undefined);

  files.put(before.path, 'unit');
  await removeMachine(session, 'm', { force: false });
  t.is(files.text(before.path), undefined);
});

test('a machine that has no power switch is refused, and nothing is written', async (t) => {
  const { session } = openHostScene(t);
  await createMachine(session, genericRequest('m'));
  const { path } = await readAutostart(session, 'm');
  const error = await t.throwsAsync(setAutostart(session, 'm', true), { code: 'capability-missing' });
  t.true(isMachineError(error) && error.remedies.length > 0);
  t.is(session.host.files.text(path), undefined);
  t.true((await withPower(session, 'm')).driver.manifest.capabilities.power);
});

test('a machine that is not there is told', async (t) => {
  const session = openTestSession();
  t.teardown(session.close);
  await t.throwsAsync(readAutostart(session, 'nope'), { code: 'machine-not-found' });
});
