/**
 * Functions that a model brings along. The engine inlines them, so calls must end and their sum must stay small: forty
 * functions that each call the next one twice are 2^40 nodes in a file of a few kilobytes.
 */
import { SkyliftError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import type { OnnxFunction, OnnxModel, OnnxNode } from './model.ts';

export type FunctionTable = ReadonlyMap<string, OnnxFunction>;

/** By domain, name and overload. Throws SKY_ONNX_INVALID for a function that is defined twice. */
export function functionTable(model: OnnxModel): FunctionTable {
  const table = new Map<string, OnnxFunction>();
  for (const called of model.functions) {
    const key = functionKey(called.domain, called.name, called.overload);
    if (table.has(key))
      throw new SkyliftError(
        'SKY_ONNX_INVALID',
        `function "${called.name}" of domain "${called.domain}" is defined twice`,
      );
    table.set(key, called);
  }
  return table;
}

/** The function that `node` calls, if it calls one. */
export function functionOf(node: OnnxNode, functions: FunctionTable): OnnxFunction | undefined {
  if (functions.size === 0) return undefined;
  return functions.get(functionKey(node.domain, node.opType, node.overload));
}

/** Checks the model as it is after inlining. Throws SKY_ONNX_INVALID for endless calls, SKY_ONNX_LIMIT for too much. */
export function validateCalls(model: OnnxModel, functions: FunctionTable, limits: Limits): void {
  const measure = new CallMeasure(functions, limits);
  measure.measure(model.graph.nodes);
  for (const called of model.functions) measure.measureFunction(called);
}

interface Size {
  readonly nodes: number;
  /** Levels of subgraphs and calls. */
  readonly depth: number;
}

class CallMeasure {
  readonly #functions: FunctionTable;
  readonly #limits: Limits;
  readonly #known = new Map<OnnxFunction, Size>();
  readonly #active = new Set<OnnxFunction>();

  constructor(functions: FunctionTable, limits: Limits) {
    this.#functions = functions;
    this.#limits = limits;
  }

  measure(nodes: readonly OnnxNode[]): Size {
    let count = nodes.length;
    let depth = 0;
    for (const part of this.#parts(nodes)) {
      count += part.nodes;
      depth = Math.max(depth, part.depth);
    }
    return this.#checked({ nodes: count, depth: depth + 1 });
  }

  *#parts(nodes: readonly OnnxNode[]): Generator<Size> {
    for (const node of nodes) {
      const called = functionOf(node, this.#functions);
      if (called) yield this.measureFunction(called);
      for (const { subgraphs } of node.attributes)
        for (const graph of subgraphs) yield this.measure(graph.nodes);
    }
  }

  measureFunction(called: OnnxFunction): Size {
    const known = this.#known.get(called);
    if (known) return known;
    if (this.#active.has(called))
      throw new SkyliftError('SKY_ONNX_INVALID', `function "${called.name}" calls itself`);
    this.#active.add(called);
    this.#checked({ nodes: 0, depth: this.#active.size }); // before the recursion goes on
    const size = this.measure(called.nodes);
    this.#active.delete(called);
    this.#known.set(called, size);
    return size;
  }

  #checked(size: Size): Size {
    const { max_onnx_nodes: maxNodes, max_onnx_depth: maxDepth } = this.#limits;
    if (size.nodes > maxNodes)
      throw new SkyliftError(
        'SKY_ONNX_LIMIT',
        `with its functions inlined the model has more than max_onnx_nodes = ${maxNodes} nodes`,
      );
    if (size.depth > maxDepth)
      throw new SkyliftError(
        'SKY_ONNX_LIMIT',
        `subgraphs and functions are nested deeper than max_onnx_depth = ${maxDepth}`,
      );
    return size;
  }
}

/** JSON keeps the parts apart whatever characters they have. */
function functionKey(domain: string, name: string, overload: string): string {
  return JSON.stringify([domain, name, overload]);
}
