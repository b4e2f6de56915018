import test from 'ava';
import { unsetImageFlags, type PluginFlag } from '../../../../src/drivers/plugin/flags.ts';

function flag(name: string, change: Partial<PluginFlag> & { readonly type?: 'list' } = {}): PluginFlag {
  const definition = { name, type: change.type ?? ('string' as const), env: '', help: name };
  return { definition, defaultValue: change.defaultValue ?? '' };
}

test('flags for an image to boot are those that end so, take a text, and have neither value nor default', (t) => {
  const flags = [
    flag('kvm-boot2docker-url'),
    flag('kvm-boot2docker-url-extra'),
    flag('xhyve-boot2docker-url', { type: 'list' }),
    flag('own-boot2docker-url', { defaultValue: 'https://example.com/own.iso' }),
  ];
  t.deepEqual(unsetImageFlags(flags, {}), ['kvm-boot2docker-url']);
  t.deepEqual(unsetImageFlags(flags, { 'kvm-boot2docker-url': '' }), ['kvm-boot2docker-url']);
  t.deepEqual(unsetImageFlags(flags, { 'kvm-boot2docker-url': 'file:///mine.iso' }), []);
});
