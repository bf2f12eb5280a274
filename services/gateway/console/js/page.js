// The head that every page has.

import { h } from './dom.js';

// A heading that takes the focus when the page is opened.
export function head(title, lead, ...end) {
  return h('div', { class: 'page-head' },
      h('div', null, h('h1', { tabindex: -1 }, title), lead ? h('p', null, lead) : null), end);
}
