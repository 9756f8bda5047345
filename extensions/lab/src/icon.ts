import { LabIcon } from '@jupyterlab/ui-components';

/** Two inputs, one output. */
export const icon = new LabIcon({
  name: 'workbench:icon',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16"><g class="jp-icon3 jp-icon-selectable" fill="#616161">' +
    '<circle cx="5" cy="6" r="3"/><circle cx="5" cy="18" r="3"/><circle cx="19" cy="12" r="3"/>' +
    '<path d="M7 7l10 4v2L7 8zM7 17l10-4v-2L7 16z"/></g></svg>'
});
