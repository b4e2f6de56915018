import type { MachineRow } from '../machine/list.ts';
import { TemplateError } from '../template/errors.ts';
import { createTemplate, type Template } from '../template/template.ts';
import { toJsonText } from '../template/to-json.ts';
import { formatError } from './format-error.ts';
import { listHeaders, listItem } from './list-item.ts';
import { alignTabs } from './render/tabwriter.ts';

/** A `--format` of `ls` that was understood. */
export interface ListFormat {
  /**
   * Writes the machines, and what was printed before a machine with which the template fails.
   * @throws MachineError `format-failed`.
   */
  print(rows: readonly MachineRow[], write: (text: string) => void): void;
}

const tableWord = 'table';

/**
 * Reads a `--format` as docker-machine does: a template for each machine, in columns with headers when it begins with
 * `table`; `\t` and `\n` stand for a tab and a line end. The word `json` is JSON, an object a line.
 * @throws MachineError `format-invalid`.
 */
export function parseListFormat(format: string): ListFormat {
  if (format.trim() === 'json') {
    return {
      print: (rows, write) => {
        write(rows.map((row) => `${toJsonText(listItem(row))}\n`).join(''));
      },
    };
  }
  const isTable = format.startsWith(tableWord);
  const text = (isTable ? format.slice(tableWord.length) : format)
    .replace(/^ +| +$/g, '')
    .replaceAll(String.raw`\t`, '\t')
    .replaceAll(String.raw`\n`, '\n');
  const template = parse(`${text}\n`);
  return {
    print: (rows, write) => {
      const data = [...(isTable ? [listHeaders] : []), ...rows.map(listItem)];
      let printed = '';
      try {
        for (const each of data) {
          printed += template.run(each);
        }
      } catch (error) {
        printed += error instanceof TemplateError ? error.output : '';
        throw formatError(error);
      } finally {
        write(isTable ? alignTabs(printed) : printed);
      }
    },
  };
}

function parse(text: string): Template {
  try {
    return createTemplate(text);
  } catch (error) {
    throw formatError(error);
  }
}
