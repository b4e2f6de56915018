import fc from 'fast-check';
import test from 'ava';
import { claimScript, configureScript, registerScript } from '../../../src/drivers/hyperv/scripts/create.ts';
import { hostScript } from '../../../src/drivers/hyperv/scripts/host.ts';
import { lookScript, resolveScript } from '../../../src/drivers/hyperv/scripts/machine.ts';
import {
  removeScript,
  resumeScript,
  shutDownScript,
  startScript,
  turnOffScript,
} from '../../../src/drivers/hyperv/scripts/power.ts';
import { scriptText, type Script } from '../../../src/drivers/hyperv/scripts/script.ts';
import { encodeCommand } from '../../../src/drivers/windows-powershell.ts';
import { decodeCall } from '../../fakes/hyperv/fake-hyperv.ts';
import { commands, commonParameters } from '../../support/powershell-commands.ts';
import { loadGrammar } from '../../support/powershell-grammar.ts';

const id = '11111111-2222-4333-8444-555555555555';
/** Whatever a user may call things: it must not matter. */
const nasty = `o'Brien "x" $(exit) \`n ; | & } 中文`;

const scripts: readonly Script[] = [
  hostScript(),
  lookScript({ id, name: nasty }),
  resolveScript({ name: nasty }),
  registerScript({ name: nasty, directory: nasty, notes: nasty, memoryBytes: 2 ** 30 }),
  claimScript({ id, notes: nasty }),
  configureScript({
    ...{ id, cpus: 2, memoryBytes: 2 ** 30, isMemoryDynamic: true, memoryMinBytes: 2 ** 29 },
    ...{ switchId: id, macAddress: '00155D010203', vlanId: 7, secureBoot: true, pipe: nasty },
    ...{ media: [nasty, nasty], disk: nasty },
  }),
  startScript({ id, media: [nasty] }),
  resumeScript({ id }),
  shutDownScript({ id }),
  turnOffScript({ id }),
  removeScript({ id }),
];

/** The longest command line of Windows, less the program and its other arguments. */
const commandLineMax = 32_767 - 300;

const parse = await loadGrammar();

test('the grammar finds what is wrong with a script', (t) => {
  const broken = ['if ($x) {', '$a = (1', 'Get-VM | ', "'open", 'foreach ($a in ) { }', '@{ a = }'];
  for (const text of broken) {
    t.true(parse(text).errors.length > 0, text);
  }
  t.deepEqual(parse('Get-Item -Path "x" | Remove-Item'), {
    errors: [],
    commands: [
      { name: 'Get-Item', parameters: ['Path'] },
      { name: 'Remove-Item', parameters: [] },
    ],
    functions: [],
  });
});

test('names of operations are unique', (t) => {
  t.is(new Set(scripts.map(({ operation }) => operation)).size, scripts.length);
});

for (const script of scripts) {
  test(`${script.operation}: is PowerShell, and uses only commands and parameters of 5.1`, (t) => {
    const text = scriptText(script);
    const found = parse(text);
    t.deepEqual(found.errors, []);
    t.true(found.commands.length > 3);
    for (const { name, parameters } of found.commands) {
      if (found.functions.includes(name)) {
        continue;
      }
      const known = Object.hasOwn(commands, name) ? commands[name] : undefined;
      t.truthy(known, `${name} is in the table`);
      for (const parameter of parameters) {
        t.true([...(known ?? []), ...commonParameters].includes(parameter), `${name} -${parameter}`);
      }
    }
  });

  test(`${script.operation}: nothing of a user is in its text, and it fits into a command line`, (t) => {
    const text = scriptText(script);
    t.regex(text, /^[\n -~]*$/);
    t.false(text.includes('Brien'));
    t.true(encodeCommand(text).length < commandLineMax / 2);
    const call = decodeCall(['-EncodedCommand', encodeCommand(text)]);
    t.deepEqual(call, { operation: script.operation, parameters: script.parameters });
  });
}

test('every command of Hyper-V is called by its full name, as other modules have commands of the same names', (t) => {
  for (const script of scripts) {
    const names = parse(scriptText(script)).commands.map(({ name }) => name);
    t.deepEqual(
      names.filter((name) => /^(?!Hyper-V\\).*-VM/.test(name)),
      [],
    );
  }
});

test('any parameters arrive as they are, and the script stays one', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (name) => {
      const text = scriptText(lookScript({ id: '', name }));
      const call = decodeCall(['-EncodedCommand', encodeCommand(text)]);
      return call.parameters['name'] === name && parse(text).errors.length === 0;
    }),
    { seed: 1, numRuns: 50 },
  );
  t.pass();
});
