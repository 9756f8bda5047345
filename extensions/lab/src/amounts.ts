/** Numbers and times as people read them. */

const STEPS: readonly [number, string][] = [
  [1e12, 'T'],
  [1e9, 'B'],
  [1e6, 'M'],
  [1e3, 'k']
];

/** 23 800 000 as "23.8 M". */
export function amount(value: number): string {
  for (const [size, letter] of STEPS) {
    if (value >= size * 0.9995) {
      return `${(value / size).toPrecision(3)} ${letter}`;
    }
  }
  return String(value);
}

/** 95 367 432 as "91.0 MiB". */
export function bytes(value: number): string {
  const letters = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let at = 0;
  while (value >= 1023.5 && at < letters.length - 1) {
    value /= 1024;
    at += 1;
  }
  return at === 0 ? `${value} B` : `${value.toFixed(1)} ${letters[at]}`;
}

/** 4000 seconds as "1 h 07 min". */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) {
    return `${whole} s`;
  }
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes} min ${pad(whole % 60)} s`
    : `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}

/** A shape as "2 × 12 × 384", and "scalar" without dimensions. */
export function shape(sizes: readonly number[]): string {
  return sizes.length === 0 ? 'scalar' : sizes.join(' × ');
}
