/**
 * The words of a command line as `credential_process` has it: double quotes keep blanks together; there is no shell and
 * there are no variables. A backslash is one, as in paths of Windows.
 */
export function splitCommand(text: string): string[] {
  return [...text.matchAll(/(?:"[^"]*"|[^\s"])+/g)].map(([word]) => word.replaceAll('"', ''));
}
