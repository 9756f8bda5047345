/**
 * Questions to the kernel side of the workbench.
 *
 * Each is a comm of its own, opened in a subshell of its own beside a busy cell where the kernel has subshells: it does
 * not queue behind the cell, executes nothing, and leaves nothing behind, neither a thread nor a comm.
 */

import { PageConfig } from '@jupyterlab/coreutils';
import { KernelMessage, type Kernel } from '@jupyterlab/services';
import { UUID, type JSONObject } from '@lumino/coreutils';
import { Refusal } from './listing.ts';

type Connection = Kernel.IKernelConnection;

const TARGET = 'neural-workbench.models';

/** An expression: it binds no name, and no variable of the person can change what it means to `globals`. */
const OPEN = "__import__('workbench.app.desk', fromlist=['x']).opened((lambda: 0).__globals__)";

/** Milliseconds that an idle kernel is given to answer. */
const PATIENCE = 200;

/** Milliseconds that a kernel is given to make a subshell; then its main shell is asked. */
const MAKING = 2000;

/** Kernels that serve, until they restart. */
const serving = new Set<string>();

/** Ask anew for the target once this kernel has a new process. */
export function forget(id: string): void {
  serving.delete(id);
}

/**
 * Let questions not count as the kernel being busy. Without this a question asked beside a busy cell would end with
 * an "idle" that JupyterLab takes for the cell's.
 */
export function askUnnoticed(): void {
  const option = 'untracked_message_types';
  const known = JSON.parse(PageConfig.getOption(option) || '[]') as string[];
  const own = ['comm_open', 'create_subshell_request', 'delete_subshell_request'];
  PageConfig.setOption(option, JSON.stringify([...new Set([...known, ...own])]));
}

/** Ask; rejects with a Refusal that holds a sentence, or with any error when the kernel is gone. */
export async function ask(kernel: Connection, wish: JSONObject): Promise<unknown> {
  const { language_info: language } = await kernel.info;
  if (language.name !== 'python') {
    throw new Refusal(`This kernel runs ${language.name}; models are listed for Python.`);
  }
  const quick = await askIdle(kernel, wish);
  if (quick !== undefined) {
    return quick;
  }
  const subshell = await createSubshell(kernel);
  try {
    const answer = serving.has(kernel.id) ? await converse(kernel, subshell, wish) : undefined;
    if (answer !== undefined) {
      return answer;
    }
    const listing = await open(kernel, subshell);
    serving.add(kernel.id);
    return wish.want === 'models' ? listing : await converse(kernel, subshell, wish);
  } finally {
    if (subshell !== null && !kernel.isDisposed) {
      kernel.requestDeleteSubshell({ subshell_id: subshell }).done.catch(() => undefined);
    }
  }
}

/**
 * An idle kernel answers on its main shell in half the time. Where it does not answer soon, because a cell was sent in
 * the same moment, it is asked again beside that cell; to be asked twice harms nobody.
 */
async function askIdle(kernel: Connection, wish: JSONObject): Promise<unknown> {
  if (!serving.has(kernel.id) || kernel.status !== 'idle') {
    return undefined;
  }
  const answer = converse(kernel, null, wish);
  if (!kernel.supportsSubshells) {
    return answer;
  }
  answer.catch(() => undefined);
  return Promise.race([answer, silence(PATIENCE)]);
}

function silence(milliseconds: number): Promise<undefined> {
  return new Promise(done => window.setTimeout(() => done(undefined), milliseconds));
}

async function createSubshell(kernel: Connection): Promise<string | null> {
  if (!kernel.supportsSubshells) {
    return null;
  }
  // A kernel that has just started may fail to make one, and then sends no reply at all.
  const made = kernel.requestCreateSubshell({}).done.then(reply => reply.content.subshell_id ?? null);
  const id = await Promise.race([made, silence(MAKING)]);
  if (id === undefined) {
    const remove = (late: string | null): unknown => late && kernel.requestDeleteSubshell({ subshell_id: late });
    made.then(remove).catch(() => undefined);
  }
  return id ?? null;
}

/** One question over a comm; undefined where the kernel does not serve. */
async function converse(kernel: Connection, subshell: string | null, wish: JSONObject): Promise<unknown> {
  const message = KernelMessage.createMessage<KernelMessage.ICommOpenMsg<'shell'>>({
    msgType: 'comm_open',
    channel: 'shell',
    username: kernel.username,
    session: kernel.clientId,
    subshellId: subshell,
    content: { comm_id: UUID.uuid4(), target_name: TARGET, data: wish }
  });
  let answer: unknown;
  const future = kernel.sendShellMessage(message, false, true);
  future.onIOPub = reply => {
    // What a thread of the person's sends meanwhile may be taken by the kernel for part of the answer.
    if (KernelMessage.isCommMsgMsg(reply) && reply.content.comm_id === message.content.comm_id) {
      answer = reply.content.data;
    }
  };
  await future.done;
  return answer;
}

/**
 * Make the kernel serve. This is the one thing that is executed without a click; it is silent. `allow_stdin` because
 * a request without it would take `input()` away from a cell that is running.
 */
async function open(kernel: Connection, subshell: string | null): Promise<unknown> {
  const message = KernelMessage.createMessage<KernelMessage.IExecuteRequestMsg>({
    msgType: 'execute_request',
    channel: 'shell',
    username: kernel.username,
    session: kernel.clientId,
    subshellId: subshell,
    content: {
      code: '',
      silent: true,
      store_history: false,
      allow_stdin: true,
      stop_on_error: false,
      user_expressions: { wb: OPEN }
    }
  });
  const reply = await uncounted(
    kernel,
    message.header.msg_id,
    async () => (await kernel.sendShellMessage(message, true).done) as KernelMessage.IExecuteReplyMsg
  );
  const said = reply.content.status === 'ok' ? reply.content.user_expressions?.wb : undefined;
  const result = (said ?? {}) as { status?: string; ename?: string; data?: JSONObject };
  if (result.status !== 'ok') {
    throw new Refusal(
      result.ename === 'ModuleNotFoundError'
        ? 'The workbench is not installed in this kernel: pip install neural-workbench.'
        : `The workbench does not answer in this kernel (${result.ename ?? reply.content.status}).`
    );
  }
  return result.data?.['application/json'];
}

/** As `askUnnoticed`, for one message: its status counts as that of a question, not as that of a cell. */
async function uncounted<T>(kernel: Connection, id: string, act: () => Promise<T>): Promise<T> {
  const relabel = (_: Connection, { msg, direction }: Kernel.IAnyMessageArgs): void => {
    const parent = msg.parent_header;
    if (direction === 'recv' && msg.header.msg_type === 'status' && 'msg_id' in parent && parent.msg_id === id) {
      parent.msg_type = 'comm_open';
    }
  };
  kernel.anyMessage.connect(relabel);
  try {
    return await act();
  } finally {
    kernel.anyMessage.disconnect(relabel);
  }
}
