import type { ValidateFunction } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import addFormatsModule from 'ajv-formats';
import { ajvOptions, type CheckAnswer, type CheckRequest, type DescribedRequest } from './described.ts';

// Requests and answers against a description of OpenAPI 3.0. Requests strictly: what is not described must not be sent.

type Json = Readonly<Record<string, unknown>>;

// The module is of CommonJS, and types and Node do not agree on what its default is.
const addFormats = addFormatsModule as unknown as (ajv: Ajv2019) => Ajv2019;
const combinations: readonly string[] = ['allOf', 'anyOf', 'oneOf'];
const annotation =
  /^(?:x-.*|examples?|description|title|xml|externalDocs|discriminator|deprecated|default|readOnly|writeOnly|nullable)$/;

/** Checks of requests and answers by a description. @param prefix of paths on the wire: `/v1`. */
export function openApiChecks(
  document: Json,
  prefix: string,
): { readonly request: CheckRequest; readonly answer: CheckAnswer } {
  const compiled = new Map<string, ValidateFunction>();
  const compile = (key: string, schema: unknown, isClosed: boolean): ValidateFunction => {
    const present = compiled.get(key);
    const made =
      present ?? addFormats(new Ajv2019(ajvOptions)).compile(prepare(document, schema, isClosed) as Json);
    compiled.set(key, made);
    return made;
  };
  return {
    request: (request) => {
      const operation = findOperation(document, prefix, request);
      if (operation === undefined) {
        return [`${request.method} ${request.path} is not described`];
      }
      const known = new Set(
        operation.parameters.flatMap((one) => (one['in'] === 'query' ? [one['name']] : [])),
      );
      const unknown = [...request.query.keys()].filter((name) => !known.has(name));
      const problems = unknown.map(
        (name) => `${operation.key}: the query parameter ${name} is not described`,
      );
      const schema = schemaOf(document, operation.definition['requestBody']);
      if (schema === undefined || request.body === '') {
        return request.body === '' || request.body === '{}'
          ? problems
          : [...problems, ...(schema === undefined ? [`${operation.key} takes no body`] : [])];
      }
      const validate = compile(`> ${operation.key}`, schema, true);
      return validate(JSON.parse(request.body))
        ? problems
        : [...problems, ...problemsOf(operation.key, validate)];
    },
    answer: (request, { status, body }) => {
      const operation = findOperation(document, prefix, request);
      const answers = (operation?.definition['responses'] ?? {}) as Json;
      const described =
        answers[String(status)] ?? answers['default'] ?? answers[`${String(status)[0] ?? ''}XX`];
      const schema = schemaOf(document, described);
      if (operation === undefined || schema === undefined || body === '') {
        return [];
      }
      const validate = compile(`< ${status} ${operation.key}`, schema, false);
      return validate(JSON.parse(body)) ? [] : problemsOf(`${status} of ${operation.key}`, validate);
    },
  };
}

interface Operation {
  readonly key: string;
  readonly definition: Json;
  readonly parameters: readonly Json[];
}

function findOperation(
  document: Json,
  prefix: string,
  { method, path }: DescribedRequest,
): Operation | undefined {
  const paths = document['paths'] as Readonly<Record<string, Json>>;
  const matching = Object.entries(paths)
    .filter(([template]) => {
      const pattern = template
        .split(/(\{[^}]*\})/)
        .map((part) => (part.startsWith('{') ? '[^/]+' : escape(part)));
      return new RegExp(`^${pattern.join('')}$`).test(
        path.startsWith(prefix) ? path.slice(prefix.length) : '',
      );
    })
    .sort(([one], [other]) => one.split('{').length - other.split('{').length);
  for (const [template, item] of matching) {
    const definition = item[method.toLowerCase()] as Json | undefined;
    if (definition !== undefined) {
      const parameters = [item['parameters'], definition['parameters']]
        .flatMap((list): readonly unknown[] => (Array.isArray(list) ? list : []))
        .map((each) => resolve(document, each as Json));
      return { key: `${method} ${template}`, definition, parameters };
    }
  }
  return undefined;
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function schemaOf(document: Json, described: unknown): unknown {
  if (!isObject(described)) {
    return undefined;
  }
  const content = resolve(document, described)['content'] as Readonly<Record<string, Json>> | undefined;
  return content?.['application/json']?.['schema'];
}

function problemsOf(key: string, { errors }: ValidateFunction): string[] {
  return (errors ?? []).map(
    ({ instancePath, message, params }) =>
      `${key}: ${instancePath} ${message ?? ''} ${JSON.stringify(params)}`,
  );
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function resolve(document: Json, value: Json): Json {
  const reference = value['$ref'];
  if (typeof reference !== 'string') {
    return value;
  }
  const names = reference
    .slice(2)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
  const found = names.reduce<unknown>((at, name) => (at as Json)[name], document);
  return resolve(document, found as Json);
}

/** Whether something lists properties, and whether it takes others besides; branches of combinations count. */
function shapeOf(
  document: Json,
  schema: unknown,
): { readonly hasProperties: boolean; readonly isMap: boolean } {
  if (!isObject(schema)) {
    return { hasProperties: false, isMap: false };
  }
  const own = resolve(document, schema);
  const branches = combinations
    .flatMap((name) => (own[name] as readonly unknown[] | undefined) ?? [])
    .map((branch) => shapeOf(document, branch));
  const additional = own['additionalProperties'];
  return {
    hasProperties: own['properties'] !== undefined || branches.some(({ hasProperties }) => hasProperties),
    isMap: additional === true || isObject(additional) || branches.some(({ isMap }) => isMap),
  };
}

/**
 * A schema as JSON Schema 2019-09. Closed ones refuse what is not listed, and what is for answers alone; only the object
 * that owns a combination is closed, as each branch of it knows its own properties only.
 */
function prepare(document: Json, schema: unknown, isClosed: boolean): unknown {
  const walk = (value: unknown, isBranch: boolean, stack: readonly string[]): unknown => {
    if (!isObject(value)) {
      return value;
    }
    const reference = value['$ref'];
    if (typeof reference === 'string') {
      // A schema that has itself inside is checked as deep as it does not.
      return stack.includes(reference) ? {} : walk(resolve(document, value), isBranch, [...stack, reference]);
    }
    const properties = (value['properties'] ?? {}) as Readonly<Record<string, Json>>;
    const isForAnswers = (name: string): boolean => {
      const property = properties[name];
      return isClosed && property !== undefined && resolve(document, property)['readOnly'] === true;
    };
    const result: Record<string, unknown> = {};
    for (const [key, part] of Object.entries(value)) {
      if (key === 'properties') {
        result[key] = Object.fromEntries(
          Object.entries(properties)
            .filter(([name]) => !isForAnswers(name))
            .map(([name, property]) => [name, walk(property, false, stack)]),
        );
      } else if (key === 'required') {
        result[key] = (part as readonly string[]).filter((name) => !isForAnswers(name));
      } else if (combinations.includes(key)) {
        result[key] = (part as readonly unknown[]).map((branch) => walk(branch, true, stack));
      } else if (key === 'items' || key === 'not' || (key === 'additionalProperties' && isObject(part))) {
        result[key] = walk(part, false, stack);
      } else if (!annotation.test(key)) {
        result[key] = part;
      }
    }
    const { hasProperties, isMap } = shapeOf(document, value);
    if (isClosed && !isBranch && hasProperties && !isMap) {
      result['unevaluatedProperties'] = false;
    }
    return value['nullable'] === true ? { anyOf: [{ type: 'null' }, result] } : result;
  };
  return walk(schema, false, []);
}
