/** What a person has set; the defaults hold until the settings are loaded, and where there are none. */

import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import { Signal, type ISignal } from '@lumino/signaling';

export class Settings {
  refreshSeconds = 2;
  notifySeconds = 60;
  inputs = '';
  statusBar = true;

  get changed(): ISignal<this, void> {
    return this.#changed;
  }

  /** Follow the settings of a plugin. */
  async follow(registry: ISettingRegistry, plugin: string): Promise<void> {
    const loaded = await registry.load(plugin);
    const read = (): void => {
      const { refreshSeconds, notifySeconds, inputs, statusBar } = loaded.composite;
      this.refreshSeconds = typeof refreshSeconds === 'number' ? refreshSeconds : 2;
      this.notifySeconds = typeof notifySeconds === 'number' ? notifySeconds : 60;
      this.inputs = typeof inputs === 'string' ? inputs : '';
      this.statusBar = statusBar !== false;
      this.#changed.emit();
    };
    loaded.changed.connect(read);
    read();
  }

  readonly #changed = new Signal<this, void>(this);
}
