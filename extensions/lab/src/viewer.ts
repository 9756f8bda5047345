/** The layer table of a .safetensors file: its header is read from the server, its tensors are not, and no kernel. */

import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { WidgetTracker } from '@jupyterlab/apputils';
import { ABCWidgetFactory, DocumentWidget, TextModelFactory, type DocumentRegistry } from '@jupyterlab/docregistry';
import { ServerConnection, type Contents } from '@jupyterlab/services';
import { amount, bytes, shape } from './amounts.ts';
import { icon } from './icon.ts';
import { Refusal } from './listing.ts';
import { visible } from './names.ts';
import { readHeader, type Header } from './safetensors.ts';
import { TableView, type Table } from './table.ts';

const TYPE = 'safetensors';
const FACTORY = 'Layer table';

/** A document whose content is not fetched: a file of weights may be larger than the memory of the browser. */
class UnreadModelFactory extends TextModelFactory {
  override get name(): string {
    return TYPE;
  }

  override get contentType(): Contents.ContentType {
    return 'file';
  }

  override get fileFormat(): Contents.FileFormat {
    return null;
  }
}

type LayerDocument = DocumentWidget<TableView>;

class LayerFactory extends ABCWidgetFactory<LayerDocument, DocumentRegistry.ICodeModel> {
  constructor(contents: Contents.IManager, server: ServerConnection.ISettings) {
    super({ name: FACTORY, modelName: TYPE, fileTypes: [TYPE], defaultFor: [TYPE], readOnly: true });
    this.#contents = contents;
    this.#server = server;
  }

  protected override createNewWidget(context: DocumentRegistry.CodeContext): LayerDocument {
    const content = new TableView(`Layers of ${visible(context.path)}`);
    const widget = new DocumentWidget({ content, context });
    widget.title.icon = icon;
    const read = (): void => void this.#fill(content, context.path);
    void context.ready.then(() => {
      read();
      context.fileChanged.connect(read);
    });
    return widget;
  }

  async #fill(view: TableView, path: string): Promise<void> {
    try {
      view.fill(table(await this.#header(path)));
    } catch (error) {
      view.say(error instanceof Refusal ? error.message : 'The file could not be read from the server.');
    }
  }

  async #header(path: string): Promise<Header> {
    const url = await this.#contents.getDownloadUrl(path);
    return readHeader(async length => {
      const headers = { Range: `bytes=0-${length - 1}` };
      const response = await ServerConnection.makeRequest(url, { headers, cache: 'no-store' }, this.#server);
      if (!response.ok || !response.body) {
        throw new Refusal(`The server gave no content for this file (${response.status}).`);
      }
      return response.body;
    });
  }

  readonly #contents: Contents.IManager;
  readonly #server: ServerConnection.ISettings;
}

/** Show the layer table on a double click. */
export function addViewer(app: JupyterFrontEnd, restorer: ILayoutRestorer | null): void {
  const { contents, serverSettings } = app.serviceManager;
  const registry = app.docRegistry;
  registry.addModelFactory(new UnreadModelFactory());
  registry.addFileType({
    name: TYPE,
    displayName: 'Safetensors',
    extensions: ['.safetensors'],
    mimeTypes: ['application/octet-stream'],
    contentType: 'file',
    fileFormat: 'base64',
    icon
  });
  const factory = new LayerFactory(contents, serverSettings);
  registry.addWidgetFactory(factory);
  const tracker = new WidgetTracker<LayerDocument>({ namespace: 'workbench-layers' });
  factory.widgetCreated.connect((_, widget) => void tracker.add(widget));
  void restorer?.restore(tracker, {
    command: 'docmanager:open',
    args: widget => ({ path: widget.context.path, factory: FACTORY }),
    name: widget => widget.context.path
  });
}

function table({ tensors, metadata }: Header): Table {
  const numbers = (sizes: readonly number[]): number => sizes.reduce((product, size) => product * size, 1);
  const total = tensors.reduce((sum, tensor) => sum + numbers(tensor.shape), 0);
  const weight = tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
  const notes = metadata.map(([key, value]) => ` · ${key}: ${value}`).join('');
  return {
    summary: `${tensors.length} tensors · ${amount(total)} numbers · ${bytes(weight)}${notes.slice(0, 400)}`,
    columns: [
      { name: 'Tensor', numeric: false },
      { name: 'Shape', numeric: true },
      { name: 'Type', numeric: false },
      { name: 'Numbers', numeric: true },
      { name: 'Size', numeric: true }
    ],
    rows: tensors.map(tensor => [
      visible(tensor.name),
      shape(tensor.shape),
      tensor.type,
      numbers(tensor.shape).toLocaleString('en'),
      bytes(tensor.bytes)
    ])
  };
}
