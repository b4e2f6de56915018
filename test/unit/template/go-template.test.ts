import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { TemplateError } from '../../../src/template/errors.ts';
import { createTemplate } from '../../../src/template/template.ts';
import { parseGoJson, type GoValue } from '../../../src/template/values.ts';
import { listItem } from '../../../src/cli/list-item.ts';
import { exampleRow } from './example-row.ts';

interface Recorded {
  readonly template: string;
  readonly output?: string;
  readonly error?: string;
}

// What Go 1.19's text/template makes of these, over a JSON map and over a struct like docker-machine's HostListItem.
const recorded = JSON.parse(
  readFileSync(
    path.join(import.meta.dirname, '../../../../test/fixtures/templates/go-templates.json'),
    'utf8',
  ),
) as { readonly data: unknown; readonly inspect: readonly Recorded[]; readonly ls: readonly Recorded[] };

const record = parseGoJson(JSON.stringify(recorded.data));

interface Result {
  readonly output: string;
  readonly error: string;
}

function run(text: string, data: GoValue | undefined = record): Result {
  try {
    return { output: createTemplate(text).run(data), error: '' };
  } catch (error) {
    if (!(error instanceof TemplateError)) {
      throw error;
    }
    return { output: error.output, error: error.message };
  }
}

for (const [kind, data] of [
  ['inspect', record],
  ['ls', listItem(exampleRow())],
] as const) {
  test(`as Go: ${kind}`, (t) => {
    t.true(recorded[kind].length > 30);
    for (const { template, output = '', error = '' } of recorded[kind]) {
      t.deepEqual(run(template, data), { output, error }, template);
    }
  });
}

test('whole numbers are plain, which Go prints with an exponent', (t) => {
  const numbers = parseGoJson(
    '{"id":12345678,"large":12345678901234567890,"list":[1000000],"part":1234567.5,"minus":-1000000}',
  );
  t.is(
    run('{{.id}} {{.large}} {{.list}} {{.minus}}', numbers).output,
    '12345678 12345678901234567890 [1000000] -1000000',
  );
  t.is(
    run('{{.part}} {{json .large}} {{json .id}}', numbers).output,
    '1.2345675e+06 12345678901234567890 12345678',
  );
  t.is(run('{{printf "%v|%10v|%.0f" .id .id .id}}', numbers).output, '12345678|  12345678|12345678');
});

