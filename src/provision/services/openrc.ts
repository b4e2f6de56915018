import { quoteArgument } from '../../ssh/quote.ts';

export const openRcConfigPath = '/etc/conf.d/docker';

const begin = '# tsmachine: begin';
const end = '# tsmachine: end';

/**
 * /etc/conf.d/docker, a shell file that OpenRC reads before it starts the engine, with a part of ours. DOCKER_OPTS is
 * split at blanks, so an argument with a blank in it cannot be given this way.
 */
export function openRcConfig(
  present: string,
  { args, env }: { readonly args: readonly string[]; readonly env: readonly string[] },
): string {
  const rest = present.replace(new RegExp(`${begin}\\n[\\s\\S]*?${end}\\n`), '');
  if (args.length === 0 && env.length === 0) {
    return rest;
  }
  const lines = [
    begin,
    ...(args.length === 0 ? [] : [`DOCKER_OPTS="$DOCKER_OPTS "${quoteArgument(args.join(' '))}`]),
    ...env.map((assignment) => `export ${assignmentText(assignment)}`),
    end,
  ];
  const complete = rest === '' || rest.endsWith('\n') ? rest : `${rest}\n`;
  return `${complete}${lines.join('\n')}\n`;
}

function assignmentText(assignment: string): string {
  const at = assignment.indexOf('=');
  return `${assignment.slice(0, at)}=${quoteArgument(assignment.slice(at + 1))}`;
}
