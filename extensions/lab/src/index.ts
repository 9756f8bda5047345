/** The plugins. None is required: every panel works without them. */

import { ILayoutRestorer, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { announce } from './announce.ts';
import { addCommands, makeActions } from './commands.ts';
import { icon } from './icon.ts';
import { askUnnoticed } from './kernel.ts';
import { addTemplates } from './launcher.ts';
import { Settings } from './settings.ts';
import { Sidebar } from './sidebar.ts';
import { addStatus } from './status.ts';
import { guardWidgets } from './trust.ts';
import { addViewer } from './viewer.ts';
import { Watches } from './watches.ts';

const ID = 'neural-workbench:plugin';

const models: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'Lists the live torch models of the active kernel.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ILayoutRestorer, ICommandPalette, ISettingRegistry, IStatusBar],
  activate: (
    app,
    tracker: INotebookTracker,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    registry: ISettingRegistry | null,
    bar: IStatusBar | null
  ) => {
    askUnnoticed();
    const settings = new Settings();
    registry && void settings.follow(registry, ID).catch(console.warn);
    const watches = new Watches(tracker, settings);
    const actions = makeActions(app, watches, settings);
    const sidebar = new Sidebar(watches, actions);
    sidebar.id = 'neural-workbench-models';
    sidebar.title.icon = icon;
    sidebar.title.caption = 'Models';
    app.shell.add(sidebar, 'left', { rank: 700, type: 'Models' });
    restorer?.add(sidebar, sidebar.id);
    const show = (): void => app.shell.activateById(sidebar.id);
    addCommands(app, watches, actions, show, palette);
    bar && addStatus(bar, watches, settings, show);
    announce(watches, settings);
  }
};

const templates: JupyterFrontEndPlugin<void> = {
  id: 'neural-workbench:templates',
  description: 'Opens notebooks from templates.',
  autoStart: true,
  optional: [ILauncher, IDefaultFileBrowser, ICommandPalette],
  activate: (
    app,
    launcher: ILauncher | null,
    browser: IDefaultFileBrowser | null,
    palette: ICommandPalette | null
  ) => addTemplates(app, launcher, browser, palette)
};

const viewer: JupyterFrontEndPlugin<void> = {
  id: 'neural-workbench:safetensors',
  description: 'Shows the layer table of a .safetensors file.',
  autoStart: true,
  optional: [ILayoutRestorer],
  activate: (app, restorer: ILayoutRestorer | null) => addViewer(app, restorer)
};

const trust: JupyterFrontEndPlugin<void> = {
  id: 'neural-workbench:trust',
  description: 'Does not start the saved widgets of notebooks that are not trusted.',
  autoStart: true,
  requires: [INotebookTracker],
  activate: (_, tracker: INotebookTracker) => guardWidgets(tracker)
};

export default [models, templates, viewer, trust];