test('newer than Go 1.19: ranges over numbers, else with', (t) => {
  t.is(run('{{range 3}}{{.}}{{end}}').output, '012');
  t.is(run('{{range $i := 3}}{{$i}}{{else}}none{{end}}').output, '012');
  t.is(run('{{range 0}}x{{else}}none{{end}}').output, 'none');
  t.regex(run('{{range $i, $e := 3}}{{end}}').error, /can't use 3 to iterate over more than one variable$/);
  t.is(run('{{with .Nope}}a{{else with .Name}}{{.}}{{end}}').output, 'f1');
  t.is(run('{{$i := 0}}{{range $i = 3}}{{end}}{{$i}}').output, '2');
});

test('fields of a machine without options, and of headers, are empty', (t) => {
  const broken = listItem({ ...exampleRow(), swarmOptions: null, engineOptions: null });
  t.deepEqual(run('<{{.SwarmOptions.Strategy}}{{.EngineOptions.Labels}}>', broken), {
    output: '<>',
    error: '',
  });
  t.is(run('{{range .EngineOptions.Labels}}x{{end}}{{index .EngineOptions.Labels 0}}', broken).output, '');
  t.is(
    run('{{.SwarmOptions.Nope}}', broken).error,
    `template: :1:15: executing "" at <.SwarmOptions.Nope>: can't evaluate field Nope in type *swarm.Options`,
  );
  t.is(run('{{.EngineOptions}}', broken).output, '<nil>');
});

test('fields of the record by their names there', (t) => {
  t.is(run('{{.EngineOptions.TlsVerify}} {{.EngineOptions.Dns}}', listItem(exampleRow())).output, 'true []');
});

test('hostile templates end with an error', (t) => {
  const nested = (depth: number): string => '{{if true}}'.repeat(depth) + '{{end}}'.repeat(depth);
  const cases: readonly (readonly [string, RegExp])[] = [
    ['{{define "t"}}{{template "t" .}}{{end}}{{template "t" .}}', /exceeded maximum template depth/],
    [`{{${'('.repeat(10_000)}1${')'.repeat(10_000)}}}`, /nested deeper than/],
    [nested(10_000), /nested deeper than/],
    ['{{range 100000}}{{range 100000}}{{end}}{{end}}', /exceeded \d+ steps/],
    [
      '{{$x := "xxxxxxxxxxxxxxxx"}}{{range 100}}{{$x = print $x $x}}{{end}}',
      /exceeded|more than \d+ characters/,
    ],
    ['{{range 1000000}}{{printf "%1000d" 1}}{{end}}', /exceeded/],
    [
      '{{printf "%999999d" 1 | printf "%s%s%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s"}}',
      /more than/,
    ],
    ['x'.repeat(2_000_000), /longer than/],
  ];
  for (const [text, message] of cases) {
    t.regex(run(text).error, message, text.slice(0, 80));
  }
  t.is(run(nested(200)).error, '');
});

const pieces = fc.constantFrom(
  ...[
    '{{',
    '}}',
    '{{-',
    '-}}',
    ' - ',
    '{{/*',
    '*/}}',
    '(',
    ')',
    '|',
    '.',
    '$',
    '$x',
    ':=',
    '=',
    ',',
    '"',
    '`',
    "'",
  ],
  ...[
    'if',
    'else',
    'end',
    'range',
    'with',
    'define',
    'template',
    'block',
    'break',
    'continue',
    'nil',
    'true',
  ],
  ...[
    '.Name',
    '.Driver',
    '.HostOptions.EngineOptions.Labels',
    'printf',
    'index',
    'len',
    'eq',
    'json',
    'slice',
    'and',
  ],
  ...[
    ' ',
    '\n',
    '1',
    '-3',
    '0x1f',
    '1.5',
    '"%d"',
    '"%v %s"',
    '"a"',
    'x',
    'é',
    '\u{1F600}',
    '\\',
    '%',
    '{{end}}',
  ],
);

test('whatever the text is, a template either works or ends with an error of its own', (t) => {
  const texts = fc.oneof(
    fc.array(pieces, { maxLength: 30 }).map((parts) => parts.join('')),
    fc.array(pieces, { maxLength: 12 }).map((parts) => `{{${parts.join(' ')}}}`),
    fc.string({ unit: 'binary', maxLength: 60 }),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const { error } = run(text);
      return error === '' || error.startsWith('template: ');
    }),
    { seed: 7, numRuns: 3000 },
  );
  t.pass();
});

test('text without an action is printed as it is', (t) => {
  const plain = fc.string({ maxLength: 50 }).filter((text) => !text.includes('{{'));
  fc.assert(
    fc.property(plain, (text) => run(text).output === text),
    { seed: 7 },
  );
  fc.assert(
    fc.property(fc.string({ maxLength: 50 }), (text) => {
      const { output } = run(
        '{{.}}|{{printf "%s" .}}|{{print .}}|{{json .}}',
        parseGoJson(JSON.stringify(text)),
      );
      return output.startsWith(`${text}|${text}|${text}|"`);
    }),
    { seed: 7 },
  );
  t.pass();
});

test('what json prints is the same JSON', (t) => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify({ value });
      const { value: expected } = JSON.parse(text) as { readonly value: unknown };
      for (const name of ['json', 'prettyjson']) {
        t.deepEqual(JSON.parse(run(`{{${name} .value}}`, parseGoJson(text)).output), expected);
      }
    }),
    { seed: 7 },
  );
});
