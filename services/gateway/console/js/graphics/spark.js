// A small line of the last readings.

import { svg } from '../dom.js';

const WIDTH = 280;
const HEIGHT = 64;

// `values` oldest first; `tone` is the name of a colour.
export function spark(label, values, tone = 'accent') {
  const d3 = globalThis.d3;
  const top = Math.max(1e-9, d3.max(values) ?? 0);
  const x = d3.scaleLinear().domain([0, Math.max(1, values.length - 1)]).range([3, WIDTH - 5]);
  const y = d3.scaleLinear().domain([0, top * 1.15]).range([HEIGHT - 3, 4]);
  const last = values.length - 1;
  const line = d3.line().x((_, i) => x(i)).y((v) => y(v)).curve(d3.curveMonotoneX);
  const area = d3.area().x((_, i) => x(i)).y0(HEIGHT - 3).y1((v) => y(v)).curve(d3.curveMonotoneX);
  return svg('svg', { class: 'graphic', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': label,
    vars: { '--tone': `var(--${tone})` } },
  svg('line', { class: 'grid-line', x1: 0, x2: WIDTH, y1: HEIGHT - 3, y2: HEIGHT - 3 }),
  values.length > 1 ? [svg('path', { class: 'spark-area', d: area(values) }), svg('path', { class: 'spark-line', d: line(values) }),
    svg('circle', { class: 'spark-dot', cx: x(last), cy: y(values[last]), r: 3.5 })] : null);
}
