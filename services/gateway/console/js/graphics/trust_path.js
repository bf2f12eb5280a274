// A trust path, with the trust of each hop on its line: from left to right, on
// a phone from top to bottom.

import { narrow, svg } from '../dom.js';
import { initials } from '../ui.js';
import { number } from '../words.js';

function short(text, length) {
  const letters = [...(text ?? '')];
  return letters.length > length ? `${letters.slice(0, length - 1).join('')}…` : letters.join('');
}

function node(stop, first, x, y, name) {
  return svg('g', { class: first ? 'node centre' : 'node', transform: `translate(${x},${y})` },
      svg('circle', { r: 22 }), svg('text', { class: 'initials', 'font-size': 13 }, initials(stop.name)), name);
}

function edge(stop, known, line) {
  return svg('line', { class: known ? 'path-edge' : 'path-none', ...line,
    'stroke-width': known ? 1.5 + 4 * Number(stop.trust ?? 0) : 2 });
}

function across(stops, known) {
  const step = 200;
  const x = (i) => 84 + i * step;
  return { width: step * (stops.length - 1) + 168, height: 100, parts: [
    stops.slice(1).map((stop, i) => {
      const middle = (x(i) + x(i + 1)) / 2;
      return [edge(stop, known, { x1: x(i) + 26, x2: x(i + 1) - 26, y1: 44, y2: 44 }),
        known ? svg('text', { x: middle, y: 33, 'text-anchor': 'middle', 'font-weight': 650 }, number(stop.trust, 2)) : null,
        known && stop.why ? svg('text', { class: 'soft', x: middle, y: 60, 'text-anchor': 'middle', 'font-size': 11 }, short(stop.why, 25)) : null];
    }),
    stops.map((stop, i) => node(stop, i === 0, x(i), 44,
        svg('text', { y: 42, 'text-anchor': 'middle', 'font-weight': 550 }, short(stop.name, 24)))),
  ] };
}

function down(stops, known) {
  const step = 92;
  const y = (i) => 28 + i * step;
  return { width: 320, height: step * (stops.length - 1) + 56, parts: [
    stops.slice(1).map((stop, i) => {
      const middle = (y(i) + y(i + 1)) / 2;
      return [edge(stop, known, { x1: 28, x2: 28, y1: y(i) + 25, y2: y(i + 1) - 25 }),
        known ? svg('text', { x: 44, y: middle + 4 }, svg('tspan', { 'font-weight': 650 }, number(stop.trust, 2)),
            svg('tspan', { dx: 8, fill: 'var(--ink-2)' }, short(stop.why, 34))) : null];
    }),
    stops.map((stop, i) => node(stop, i === 0, 28, y(i),
        svg('text', { x: 34, y: 5, 'font-weight': 550, 'font-size': 13 }, short(stop.name, 34)))),
  ] };
}

// `stops`: [{name, trust, why}] from the subject to the candidate; the first
// has no trust. `known` is false if no path links the two.
export function trustPathGraph(label, stops, known) {
  const { width, height, parts } = narrow() ? down(stops, known) : across(stops, known);
  return svg('svg', { class: 'graphic', viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label,
    vars: { 'max-width': `${width * 1.1}px` } }, parts);
}
