/**
 * /etc/hosts with the machine's name at 127.0.1.1, as Debian has it and docker-machine makes it: an existing line of that
 * address is changed, else one is added. The same text when the name stands there already.
 */
export function hostsWithName(text: string, name: string): string {
  const lines = text.split('\n');
  const namesOf = (line: string): string[] => line.replace(/#.*/, '').trim().split(/\s+/);
  if (lines.some((line) => namesOf(line).slice(1).includes(name))) {
    return text;
  }
  const index = lines.findIndex((line) => namesOf(line)[0] === '127.0.1.1');
  if (index >= 0) {
    return lines.with(index, `127.0.1.1 ${name}`).join('\n');
  }
  const complete = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  return `${complete}127.0.1.1 ${name}\n`;
}
