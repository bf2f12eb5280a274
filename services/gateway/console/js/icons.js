// Line icons on a grid of 24.

import { svg } from './dom.js';

const PATHS = {
  overview: 'M4 19V9m5.3 10V5m5.4 14v-7M20 19V8',
  members: 'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7Zm-6 9c.4-3.6 2.8-5.5 6-5.5s5.6 1.9 6 5.5M16 4.4a3.5 3.5 0 0 1 0 6.2M17.5 15c2.1.7 3.3 2.4 3.5 5',
  recommend: 'M8 7.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9Zm8 0a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9Z',
  capital: 'M12 3l8 5.5-3 9.5H7L4 8.5 12 3Zm0 5 3.5 2.5-1.3 4.5H9.8L8.5 10.5 12 8Z',
  refresh: 'M20 11a8 8 0 0 0-14.3-4L4 9m0-5v5h5M4 13a8 8 0 0 0 14.3 4L20 15m0 5v-5h-5',
  api: 'M8 7l-5 5 5 5m8-10 5 5-5 5M13.5 4l-3 16',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  both: 'M4 9h14l-3.5-3.5M20 15H6l3.5 3.5',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Zm0-5v2m0 14v2M3 12h2m14 0h2M5.6 5.6 7 7m10 10 1.4 1.4M5.6 18.4 7 17M17 7l1.4-1.4',
  moon: 'M20 14.5A8 8 0 0 1 9.5 4a8 8 0 1 0 10.5 10.5Z',
  auto: 'M12 4a8 8 0 1 0 0 16V4Zm0 0a8 8 0 0 1 0 16',
  out: 'M14 4H6a1 1 0 0 0-1 1v14a1 1 0 0 0 1 1h8m2-12 4 4-4 4m4-4H10',
  arrow: 'M5 12h14m-5-5 5 5-5 5',
};

export function icon(name) {
  return svg('svg', { viewBox: '0 0 24 24', fill: 'none', stroke: 'currentColor', 'stroke-width': 1.8,
    'stroke-linecap': 'round', 'stroke-linejoin': 'round', 'aria-hidden': 'true' },
  svg('path', { d: PATHS[name] }));
}
