// A member in the middle of its ties, the strongest on the inner ring.

import { narrow, svg } from '../dom.js';
import { initials, roleTone } from '../ui.js';

function short(text, length) {
  const letters = [...(text ?? '')];
  return letters.length > length ? `${letters.slice(0, length - 1).join('')}…` : letters.join('');
}

// Places for `count` nodes on one ring, or on two that alternate.
function places(count, rx, ry) {
  const two = count > 9;
  return Array.from({ length: count }, (_, i) => {
    const inner = two && i % 2 === 1;
    const turn = -Math.PI / 2 + ((i + 0.5) / count) * 2 * Math.PI;
    const reach = inner ? 0.57 : 1;
    return { x: Math.cos(turn) * rx * reach, y: Math.sin(turn) * ry * reach };
  });
}

// `centre` and `others`: {id, name, role}; others also {count, bad}, the
// strongest first. `link` gives the address of a member; by keyboard
// the same links are in the table beside the graphic.
export function tiesGraph(label, centre, others, link) {
  const d3 = globalThis.d3;
  const small = narrow();
  const [width, height] = small ? [400, 470] : [640, others.length > 9 ? 590 : 400];
  const letters = small ? 14 : 18;
  const ring = places(others.length, width / 2 - (small ? 52 : 66), height / 2 - 48);
  const nodes = others.map((o, i) => ({ ...o, ...ring[i], r: 15 + Math.min(5, o.count) }));
  const thick = d3.scaleSqrt().domain([1, 12]).range([1.5, 6]).clamp(true);
  const node = (n) => {
    const inner = [
      svg('circle', { r: n.r }),
      svg('text', { class: 'initials', 'font-size': n.middle ? 16 : 11.5 }, initials(n.name)),
      svg('text', { class: 'halo', y: n.r + 15, 'text-anchor': 'middle', 'font-weight': n.middle ? 650 : 450 }, short(n.name, letters)),
    ];
    return svg('g', { class: n.middle ? 'node centre' : 'node', transform: `translate(${n.x},${n.y})`, vars: roleTone(n.role),
      onclick: n.middle ? null : () => { location.hash = link(n.id); } }, inner);
  };
  return svg('svg', { class: 'graphic ties', viewBox: `${-width / 2} ${-height / 2} ${width} ${height}`, role: 'img', 'aria-label': label },
      nodes.map((n) => svg('line', { class: n.bad ? 'tie bad' : 'tie', x1: 0, y1: 0, x2: n.x, y2: n.y, 'stroke-width': thick(n.count) })),
      nodes.map(node), node({ ...centre, x: 0, y: 0, r: 29, middle: true }));
}
