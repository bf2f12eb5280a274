// The six sides of social capital as a radar of percentiles.

import { narrow, svg } from '../dom.js';
import { cap, percent, word } from '../words.js';

// `scores`: [{dimension, percentile}], drawn clockwise from the top.
export function radar(label, scores) {
  const d3 = globalThis.d3;
  const [WIDTH, HEIGHT, RADIUS] = narrow() ? [384, 320, 92] : [480, 420, 140];
  const angle = (i) => (i / scores.length) * 2 * Math.PI;
  const at = (i, r) => [Math.sin(angle(i)) * r * RADIUS, -Math.cos(angle(i)) * r * RADIUS];
  const ring = (r) => `${d3.line()(scores.map((_, i) => at(i, r)))}Z`;
  const shape = d3.lineRadial().angle((_, i) => angle(i)).radius((s) => Number(s.percentile ?? 0) * RADIUS)
      .curve(d3.curveLinearClosed)(scores);
  const words = scores.map((score, i) => {
    const [x, y] = at(i, 1.14);
    const anchor = Math.abs(x) < 20 ? 'middle' : x > 0 ? 'start' : 'end';
    return svg('text', { x, y: y + 4, 'text-anchor': anchor },
        svg('tspan', { x, dy: y < -RADIUS ? -8 : 0, 'font-weight': 600 }, cap(word('CapitalDimension', score.dimension))),
        svg('tspan', { x, dy: 16, fill: 'var(--ink-2)' }, percent(score.percentile)));
  });
  return svg('svg', { class: 'graphic', viewBox: `${-WIDTH / 2} ${-HEIGHT / 2} ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': label },
      [0.25, 0.75, 1].map((r) => svg('path', { class: 'grid-line', d: ring(r) })),
      svg('path', { class: 'radar-half', d: ring(0.5) }),
      scores.map((_, i) => svg('line', { class: 'grid-line', x1: 0, y1: 0, x2: at(i, 1)[0], y2: at(i, 1)[1] })),
      svg('path', { class: 'radar-area', d: shape }),
      scores.map((s, i) => {
        const [x, y] = at(i, Number(s.percentile ?? 0));
        return svg('circle', { class: 'radar-dot', cx: x, cy: y, r: 5 });
      }), words);
}
