/**
 * Image networks of known size with random weights: the shapes, and so the cost of a run, of MobileNetV2 and ResNet-50 with
 * their normalizations folded in. float32 `image` [batch, 3, 224, 224] to `logits` [batch, 1000]. The same bytes each time.
 */
import { seededRng } from '../../src/core/random.ts';
import { floatTensor, graph, model, node, tensor, value } from '../../test/support/onnx-writer.ts';
import type { AttributeValue } from '../../test/support/onnx-writer.ts';
import { littleEndian } from '../../test/support/proto-writer.ts';

const CLASSES = 1000;

/** A tensor inside the network. */
interface Maps {
  readonly name: string;
  readonly channels: number;
}

interface Convolution {
  readonly channels: number;
  /** Side of the square kernel, odd. @default 1 */
  readonly kernel?: number;
  /** @default 1 */
  readonly stride?: number;
  /** @default 1 */
  readonly groups?: number;
  /** @default none */
  readonly activation?: 'Relu' | 'Clip';
}

/** Appends nodes and their weights. */
class Net {
  readonly #rng = seededRng(1);
  readonly #nodes: Uint8Array[] = [];
  readonly #weights: Uint8Array[] = [floatTensor('zero', [], [0]), floatTensor('six', [], [6])];

  apply(op: string, inputs: readonly string[], attributes: Record<string, AttributeValue> = {}): string {
    const output = `${op.toLowerCase()}_${this.#nodes.length}`;
    this.#nodes.push(node({ op, name: output, inputs, outputs: [output], attributes }));
    return output;
  }

  convolve(input: Maps, { channels, kernel = 1, stride = 1, groups = 1, activation }: Convolution): Maps {
    const dims = [channels, input.channels / groups, kernel, kernel];
    const pad = (kernel - 1) / 2;
    const inputs = [input.name, this.#weight(dims), this.#weight([channels], 0.01)];
    const name = this.apply('Conv', inputs, {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
      group: groups,
    });
    if (activation === undefined) return { name, channels };
    const bounds = activation === 'Clip' ? ['zero', 'six'] : [];
    return { name: this.apply(activation, [name, ...bounds]), channels };
  }

  add(a: Maps, b: Maps): Maps {
    return { name: this.apply('Add', [a.name, b.name]), channels: a.channels };
  }

  /** The .onnx file that classifies `input`. */
  classify(input: Maps): Uint8Array {
    const features = this.apply('Flatten', [this.apply('GlobalAveragePool', [input.name])]);
    const inputs = [features, this.#weight([input.channels, CLASSES], 0.02), this.#weight([CLASSES], 0.01)];
    this.#nodes.push(node({ op: 'Gemm', name: 'classes', inputs, outputs: ['logits'] }));
    return model({
      graph: graph({
        inputs: [value('image', 'float32', ['batch', 3, 224, 224])],
        outputs: [value('logits', 'float32', ['batch', CLASSES])],
        initializers: this.#weights,
        nodes: this.#nodes,
      }),
    });
  }

  /** Uniform in ±`bound`; by default such that values neither die out nor explode on their way. */
  #weight(dims: readonly number[], bound?: number): string {
    const fanIn = dims.slice(1).reduce((product, dim) => product * dim, 1);
    const reach = bound ?? Math.sqrt(3 / fanIn);
    const values = new Float32Array(dims.reduce((product, dim) => product * dim, 1));
    for (let i = 0; i < values.length; i++) values[i] = (2 * this.#rng.float() - 1) * reach;
    const name = `weight_${this.#weights.length}`;
    this.#weights.push(tensor({ name, element: 'float32', dims, raw: littleEndian(values) }));
    return name;
  }
}

/** 8.2 GFLOP a row, 25.5 million weights, 102 MB. */
export function resNet50(): Uint8Array {
  const net = new Net();
  const image = { name: 'image', channels: 3 };
  const stem = net.convolve(image, { channels: 64, kernel: 7, stride: 2, activation: 'Relu' });
  const pool = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] };
  let maps: Maps = { name: net.apply('MaxPool', [stem.name], pool), channels: stem.channels };
  const stages = [
    { blocks: 3, width: 64, stride: 1 },
    { blocks: 4, width: 128, stride: 2 },
    { blocks: 6, width: 256, stride: 2 },
    { blocks: 3, width: 512, stride: 2 },
  ];
  for (const { blocks, width, stride } of stages)
    for (let block = 0; block < blocks; block++)
      maps = bottleneck(net, maps, { width, stride: block === 0 ? stride : 1, isFirst: block === 0 });
  return net.classify(maps);
}

interface Bottleneck {
  readonly width: number;
  readonly stride: number;
  /** The first of a stage has weights on its short cut. */
  readonly isFirst: boolean;
}

function bottleneck(net: Net, input: Maps, { width, stride, isFirst }: Bottleneck): Maps {
  const channels = 4 * width;
  const narrow = net.convolve(input, { channels: width, activation: 'Relu' });
  const inner = net.convolve(narrow, { channels: width, kernel: 3, stride, activation: 'Relu' });
  const wide = net.convolve(inner, { channels });
  const shortCut = isFirst ? net.convolve(input, { channels, stride }) : input;
  return { name: net.apply('Relu', [net.add(wide, shortCut).name]), channels };
}

/** 0.6 GFLOP a row, 3.5 million weights, 14 MB. */
export function mobileNetV2(): Uint8Array {
  const net = new Net();
  const image = { name: 'image', channels: 3 };
  let maps = net.convolve(image, { channels: 32, kernel: 3, stride: 2, activation: 'Clip' });
  const stages = [
    { blocks: 1, channels: 16, stride: 1, expansion: 1 },
    { blocks: 2, channels: 24, stride: 2, expansion: 6 },
    { blocks: 3, channels: 32, stride: 2, expansion: 6 },
    { blocks: 4, channels: 64, stride: 2, expansion: 6 },
    { blocks: 3, channels: 96, stride: 1, expansion: 6 },
    { blocks: 3, channels: 160, stride: 2, expansion: 6 },
    { blocks: 1, channels: 320, stride: 1, expansion: 6 },
  ];
  for (const { blocks, channels, stride, expansion } of stages)
    for (let block = 0; block < blocks; block++)
      maps = invertedResidual(net, maps, { channels, stride: block === 0 ? stride : 1, expansion });
  return net.classify(net.convolve(maps, { channels: 1280, activation: 'Clip' }));
}

interface InvertedResidual {
  readonly channels: number;
  readonly stride: number;
  /** Inner channels for each outer one. */
  readonly expansion: number;
}

function invertedResidual(net: Net, input: Maps, { channels, stride, expansion }: InvertedResidual): Maps {
  const inner = input.channels * expansion;
  const wide = expansion === 1 ? input : net.convolve(input, { channels: inner, activation: 'Clip' });
  const depthwise = { channels: inner, kernel: 3, stride, groups: inner, activation: 'Clip' } as const;
  const narrow = net.convolve(net.convolve(wide, depthwise), { channels });
  return stride === 1 && channels === input.channels ? net.add(narrow, input) : narrow;
}
