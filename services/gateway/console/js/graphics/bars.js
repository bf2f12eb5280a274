// Bars: pairs of before and after, and the terms of a score.

import { narrow, svg } from '../dom.js';

// `rows`: [{name, hint, after, before, text, textBefore}], each row on its own scale.
export function pairBars(label, rows) {
  const width = narrow() ? 330 : 520;
  const start = 2;
  const room = width - 110;
  return svg('svg', { class: 'graphic', viewBox: `0 0 ${width} ${rows.length * 76}`, role: 'img', 'aria-label': label },
      rows.map((row, i) => {
        const top = Math.max(row.after, row.before, 1e-9);
        const y = i * 76;
        const long = (v) => Math.max(2, (v / top) * room);
        return [
          svg('text', { x: start, y: y + 14 }, svg('tspan', { 'font-weight': 600 }, row.name),
              narrow() ? null : svg('tspan', { dx: 8, fill: 'var(--ink-2)' }, row.hint)),
          svg('rect', { class: 'pair-bar after', x: start, y: y + 22, width: long(row.after), height: 17, rx: 5 }),
          svg('text', { x: start + long(row.after) + 8, y: y + 35, 'font-weight': 650 }, row.text),
          svg('rect', { class: 'pair-bar before', x: start, y: y + 43, width: long(row.before), height: 17, rx: 5 }),
          svg('text', { class: 'soft', x: start + long(row.before) + 8, y: y + 56 }, row.textBefore),
        ];
      }));
}

// Two shares of each group, one under the other. `rows`: [{name, after,
// before}], shares between 0 and 1.
export function shareBars(label, rows, format) {
  const width = narrow() ? 330 : 520;
  const start = narrow() ? 122 : 190;
  const top = Math.max(...rows.map((row) => Math.max(row.after, row.before)), 1e-9);
  const long = (v) => Math.max(1, (v / top) * (width - start - 46));
  const letters = narrow() ? 17 : 26;
  const short = (text) => ([...text].length > letters ? `${[...text].slice(0, letters - 1).join('')}…` : text);
  return svg('svg', { class: 'graphic', viewBox: `0 0 ${width} ${rows.length * 34}`, role: 'img', 'aria-label': label },
      rows.map((row, i) => {
        const y = i * 34;
        return [
          svg('text', { x: 2, y: y + 18 }, short(row.name)),
          svg('rect', { class: 'pair-bar after', x: start, y: y + 3, width: long(row.after), height: 12, rx: 4 }),
          svg('text', { x: start + long(row.after) + 6, y: y + 13, 'font-size': 11, 'font-weight': 650 }, format(row.after)),
          svg('rect', { class: 'pair-bar before', x: start, y: y + 17, width: long(row.before), height: 10, rx: 4 }),
        ];
      }));
}

// `terms`: [{name, contribution}], the largest first.
export function termBars(label, terms, format) {
  const small = narrow();
  const width = small ? 360 : 520;
  const middle = small ? 265 : 345;
  const most = Math.max(...terms.map((term) => Math.abs(term.contribution)), 1e-9);
  const long = (v) => (Math.abs(v) / most) * (small ? 48 : 105);
  return svg('svg', { class: 'graphic', viewBox: `0 0 ${width} ${terms.length * 24 + 4}`, role: 'img', 'aria-label': label },
      svg('line', { class: 'axis-line', x1: middle, x2: middle, y1: 0, y2: terms.length * 24 + 4 }),
      terms.map((term, i) => {
        const plus = term.contribution >= 0;
        const size = long(term.contribution);
        return [
          svg('text', { class: 'soft', x: 2, y: i * 24 + 17 }, term.name),
          svg('rect', { class: plus ? 'term-plus' : 'term-minus', x: plus ? middle : middle - size, y: i * 24 + 6, width: Math.max(1, size), height: 14, rx: 4 }),
          svg('text', { x: plus ? middle + size + 6 : middle - size - 6, y: i * 24 + 17, 'text-anchor': plus ? 'start' : 'end', 'font-size': 11 }, format(term.contribution)),
        ];
      }));
}
