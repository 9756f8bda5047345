/** What a kernel answers, checked: a kernel runs foreign code, and may hold another version of the workbench. */

/** A live model. */
export interface Model {
  name: string;
  also: string[];
  /** whether the kernel says that the name may be written into a cell */
  code: boolean;
  kind: string;
  parameters: number | null;
  device: string;
  training: boolean;
  runs: string[];
  data: string;
}

/** A run of the kernel's process. */
export interface Run {
  id: string;
  kind: string;
  status: string;
  running: boolean;
  step: number;
  total: number;
  eta: number | null;
  losses: number[];
}

/** The models and runs of a kernel. */
export interface Listing {
  torch: boolean;
  models: Model[];
  runs: Run[];
  more: number;
}

/** A row of a layer table: name, class, shape, type and numbers. */
export interface Layer {
  name: string;
  kind: string;
  shape: number[];
  type: string;
  numbers: number | null;
}

/** A sentence for the person instead of an answer. */
export class Refusal extends Error {}

type Raw = Record<string, unknown>;

/** The listing in a kernel's answer. Throws a Refusal with a sentence where there is none. */
export function listing(answer: unknown): Listing {
  const raw = record(answer);
  return {
    torch: raw.torch === true,
    models: list(raw.models).map(model),
    runs: list(raw.runs).map(run),
    more: number(raw.more) ?? 0
  };
}

/** The layer table in a kernel's answer, and how many rows it leaves out. */
export function layers(answer: unknown): { rows: Layer[]; more: number } {
  const raw = record(answer);
  const rows = list(raw.rows).map(row => {
    const [name, kind, shape, type, numbers] = list(row);
    return {
      name: text(name),
      kind: text(kind),
      shape: list(shape).map(size => number(size) ?? 0),
      type: text(type),
      numbers: number(numbers)
    };
  });
  return { rows, more: number(raw.more) ?? 0 };
}

function model(value: unknown): Model {
  const raw = value as Raw;
  return {
    name: text(raw.name),
    also: list(raw.also).map(text),
    code: raw.code === true,
    kind: text(raw.kind),
    parameters: number(raw.parameters),
    device: text(raw.device),
    training: raw.training === true,
    runs: list(raw.runs).map(text),
    data: text(raw.data)
  };
}

function run(value: unknown): Run {
  const raw = value as Raw;
  return {
    id: text(raw.id),
    kind: text(raw.kind),
    status: text(raw.status),
    running: raw.running === true,
    step: number(raw.step) ?? 0,
    total: number(raw.total) ?? 0,
    eta: number(raw.eta),
    losses: list(raw.losses).flatMap(loss => number(loss) ?? [])
  };
}

function record(value: unknown): Raw {
  if (typeof value !== 'object' || value === null) {
    throw new Refusal('The kernel gave no answer that can be read.');
  }
  const raw = value as Raw;
  if (typeof raw.error === 'string') {
    throw new Refusal(raw.error);
  }
  return raw;
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
