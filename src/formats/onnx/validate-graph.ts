/**
 * The rules of one graph and its subgraphs: names are defined once and before they are used (so it is acyclic), and
 * every operator is known. Source: docs/IR.md of onnx/onnx ("Names Within a Graph", "Graphs").
 */
import { SkyliftError } from '../../core/errors.ts';
import { functionOf } from './functions.ts';
import type { FunctionTable } from './functions.ts';
import type { OnnxAttribute, OnnxFunction, OnnxGraph, OnnxNode } from './model.ts';
import { describeNode } from './walk.ts';

/** Operator domains that the engine implements itself; `''` is the standard one. */
const ALLOWED_DOMAINS: ReadonlySet<string> = new Set(['', 'ai.onnx.ml', 'com.microsoft']);

/** Operators of allowed domains that reach outside the graph: EPContext has the engine open a file by path. */
const REFUSED_OPERATORS: ReadonlySet<string> = new Set(['com.microsoft:EPContext']);

/** Names that a graph can see: its own and those of the graphs around it. */
class Scope {
  readonly #names = new Set<string>();
  readonly #outer: Scope | undefined;

  constructor(outer?: Scope) {
    this.#outer = outer;
  }

  has(name: string): boolean {
    return this.#names.has(name) || (this.#outer?.has(name) ?? false);
  }

  /** Throws SKY_ONNX_INVALID when this graph has the name already; `what` says what wants it. */
  define(name: string, what: string): void {
    if (name === '') throw invalid(`${what} has no name`);
    if (this.#names.has(name)) throw invalid(`${what} defines "${name}", which is defined already`);
    this.#names.add(name);
  }
}

/** Throws SKY_ONNX_INVALID, SKY_ONNX_UNSUPPORTED. */
export function validateGraph(graph: OnnxGraph, functions: FunctionTable, outer?: Scope): void {
  if (graph.sparseInitializerCount > 0)
    throw unsupported(`graph "${graph.name}" has ${graph.sparseInitializerCount} sparse initializers`);
  const scope = new Scope(outer);
  for (const { name } of graph.inputs) scope.define(name, 'a graph input');
  defineInitializers(graph, scope);
  validateNodes(graph.nodes, functions, scope);
  validateOutputs(
    graph.outputs.map((output) => output.name),
    scope,
    `graph "${graph.name}"`,
  );
}

/** The body of a function sees its inputs only. Throws SKY_ONNX_INVALID, SKY_ONNX_UNSUPPORTED. */
export function validateFunction(called: OnnxFunction, functions: FunctionTable): void {
  const scope = new Scope();
  for (const name of called.inputs) scope.define(name, `an input of function "${called.name}"`);
  validateNodes(called.nodes, functions, scope);
  validateOutputs(called.outputs, scope, `function "${called.name}"`);
}

/** An initializer may carry the name of a graph input: it is the input's default value then. */
function defineInitializers(graph: OnnxGraph, scope: Scope): void {
  const inputs = new Set(graph.inputs.map((input) => input.name));
  const initializers = new Scope();
  for (const { name } of graph.initializers) {
    initializers.define(name, 'an initializer');
    if (!inputs.has(name)) scope.define(name, 'an initializer');
  }
}

function validateNodes(nodes: readonly OnnxNode[], functions: FunctionTable, scope: Scope): void {
  for (const node of nodes) {
    validateOperator(node, functions);
    for (const name of node.inputs)
      if (name !== '' && !scope.has(name))
        throw invalid(`${describeNode(node)} uses "${name}" before anything defines it`);
    validateAttributes(node, functions, scope);
    for (const name of node.outputs) if (name !== '') scope.define(name, describeNode(node));
  }
}

function validateOperator(node: OnnxNode, functions: FunctionTable): void {
  if (node.opType === '') throw invalid(`${describeNode(node)} names no operator`);
  if (functionOf(node, functions)) return;
  const operator = `${node.domain}:${node.opType}`;
  if (!ALLOWED_DOMAINS.has(node.domain) || REFUSED_OPERATORS.has(operator))
    throw unsupported(`${describeNode(node)} uses the operator ${operator}, which is not allowed`);
}

function validateAttributes(node: OnnxNode, functions: FunctionTable, scope: Scope): void {
  const names = new Scope();
  for (const attribute of node.attributes) {
    names.define(attribute.name, `an attribute of ${describeNode(node)}`);
    refuseSparse(attribute, node);
    for (const graph of attribute.subgraphs) validateGraph(graph, functions, scope);
  }
}

function refuseSparse({ name, sparseTensorCount }: OnnxAttribute, node: OnnxNode): void {
  if (sparseTensorCount > 0)
    throw unsupported(`attribute "${name}" of ${describeNode(node)} is a sparse tensor`);
}

function validateOutputs(outputs: readonly string[], scope: Scope, owner: string): void {
  const seen = new Scope();
  for (const name of outputs) {
    seen.define(name, `an output of ${owner}`);
    if (!scope.has(name)) throw invalid(`${owner} returns "${name}", which nothing defines`);
  }
}

function invalid(message: string): SkyliftError {
  return new SkyliftError('SKY_ONNX_INVALID', message);
}

function unsupported(message: string): SkyliftError {
  return new SkyliftError('SKY_ONNX_UNSUPPORTED', message);
}
