import test from 'ava';
import { detectFamily } from '../../../src/provision/detect.ts';
import { parseOsRelease } from '../../../src/provision/os-release.ts';
import { systems } from '../../fixtures/provision/systems.ts';

for (const { family, title, text } of systems) {
  const os = parseOsRelease(text);
  test(`${os.prettyName} is of the family ${family}`, (t) => {
    const found = detectFamily(os);
    t.is(found.name, family as typeof found.name);
    t.is(found.title(os), title);
  });
}

test('quotes, escapes, comments and foreign lines are read as a shell reads them', (t) => {
  const os = parseOsRelease(
    '# a comment\r\nID=\'debian\' # the system\nPRETTY_NAME="a \\"b\\" \\$c = d"\nnonsense\nVERSION_ID=1\\ 2\nID_LIKE=\n',
  );
  t.deepEqual(os, {
    id: 'debian',
    idLike: [],
    versionId: '1 2',
    variantId: '',
    prettyName: 'a "b" $c = d',
  });
});

test('the later assignment counts', (t) => {
  t.is(parseOsRelease('ID=arch\nID=debian\n').id, 'debian');
});

test('the first of ID_LIKE that is known decides', (t) => {
  t.is(detectFamily(parseOsRelease('ID=own\nID_LIKE="other suse debian"\n')).name, 'suse');
});

test('an unknown system is named, with what to do', (t) => {
  for (const text of ['', 'ID=plan9\n', 'ID=constructor\nID_LIKE=__proto__\n']) {
    const error = t.throws(() => detectFamily(parseOsRelease(text)));
    t.like(error, { code: 'system-unsupported' });
  }
});
