import test from 'ava';
import { wantedPorts } from '../../../../src/cloud/open-ports.ts';
import fc from 'fast-check';
import { errorOf, instancesOf, securityGroupsOf } from '../../../../src/drivers/amazonec2/api/answers.ts';
import { newestImage } from '../../../../src/drivers/amazonec2/choose.ts';
import { splitCommand } from '../../../../src/drivers/amazonec2/credentials/command-words.ts';
import { parseIni, profileOf } from '../../../../src/drivers/amazonec2/credentials/ini.ts';
import { queryBody } from '../../../../src/drivers/amazonec2/api/query.ts';
import { missingRules, permissionsOf } from '../../../../src/drivers/amazonec2/security-group.ts';
import { parseXml, textOf } from '../../../../src/drivers/amazonec2/api/xml.ts';

test('lists and objects become numbered and dotted names', (t) => {
  const body = queryBody('DescribeInstances', {
    InstanceId: ['i-1', 'i-2'],
    Filter: [{ Name: 'tag:a b', Value: ["it's", '*'] }],
    NextToken: undefined,
  });
  t.is(
    body,
    'Action=DescribeInstances&Version=2016-11-15&InstanceId.1=i-1&InstanceId.2=i-2&Filter.1.Name=tag%3Aa%20b&Filter.1.Value.1=it%27s&Filter.1.Value.2=%2A',
  );
});

test('names of the SDKs, which EC2 passes over in silence, are refused', (t) => {
  const error = t.throws(
    () => queryBody('RunInstances', { TagSpecifications: [{ ResourceType: 'instance' }] }),
    {
      instanceOf: TypeError,
    },
  );
  t.regex(error.message, /RunInstances has no parameter TagSpecifications\.1\.ResourceType/);
  t.throws(() => queryBody('RunInstances', { ImageID: 'ami-1' }), { instanceOf: TypeError });
  t.throws(() => queryBody('DescribeVpcs', { InstanceId: ['i-1'] }), { instanceOf: TypeError });
});

test('a form reads back as what was written', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (value) => {
      const body = queryBody('DeleteKeyPair', { KeyName: value });
      t.is(new URLSearchParams(body).get('KeyName'), value);
    }),
    { seed: 1 },
  );
});

test('XML: namespaces, attributes, entities, comments, CDATA, empty elements', (t) => {
  const xml = parseXml(
    '<?xml version="1.0"?>\n<!-- c --><ns:a xmlns:ns="x>y"><b k=\'1\'>&lt;&#65;&#x42;&amp;&quot;</b><c/><d><![CDATA[<x>]]></d><e>None</e></ns:a>\n',
  );
  t.is(xml.name, 'a');
  t.is(textOf(xml, 'b'), '<AB&"');
  t.is(textOf(xml, 'c'), undefined);
  t.is(textOf(xml, 'd'), '<x>');
  t.is(textOf(xml, 'e'), undefined);
});

for (const text of [
  '',
  'x',
  '<a>',
  '<a></b>',
  '</a>',
  '<a></a><b></b>',
  '<a><b></a></b>',
  '<a',
  '<a>x<',
  '{"a":1}',
  `${'<a>'.repeat(100)}${'</a>'.repeat(100)}`,
]) {
  test(`what is no whole XML is refused: ${text.slice(0, 20)}`, (t) => {
    t.throws(() => parseXml(text), { instanceOf: SyntaxError });
  });
}

test('whatever comes, the parser returns or throws a SyntaxError, and soon', (t) => {
  const piece = fc.constantFrom(
    '<',
    '>',
    '</',
    '/>',
    'a',
    '"',
    "'",
    '=',
    ' ',
    '<!--',
    '-->',
    '<![CDATA[',
    ']]>',
    '&#x;',
    '<?',
    '?>',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 400 }), (pieces) => {
      let thrown: unknown;
      try {
        parseXml(pieces.join(''));
      } catch (error) {
        thrown = error;
      }
      t.true(thrown === undefined || thrown instanceof SyntaxError);
    }),
    { seed: 1, numRuns: 300 },
  );
});

test('an instance, as EC2 describes it', (t) => {
  const xml =
    parseXml(`<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet><item>
    <reservationId>r-1</reservationId><ownerId>123456789012</ownerId><instancesSet><item><instanceId>i-0a</instanceId>
    <instanceState><code>16</code><name>running</name></instanceState><ipAddress>192.0.2.7</ipAddress>
    <privateIpAddress>10.0.0.7</privateIpAddress><groupSet><item><groupId>sg-1</groupId></item></groupSet>
    <networkInterfaceSet><item><ipv6AddressesSet><item><ipv6Address>2001:db8::7</ipv6Address></item></ipv6AddressesSet></item>
    </networkInterfaceSet><tagSet><item><key>Name</key><value>dev</value></item></tagSet></item></instancesSet></item>
    </reservationSet></DescribeInstancesResponse>`);
  t.deepEqual(instancesOf(xml), [
    {
      id: 'i-0a',
      state: 'running',
      publicAddress: '192.0.2.7',
      privateAddress: '10.0.0.7',
      ipv6Address: '2001:db8::7',
      ownerId: '123456789012',
      reservationId: 'r-1',
      groupIds: ['sg-1'],
      tags: { Name: 'dev' },
    },
  ]);
  t.is(errorOf(xml), undefined);
});

