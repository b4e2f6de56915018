import test from 'ava';
import fc from 'fast-check';
import { parseYaml, type YamlValue } from '../../../../src/drivers/openstack/credentials/yaml.ts';

test('a file of clouds', (t) => {
  const text = `# of the office
---
clouds:
  home:   # the one at home
    auth:
      auth_url: https://keystone.example:5000/v3
      username: "ann"
      password: 'it''s #1: "x"'
      project_name: demo project
      application_credential_secret: "a\\"b\\u00e9\\\\"
    region_name: RegionOne
    verify: false
    regions:
    - RegionOne
    - name: Two
      values:
        networks: [a, "b, c", 'd']
    empty:
    none: ~
    map: {}
  other: {}
`;
  t.deepEqual(parseYaml(text), {
    clouds: {
      home: {
        auth: {
          auth_url: 'https://keystone.example:5000/v3',
          username: 'ann',
          password: 'it\'s #1: "x"',
          project_name: 'demo project',
          application_credential_secret: 'a"bé\\',
        },
        region_name: 'RegionOne',
        verify: 'false',
        regions: ['RegionOne', { name: 'Two', values: { networks: ['a', 'b, c', 'd'] } }],
        empty: '',
        none: '',
        map: {},
      },
      other: {},
    },
  });
  t.is(parseYaml('\n# nothing\n'), '');
  t.deepEqual(parseYaml('a:\r\n  b: c#d e\r\n'), { a: { b: 'c#d e' } });
});

for (const [text, what] of [
  ['a: &x 1', 'anchors'],
  ['a: *x', 'anchors'],
  ['a: !!str 1', 'tags'],
  ['a: |\n  x', 'blocks of text'],
  ['a: >-\n  x', 'blocks of text'],
  ['a: {b: c}', 'mappings in braces'],
  ['a: [b, [c]]', 'scalars only'],
  ['a: [b', 'end in its line'],
  ['<<: x', 'not understood'],
  ['a: "x', 'open quotes'],
  ['a: 1\na: 2', 'comes twice'],
  ['a: 1\n  b: 2', 'indentation'],
  ['a:\n\tb: 1', 'tabs'],
  ['a: 1\n---\nb: 1', 'several documents'],
  ['%YAML 1.2\n---\na: 1', 'directives'],
  ['a: b: c', 'needs quotes'],
  ['a: "\\q"', 'escape'],
  ['- a\nb: c', 'indentation'],
] as const) {
  test(`what is more than plain is refused by name: ${JSON.stringify(text)}`, (t) => {
    const error = t.throws(() => parseYaml(text), { instanceOf: SyntaxError });
    t.regex(error.message, /^line \d+: /);
    t.true(error.message.includes(what), error.message);
  });
}

function write(value: YamlValue, indent = 0): string {
  const space = ' '.repeat(indent);
  if (typeof value === 'string') {
    return ` ${JSON.stringify(value)}\n`;
  }
  const entries = Array.isArray(value)
    ? (value as readonly YamlValue[]).map((item) => `${space}-${write(item, indent + 2)}`)
    : Object.entries(value).map(([key, item]) => `${space}${JSON.stringify(key)}:${write(item, indent + 2)}`);
  return `\n${entries.join('')}`;
}

test('mappings and lists of quoted texts read back as what was written', (t) => {
  const text = fc.string({
    unit: fc.constantFrom('a', ' ', ':', '#', '"', "'", '\\', '-', '[', '{', 'é', '\n'),
  });
  const { tree } = fc.letrec<{ tree: YamlValue }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 3 },
      text,
      fc.array(tie('tree'), { minLength: 1, maxLength: 3 }),
      fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), tie('tree'), { minKeys: 1, maxKeys: 3 }),
    ),
  }));
  fc.assert(
    fc.property(tree, (value) => {
      t.deepEqual(parseYaml(write(value)), value);
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('whatever comes, the parser returns or throws a SyntaxError', (t) => {
  const piece = fc.constantFrom(
    'a',
    ':',
    ' ',
    '\n',
    '- ',
    '  ',
    '"',
    "'",
    '[',
    ']',
    ',',
    '#',
    '{}',
    '|',
    '\t',
    '\\',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 200 }), (pieces) => {
      try {
        parseYaml(pieces.join(''));
      } catch (error) {
        t.true(error instanceof SyntaxError, String(error));
      }
      t.pass();
    }),
    { seed: 1, numRuns: 500 },
  );
});
