/** Notebooks to begin with. */

/** A notebook: text and code cells in turn, beginning with text. */
export interface Template {
  id: string;
  label: string;
  caption: string;
  cells: readonly string[];
}

const IMPORT = 'import workbench as wb';

export const TEMPLATES: readonly [Template, ...Template[]] = [
  {
    id: 'app',
    label: 'Workbench',
    caption: 'A notebook with the app: build, train, compress and inspect, with the code of every step',
    cells: [
      '# Workbench\nBuild, train, compress and inspect. *Show code* gives the cell of each step.',
      `${IMPORT}\n\nwb.Workbench()`
    ]
  },
  {
    id: 'explore',
    label: 'Look inside a model',
    caption: 'A notebook that attaches the Inspector to a torch model of your own',
    cells: [
      '# Look inside a model\nAny torch module will do; put yours in place of this one.',
      `import torch\n${IMPORT}\n\nmodel = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2))`,
      'The Inspector needs an example of what the model takes.',
      'wb.attach(model, torch.randn(4, 8))'
    ]
  },
  {
    id: 'train',
    label: 'Train and inspect',
    caption: 'A notebook that builds a network, trains it on digits and looks inside',
    cells: [
      '# Train and inspect\n`wb.zoo.table()` lists what can be built.',
      `${IMPORT}\n\nmodel = wb.build("cnn", data="digits")`,
      'The sidebar shows the run, and stops it.',
      'run = wb.fit(model, "digits", epochs=5)',
      'What the network looks at:',
      'wb.attach(model, "digits")'
    ]
  },
  {
    id: 'compress',
    label: 'Compress a model',
    caption: 'A notebook that trains a network and makes it smaller, with the evidence',
    cells: [
      '# Compress a model',
      `${IMPORT}\n\nmodel = wb.build("cnn", data="digits")\nrun = wb.fit(model, "digits", epochs=5)`,
      'Half of the channels go; the report says what that cost.',
      'from workbench.compression import Prune\n\nsmall = wb.compress(model, [Prune(0.5)], data="digits")\nsmall'
    ]
  }
];

/** A template as the content of a notebook. */
export function notebook(template: Template): object {
  const cells = template.cells.map((source, index) => {
    const common = { id: `${template.id}-${index}`, metadata: {}, source };
    return index % 2 === 0
      ? { cell_type: 'markdown', ...common }
      : { cell_type: 'code', execution_count: null, outputs: [], ...common };
  });
  const kernelspec = { display_name: 'Python 3 (ipykernel)', language: 'python', name: 'python3' };
  return { cells, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 };
}
