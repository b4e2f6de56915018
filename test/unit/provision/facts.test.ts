import test from 'ava';
import { gatherScript, parseFacts } from '../../../src/provision/facts.ts';
import { parseSections } from '../../../src/provision/sections.ts';

const token = 'tsmachine-0123456789abcdef';

function answer(sections: Readonly<Record<string, string>>): string {
  const parts = Object.entries({ ...sections, end: '' }).map(([name, text]) => `\n${token} ${name}\n${text}`);
  return `motd of the host\n${parts.join('')}`;
}

test('parts come back byte for byte, whatever stands between', (t) => {
  const text = 'no end of line\n\ntsmachine-other os\n  blanks ';
  t.is(parseSections(answer({ 'file /etc/hosts': text }), token).get('file /etc/hosts'), text);
});

test('an answer is read', (t) => {
  const facts = parseFacts(
    answer({
      id: '0\n',
      os: 'ID=debian\n',
      hostname: 'box\n',
      manager: 'systemd\n',
      unit: '# /lib/systemd/system/docker.service\n[Service]\n',
      enabled: 'enabled\n',
      shims: '/proc/1/comm\n/proc/2/comm\n',
      storage: 'overlay2\n',
      info: '{"version":"26.1.5","driver":"overlay2","running":2,"containers":3,"images":0,"liveRestore":false,"swarm":"active"}\n',
      'file /etc/hostname': 'box\n',
      'environment /etc/default/docker': 'DOCKER_OPTS=\n',
      'digest /etc/docker/ca.pem': `${'a'.repeat(64)}  /etc/docker/ca.pem\n644\n`,
      firewall: 'ufw\n',
      downloader: 'curl\n',
    }),
    token,
  );
  t.like(facts, {
    isRoot: true,
    hostName: 'box',
    serviceManager: 'systemd',
    serviceEnabled: true,
    containerProcesses: 2,
    firewall: 'ufw',
    downloader: 'curl',
    takesCertificates: false,
    engine: { version: '26.1.5', containersRunning: 2, hasData: true, swarmActive: true, liveRestore: false },
  });
  t.is(facts.files.get('/etc/hostname'), 'box\n');
  t.deepEqual(facts.digests.get('/etc/docker/ca.pem'), { sha256: 'a'.repeat(64), mode: '644' });
  t.deepEqual([...facts.environmentFiles.keys()], ['/etc/default/docker']);
});

test('a client that reaches no engine has said nothing of one', (t) => {
  for (const info of ['', 'nonsense', 'null', '{"version":"","driver":""}', '{"version":null}']) {
    t.is(parseFacts(answer({ info }), token).engine, undefined);
  }
});

test('an answer that was cut is an error', (t) => {
  const whole = answer({ id: '0\n' });
  const error = t.throws(() => parseFacts(whole.slice(0, -8), token));
  t.like(error, { code: 'provision-failed' });
});

test('the script that asks changes nothing', (t) => {
  t.notRegex(
    gatherScript(token),
    /\b(rm|mv|cp|mkdir|chmod|install|touch|tee|apt|start|stop|restart)\b(?!d)|[^2&]>(?!\/dev\/null|&)/,
  );
});
