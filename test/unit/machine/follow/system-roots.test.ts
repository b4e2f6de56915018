import { createHash, X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import test from 'ava';
import { hostAuthorities } from '../../../../src/machine/follow/authorities.ts';
import { trustedFingerprints } from '../../../../src/machine/follow/keychain.ts';
import { addedRoots } from '../../../../src/machine/follow/windows-roots.ts';
import { makeIdentity } from '../../../integration/host/certificates.ts';
import { openTestSession } from '../support.ts';

// Neither macOS nor Windows has run this: what their programs say is written down from their documentation and headers
// (security(1), SecTrustSettings.h; PowerShell's certificate provider).

const trusted = '0123456789ABCDEF0123456789ABCDEF01234567';
const serverPolicy = '<key>kSecTrustSettingsPolicy</key><data>KoZIhvdjZAED</data>';
const mailPolicy = '<key>kSecTrustSettingsPolicy</key><data>\n\t\t\t\t\tKoZIhvdjZAEI\n\t\t\t\t</data>';
const result = (value: number): string => `<key>kSecTrustSettingsResult</key>\n<integer>${value}</integer>`;

/** As `security trust-settings-export` writes it. */
function settings(fingerprint: string, trustSettings: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0">
<dict>
	<key>trustList</key>
	<dict>
		<key>${fingerprint}</key>
		<dict>
			<key>issuerName</key>
			<data>MBIxEDAOBgNVBAMMB1Rlc3QgQ0E=</data>
			<key>modDate</key>
			<date>2026-01-02T03:04:05Z</date>
			<key>serialNumber</key>
			<data>AQ==</data>
			${trustSettings}
		</dict>
	</dict>
	<key>trustVersion</key>
	<integer>1</integer>
</dict>
</plist>
`;
}

const array = (...constraints: readonly string[]): string =>
  `<key>trustSettings</key>\n<array>${constraints.map((one) => `<dict>${one}</dict>`).join('\n')}</array>`;

for (const [what, text, isTrusted] of [
  ['without settings', '', true],
  ['with empty settings', '<key>trustSettings</key>\n<array/>', true],
  ['with a constraint that says nothing', '<key>trustSettings</key>\n<array><dict/></array>', true],
  ['for servers', array(`${serverPolicy}${result(1)}`), true],
  ['as a root for servers and not for mail', array(serverPolicy + result(2), mailPolicy + result(3)), true],
  ['for mail alone', array(`${mailPolicy}${result(1)}`), false],
  ['never', array(result(3)), false],
  ['for everything but servers', array(result(1), `${serverPolicy}${result(3)}`), false],
  ['unspecified', array(`${serverPolicy}${result(4)}`), false],
] as const) {
  test(`trust settings of macOS: ${what}`, (t) => {
    t.deepEqual(trustedFingerprints(settings(trusted, text)), isTrusted ? [trusted] : []);
  });
}

test('macOS: of the keychains what is trusted, nothing else; without settings no keychain is read', async (t) => {
  const [one, two] = [makeIdentity(['one']), makeIdentity(['two'])];
  const sha1 = createHash('sha1').update(new X509Certificate(one.ca).raw).digest('hex').toUpperCase();
  const session = openTestSession({ platform: 'darwin' });
  session.host.processes.answer('security', async ({ args }) => {
    if (args[0] === 'find-certificate') {
      return { stdout: String(args[3]).startsWith('/Library/') ? `${two.ca}${one.ca}` : '' };
    }
    if (args[1] !== '-d') {
      return {
        exitCode: 1,
        stderr: 'SecTrustSettingsCreateExternalRepresentation: No Trust Settings were found.',
      };
    }
    await session.host.files.writeNew(String(args.at(-1)), settings(sha1, ''), 0o600);
    return {};
  });
  const found = await hostAuthorities(session);
  t.deepEqual(
    found.map(({ name, from }) => [name, from]),
    [['Test CA', '/Library/Keychains/System.keychain']],
  );
  t.deepEqual(await session.host.files.list('/tmp'), [], 'no file is left');
  const bare = openTestSession({ platform: 'darwin' });
  bare.host.processes.answer('security', { exitCode: 1 });
  t.deepEqual(await hostAuthorities(bare), []);
  t.deepEqual(
    bare.host.processes.argumentsOf('security').map(([verb]) => verb),
    ['trust-settings-export', 'trust-settings-export'],
  );
  t.deepEqual(await hostAuthorities(openTestSession({ platform: 'darwin' })), [], 'no such program');
});

const line = (pem: string): string => Buffer.from(new X509Certificate(pem).raw).toString('base64');

test('Windows: what somebody has added, each once; nothing public, ended, or that signs nothing', async (t) => {
  const own = makeIdentity(['own']);
  const ended = new X509Certificate(own.ca).validTo;
  const output = [
    '',
    line(own.ca),
    line(own.ca),
    line(own.cert),
    line(rootCertificates[0] ?? ''),
    'junk',
  ].join('\r\n');
  const now = Date.UTC(2026, 0, 2);
  t.deepEqual(
    addedRoots(output, now).map(({ name }) => name),
    ['Test CA'],
  );
  t.deepEqual(addedRoots(output, Date.parse(ended) + 1), []);
  const session = openTestSession({ platform: 'win32' });
  session.host.processes.answer('powershell.exe', { stdout: `${line(own.ca)}\r\n` });
  t.is((await hostAuthorities(session)).length, 1);
  session.host.processes.answer('powershell.exe', { exitCode: 1, stderr: 'not allowed here' });
  t.deepEqual(await hostAuthorities(session), []);
});