test('errors of EC2 and of STS', (t) => {
  const ofEc2 = '<Response><Errors><Error><Code>A.B</Code><Message>m</Message></Error></Errors></Response>';
  const ofSts =
    '<ErrorResponse><Error><Type>Sender</Type><Code>A.B</Code><Message>m</Message></Error></ErrorResponse>';
  for (const text of [ofEc2, ofSts]) {
    t.deepEqual(errorOf(parseXml(text)), { code: 'A.B', message: 'm' });
  }
});

test('the ports of a machine, each once', (t) => {
  const ports = wantedPorts({ sshPort: 22, openPorts: ['8080', '53/udp', '2376/tcp', '22'] });
  t.deepEqual(
    ports.map(({ port, protocol }) => `${port}/${protocol}`),
    ['22/tcp', '2376/tcp', '8080/tcp', '53/udp'],
  );
});

test('only what is not open is opened', (t) => {
  const [group] = securityGroupsOf(
    parseXml(`<r><securityGroupInfo><item><groupId>sg-1</groupId><groupName>g</groupName><ipPermissions>
    <item><ipProtocol>tcp</ipProtocol><fromPort>20</fromPort><toPort>25</toPort><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges></item>
    <item><ipProtocol>tcp</ipProtocol><fromPort>2376</fromPort><toPort>2376</toPort><ipRanges><item><cidrIp>192.0.2.1/32</cidrIp></item></ipRanges></item>
    </ipPermissions></item></securityGroupInfo></r>`),
  );
  const ports = wantedPorts({ sshPort: 22, openPorts: ['53/udp'] });
  const missing = missingRules(group?.rules ?? [], ports, ['192.0.2.1/32', '2001:db8::/32']);
  t.deepEqual(permissionsOf(missing), [
    {
      IpProtocol: 'tcp',
      FromPort: 22,
      ToPort: 22,
      IpRanges: [],
      Ipv6Ranges: [{ CidrIpv6: '2001:db8::/32' }],
    },
    {
      IpProtocol: 'tcp',
      FromPort: 2376,
      ToPort: 2376,
      IpRanges: [],
      Ipv6Ranges: [{ CidrIpv6: '2001:db8::/32' }],
    },
    {
      IpProtocol: 'udp',
      FromPort: 53,
      ToPort: 53,
      IpRanges: [{ CidrIp: '192.0.2.1/32' }],
      Ipv6Ranges: [{ CidrIpv6: '2001:db8::/32' }],
    },
  ]);
  t.deepEqual(
    missingRules([{ protocol: '-1', fromPort: -1, toPort: -1, ranges: ['0.0.0.0/0'], groupIds: [] }], ports, [
      '192.0.2.1/32',
    ]),
    [],
  );
});

test('the image that was made last', (t) => {
  const image = (id: string, created: string) => ({ id, name: id, architecture: 'x86_64', created });
  const [old, young] = [image('a', '2024-04-23T10:00:00.000Z'), image('b', '2025-06-10T10:00:00.000Z')];
  t.is(newestImage([old, young]), young);
  t.is(newestImage([young, old]), young);
  t.is(newestImage([old].slice(1)), undefined);
});

test('the files of profiles', (t) => {
  const text =
    '; c\n[default]\naws_access_key_id = A # c\nregion=eu-west-1\n[profile "with blank"]\nrole_arn=r\ns3 =\n  max = 1\n[sso-session x]\nsso_region = y\n';
  t.deepEqual(
    [...(parseIni(text).get('default') ?? [])],
    [
      ['aws_access_key_id', 'A'],
      ['region', 'eu-west-1'],
    ],
  );
  const files = {
    config: text,
    credentials: '[default]\naws_access_key_id = B\n[only]\naws_access_key_id = C',
  };
  t.is(profileOf('default', files)?.get('aws_access_key_id'), 'B');
  t.is(profileOf('default', files)?.get('region'), 'eu-west-1');
  t.is(profileOf('with blank', files)?.get('role_arn'), 'r');
  t.is(profileOf('only', files)?.get('aws_access_key_id'), 'C');
  t.is(profileOf('nobody', files), undefined);
});

test('words of a command without a shell', (t) => {
  t.deepEqual(splitCommand('"C:\\Program Files\\x.exe" --a "b c" d=$HOME'), [
    'C:\\Program Files\\x.exe',
    '--a',
    'b c',
    'd=$HOME',
  ]);
});
