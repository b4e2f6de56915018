import { Ajv, type ValidateFunction } from 'ajv';
import { ajvOptions, type CheckAnswer, type CheckRequest, type DescribedRequest } from './described.ts';

// Requests and answers against a discovery document of Google. Requests strictly: what is not described must not be sent.

type Json = Readonly<Record<string, unknown>>;

interface Method {
  readonly id: string;
  readonly httpMethod: string;
  readonly path: string;
  readonly parameters?: Readonly<Record<string, Json>>;
  readonly request?: { readonly $ref: string };
  readonly response?: { readonly $ref: string };
}

/** Checks of requests and answers by a document. */
export function discoveryChecks(document: Json): {
  readonly request: CheckRequest;
  readonly answer: CheckAnswer;
} {
  const methods = Object.values(document['resources'] as Readonly<Record<string, Json>>).flatMap((resource) =>
    Object.values((resource['methods'] ?? {}) as Readonly<Record<string, Method>>),
  );
  const prefix = `/${document['servicePath'] as string}`;
  const common = document['parameters'] as Readonly<Record<string, Json>>;
  const compile = compilerOf(document);
  return {
    request: (request) => {
      const method = findMethod(methods, prefix, request);
      if (method === undefined) {
        return [`${request.method} ${request.path} is not described`];
      }
      const problems = [...request.query.entries()].flatMap(([name, value]) => {
        const described = method.parameters?.[name] ?? common[name];
        return described?.['location'] === 'query'
          ? valueProblems(`${method.id}: ${name}`, described, value)
          : [`${method.id}: the query parameter ${name} is not described`];
      });
      if (request.body === '') {
        return method.request === undefined ? problems : [...problems, `${method.id} needs a body`];
      }
      if (method.request === undefined) {
        return [...problems, `${method.id} takes no body`];
      }
      const validate = compile(method.request.$ref, true, method.id);
      return validate(JSON.parse(request.body))
        ? problems
        : [...problems, ...problemsOf(method.id, validate)];
    },
    answer: (request, { status, body }) => {
      const method = findMethod(methods, prefix, request);
      if (method?.response === undefined || status !== 200) {
        return [];
      }
      const validate = compile(method.response.$ref, false, method.id);
      return validate(JSON.parse(body)) ? [] : problemsOf(`the answer to ${method.id}`, validate);
    },
  };
}

function findMethod(
  methods: readonly Method[],
  prefix: string,
  { method, path }: DescribedRequest,
): Method | undefined {
  const rest = path.startsWith(prefix) ? path.slice(prefix.length) : undefined;
  return methods
    .filter(({ httpMethod, path: template }) => {
      const pattern = template.replaceAll(/[.+?^$()|[\]\\]/g, '\\$&').replaceAll(/\{[^}]*\}/g, '[^/]+');
      return httpMethod === method && rest !== undefined && new RegExp(`^${pattern}$`).test(rest);
    })
    .sort((one, other) => one.path.split('{').length - other.path.split('{').length)[0];
}

/** Texts of a query that stand for something else. */
function valueProblems(what: string, { type, pattern }: Json, value: string): string[] {
  const forms: Readonly<Record<string, RegExp>> = { integer: /^\d+$/, boolean: /^(?:true|false)$/ };
  const isRight =
    (forms[String(type)]?.test(value) ?? true) &&
    (typeof pattern !== 'string' || new RegExp(`^(?:${pattern})$`).test(value));
  return isRight ? [] : [`${what} is ${JSON.stringify(value)}`];
}

function compilerOf(document: Json): (name: string, isClosed: boolean, methodId: string) => ValidateFunction {
  const schemas = document['schemas'] as Readonly<Record<string, Json>>;
  const compiled = new Map<string, ValidateFunction>();
  const definitionsOf = (isClosed: boolean): Json =>
    Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, convert(schema, isClosed)]));
  const definitions = { open: definitionsOf(false), closed: definitionsOf(true) };
  return (name, isClosed, methodId) => {
    const key = `${name} ${isClosed ? methodId : ''}`;
    const properties = (schemas[name]?.['properties'] ?? {}) as Readonly<Record<string, Json>>;
    const required = Object.entries(properties).flatMap(([property, { annotations }]) => {
      const by = (annotations as { required?: readonly string[] } | undefined)?.required ?? [];
      return isClosed && by.includes(methodId) ? [property] : [];
    });
    const validate =
      compiled.get(key) ??
      new Ajv(ajvOptions).compile({
        definitions: isClosed ? definitions.closed : definitions.open,
        allOf: [{ $ref: `#/definitions/${name}` }, { required }],
      });
    compiled.set(key, validate);
    return validate;
  };
}

/** A schema of the document as JSON Schema; closed ones refuse what is not listed. Patterns mean the whole text. */
function convert(schema: Json, isClosed: boolean): Json {
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === '$ref') {
      result[key] = `#/definitions/${String(value)}`;
    } else if (key === 'properties') {
      result[key] = Object.fromEntries(
        Object.entries(value as Readonly<Record<string, Json>>).map(([name, property]) => [
          name,
          convert(property, isClosed),
        ]),
      );
    } else if (key === 'items' || key === 'additionalProperties') {
      result[key] = convert(value as Json, isClosed);
    } else if (key === 'pattern') {
      result[key] = `^(?:${String(value)})$`;
    } else if ((key === 'type' && value !== 'any') || key === 'enum') {
      result[key] = value;
    }
  }
  return isClosed && result['properties'] !== undefined && result['additionalProperties'] === undefined
    ? { ...result, additionalProperties: false }
    : result;
}

function problemsOf(what: string, { errors }: ValidateFunction): string[] {
  return (errors ?? []).map(
    ({ instancePath, message, params }) =>
      `${what}: ${instancePath} ${message ?? ''} ${JSON.stringify(params)}`,
  );
}
