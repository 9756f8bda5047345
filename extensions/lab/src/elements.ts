/** Elements of a page. Every string becomes text, never markup. */

/** An element with a class and text. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  style: string,
  text = ''
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.className = style;
  made.textContent = text;
  return made;
}

/** A button; `label` says what it does to those who do not see where it stands. */
export function button(text: string, label: string, act: () => unknown): HTMLButtonElement {
  const made = element('button', 'wb-button', text);
  made.type = 'button';
  made.title = label;
  made.setAttribute('aria-label', label);
  made.addEventListener('click', () => void act());
  return made;
}

/** Set an element's text where it differs, so that nothing is announced or laid out for nothing. */
export function setText(node: Element, text: string): void {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

const SVG = 'http://www.w3.org/2000/svg';

/** An empty curve of this size in pixels, and the function that draws its points. */
export function curve(width: number, height: number): { node: SVGElement; draw: (points: string) => void } {
  const node = document.createElementNS(SVG, 'svg');
  node.setAttribute('viewBox', `-1 -1 ${width + 2} ${height + 2}`);
  node.setAttribute('preserveAspectRatio', 'none');
  node.setAttribute('aria-hidden', 'true');
  node.classList.add('wb-curve');
  const line = document.createElementNS(SVG, 'polyline');
  node.append(line);
  return { node, draw: points => line.setAttribute('points', points) };
}
