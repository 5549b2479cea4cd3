/** Every graph, node and tensor of a model, subgraphs and functions included. */
import type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor } from './model.ts';

/** A tensor and how to call it in a message. */
export interface NamedTensor {
  readonly tensor: OnnxTensor;
  readonly where: string;
}

/** `node "name" (OpType)`, for messages. */
export function describeNode(node: OnnxNode): string {
  return `node "${node.name || (node.outputs[0] ?? '')}" (${node.opType})`;
}

/** All nodes: of the graph, its subgraphs and the functions. */
export function* walkNodes(model: OnnxModel): Generator<OnnxNode> {
  yield* nodesOf(model.graph.nodes);
  for (const called of model.functions) yield* nodesOf(called.nodes);
}

/** All tensors: initializers, also of subgraphs, and the values of attributes. */
export function* walkTensors(model: OnnxModel): Generator<NamedTensor> {
  yield* tensorsOfGraph(model.graph);
  for (const called of model.functions) {
    yield* tensorsOfAttributes(called.attributes, `function "${called.name}"`);
    yield* tensorsOfNodes(called.nodes);
  }
}

function* nodesOf(nodes: readonly OnnxNode[]): Generator<OnnxNode> {
  for (const node of nodes) {
    yield node;
    for (const { subgraphs } of node.attributes) for (const graph of subgraphs) yield* nodesOf(graph.nodes);
  }
}

function* tensorsOfGraph(graph: OnnxGraph): Generator<NamedTensor> {
  for (const tensor of graph.initializers) yield { tensor, where: `initializer "${tensor.name}"` };
  yield* tensorsOfNodes(graph.nodes);
}

function* tensorsOfNodes(nodes: readonly OnnxNode[]): Generator<NamedTensor> {
  for (const node of nodes) yield* tensorsOfAttributes(node.attributes, describeNode(node));
}

function* tensorsOfAttributes(attributes: readonly OnnxAttribute[], owner: string): Generator<NamedTensor> {
  for (const { name, tensors, subgraphs } of attributes) {
    for (const tensor of tensors) yield { tensor, where: `attribute "${name}" of ${owner}` };
    for (const graph of subgraphs) yield* tensorsOfGraph(graph);
  }
}
