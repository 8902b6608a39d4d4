// Writes schema.ts from openapi.json: the types of all schemas, and of the body and the response of each operation.
// Run: node --experimental-strip-types generate.ts
import { readFileSync, writeFileSync } from "node:fs";

const folder = new URL(".", import.meta.url);
const document = JSON.parse(readFileSync(new URL("../../openapi.json", folder), "utf8"));
const LAST_NAME = /.*\//;

function typeOf(node: any): string {
  if (node === undefined || node === true) return "unknown";
  if (node.$ref) return node.$ref.replace(LAST_NAME, "");
  if ("const" in node) return JSON.stringify(node.const);
  if (node.enum) return node.enum.map((value: unknown) => JSON.stringify(value)).join(" | ");
  const alternatives = node.anyOf ?? node.oneOf;
  if (alternatives) return [...new Set(alternatives.map(typeOf))].join(" | ");
  switch (node.type) {
    case "string":
      return "string";
    case "integer":
    case "number":
      return "number";
    case "boolean":
      return "boolean";
    case "null":
      return "null";
    case "array":
      return node.prefixItems ? `[${node.prefixItems.map(typeOf).join(", ")}]` : `Array<${typeOf(node.items)}>`;
    case "object":
      if (node.properties) return `{ ${fieldsOf(node).join(" ")} }`;
      return `Record<string, ${typeOf(node.additionalProperties || undefined)}>`;
    default:
      return "unknown";
  }
}

function fieldsOf(schema: any): string[] {
  const required = new Set(schema.required ?? []);
  return Object.entries<any>(schema.properties ?? {}).map(([name, node]) => {
    const key = /^\w+$/.test(name) ? name : JSON.stringify(name);
    return `${key}${required.has(name) ? "" : "?"}: ${typeOf(node)};`;
  });
}

function comment(text: string | undefined, indent: string): string {
  return text ? `${indent}/** ${text.replace(/\s+/g, " ").replaceAll("*/", "* /")} */\n` : "";
}

const lines = ["// Generated from openapi.json by generate.ts. Do not edit.\n"];
for (const [name, schema] of Object.entries<any>(document.components.schemas)) {
  const properties = Object.values<any>(schema.properties ?? {});
  const fields = fieldsOf(schema).map((field, index) => `${comment(properties[index].description, "  ")}  ${field}\n`);
  lines.push(`\n${comment(schema.description, "")}export interface ${name} {\n${fields.join("")}}\n`);
}
lines.push("\n/** Operations by their id. A type of `undefined` is a request or response without JSON. */\n");
lines.push("export interface Operations {\n");
for (const [path, item] of Object.entries<any>(document.paths)) {
  for (const [method, operation] of Object.entries<any>(item)) {
    const json = (part: any) => part?.content?.["application/json"]?.schema;
    const success = Object.entries<any>(operation.responses).find(([status]) => status < "400")?.[1];
    const body = json(operation.requestBody);
    const response = json(success);
    lines.push(
      comment(operation.summary, "  "),
      `  ${JSON.stringify(operation.operationId)}: {\n`,
      `    method: ${JSON.stringify(method.toUpperCase())};\n    path: ${JSON.stringify(path)};\n`,
      `    body: ${body ? typeOf(body) : "undefined"};\n    response: ${response ? typeOf(response) : "undefined"};\n  };\n`,
    );
  }
}
lines.push("}\n\nexport const ROUTES: { [Id in keyof Operations]: [method: string, path: string] } = {\n");
for (const [path, item] of Object.entries<any>(document.paths)) {
  for (const [method, operation] of Object.entries<any>(item)) {
    lines.push(`  ${JSON.stringify(operation.operationId)}: [${JSON.stringify(method.toUpperCase())}, ${JSON.stringify(path)}],\n`);
  }
}
lines.push("};\n");
writeFileSync(new URL(process.argv[2] ?? "schema.ts", folder), lines.join(""));
