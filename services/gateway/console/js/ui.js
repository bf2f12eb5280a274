// Pieces that the pages are put together from.

import { api, ApiError } from './api.js';
import { h, put } from './dom.js';
import { cap, percent, place, t, word } from './words.js';

export function roleTone(role) {
  const name = (role ?? '').replace('ROLE_', '').toLowerCase();
  return name === '' || name === 'unspecified' ? {} : { '--role': `var(--role-${name})` };
}

// One or two letters that stand for a name.
export function initials(name) {
  const words = (name ?? '').trim().split(/\s+/).filter(Boolean);
  const first = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return first.map((w) => [...w][0]).join('').toLocaleUpperCase() || '·';
}

export function avatar(name, role, large = false) {
  return h('span', { class: large ? 'avatar large' : 'avatar', vars: roleTone(role), 'aria-hidden': 'true' }, initials(name));
}

export function chip(text, tone = '') {
  return h('span', { class: `chip ${tone}` }, text);
}

export function card(title, ...children) {
  return h('section', { class: 'card' }, title ? h('header', null, h('h2', null, title)) : null, children);
}

// A measure between 0 and 1.
export function meter(label, share, tone) {
  const part = Math.max(0, Math.min(1, Number(share ?? 0)));
  return h('div', { class: 'meter' },
      h('span', null, label, ' ', h('b', null, percent(part))),
      h('div', { class: 'bar', vars: { '--part': `${part * 100}%`, '--tone': `var(--${tone ?? 'accent'})` } }, h('i')));
}

// `rows` of cells; a cell is text, a node, or {number}.
export function table(caption, headings, rows) {
  const cell = (value, i) => {
    if (value !== null && typeof value === 'object' && 'number' in value) return h('td', { class: 'number' }, value.number);
    return i === 0 ? h('th', { scope: 'row' }, value) : h('td', null, value);
  };
  return h('div', { class: 'table-wrap', tabindex: 0, role: 'group', 'aria-label': caption },
      h('table', null, h('caption', { class: 'visually-hidden' }, caption),
          h('thead', null, h('tr', null, headings.map((heading, i) =>
            h('th', { scope: 'col', class: rows[0]?.[i]?.number !== undefined ? 'number' : null }, heading)))),
          h('tbody', null, rows.map((row) => h('tr', null, row.map(cell))))));
}

// The same facts as a graphic, for those who cannot see or do not want it.
export function twin(caption, headings, rows) {
  return h('details', { class: 'twin' }, h('summary', null, t('as_table')), table(caption, headings, rows));
}

export function loading() {
  return h('div', { class: 'loading', role: 'status', 'aria-label': t('loading') }, h('i'), h('i'), h('i'));
}

export function failure(error, retry) {
  const lines = [h('strong', null, `${t('error_title')}: `), error.message];
  if (error instanceof ApiError) {
    if (error.reason) lines.push(' ', h('code', null, `(${error.reason})`));
    for (const field of error.fields) lines.push(h('div', null, `${field.field}: ${field.description}`));
    if (error.retrySeconds > 0) lines.push(h('div', { class: 'small' }, t('retry_in', { n: error.retrySeconds })));
    if (error.requestId) lines.push(h('div', { class: 'small' }, t('error_request', { id: error.requestId })));
  }
  return h('div', { class: 'notice error', role: 'alert' }, lines,
      retry ? h('div', null, h('button', { class: 'button', type: 'button', onclick: retry }, t('retry'))) : null);
}

// Fills `box` with what `make` gives; shows that it is coming, or why it is not.
// An answer that is late for a page that was left is dropped.
export async function load(box, make, signal) {
  put(box, loading());
  try {
    const content = await make();
    if (!signal?.aborted) put(box, content);
  } catch (error) {
    if (signal?.aborted || error.name === 'AbortError') return;
    if (!(error instanceof ApiError)) console.error(error);
    put(box, failure(error, () => load(box, make, signal)));
  }
}

export function segments(label, options, chosen, choose) {
  return h('div', { class: 'segments', role: 'group', 'aria-label': label },
      options.map(({ value, text, content }) => h('button', {
        type: 'button', 'aria-pressed': String(value === chosen), title: text,
        // What is seen is a part of what is heard.
        'aria-label': typeof content === 'string' ? `${content} – ${text}` : text,
        onclick: () => choose(value),
      }, content ?? text)));
}

// A range with its value beside the label; `change(value, ended)` hears every
// move and, with ended, the last one.
export function slider(label, { min, max, step, value, show, change, id }) {
  const output = h('output', { for: id }, show(value));
  const input = h('input', { type: 'range', id, min, max, step, value: String(value),
    oninput: () => { output.value = show(Number(input.value)); change(Number(input.value), false); },
    onchange: () => change(Number(input.value), true) });
  return h('label', { class: 'slider', for: id }, h('span', null, label, output), input);
}

export function person(link, { id, name, role, detail, end }) {
  return h(link ? 'a' : 'div', { class: 'person', href: link }, avatar(name, role),
      h('span', null, h('strong', { dir: 'auto' }, name || id), h('span', { class: 'muted small' }, detail ?? id)), end ?? h('span'));
}

export function hitLine(hit) {
  return [cap(word('Role', hit.role)), place(hit.regionCode), hit.profileId].filter(Boolean).join(' · ');
}

let pickerNumber = 0;

// A field that finds a member while one types; an id is taken as it is.
// Arrow keys walk the list, Enter takes, Escape closes.
export function memberPicker(label, { value = '', choose }) {
  const number = ++pickerNumber;
  const list = h('ul', { role: 'listbox', id: `picker-${number}`, 'aria-label': label, hidden: true });
  let hits = [];
  let at = -1;
  let asked = null;
  const show = (open) => {
    list.hidden = !open;
    input.setAttribute('aria-expanded', String(open));
  };
  const take = (id) => {
    show(false);
    input.value = id;
    choose(id);
  };
  const mark = () => {
    [...list.children].forEach((li, i) => li.setAttribute('aria-selected', String(i === at)));
    if (at >= 0) {
      input.setAttribute('aria-activedescendant', list.children[at].id);
      list.children[at].scrollIntoView({ block: 'nearest' });
    } else {
      input.removeAttribute('aria-activedescendant');
    }
  };
  const find = async () => {
    const text = input.value.trim();
    asked?.abort();
    if (text.length < 2) return show(false);
    asked = new AbortController();
    try {
      const answer = await api.search(text, { query: { pageSize: 8 }, signal: asked.signal });
      hits = answer.hits ?? [];
    } catch (error) {
      if (error.name === 'AbortError') return;
      hits = [];
    }
    at = -1;
    put(list, hits.map((hit, i) => h('li', {
      role: 'option', id: `picker-${number}-${i}`, 'aria-selected': 'false',
      onmousedown: (event) => { event.preventDefault(); take(hit.profileId); },
    }, h('strong', { dir: 'auto' }, hit.displayName || hit.profileId), h('div', { class: 'muted small' }, hitLine(hit)))));
    show(hits.length > 0 && document.activeElement === input);
  };
  let timer = 0;
  const input = h('input', {
    type: 'text', role: 'combobox', 'aria-autocomplete': 'list', 'aria-expanded': 'false',
    'aria-controls': list.id, autocomplete: 'off', spellcheck: 'false', value, id: `pick-${number}`,
    placeholder: t('choose_member_hint'),
    oninput: () => { clearTimeout(timer); timer = setTimeout(find, 180); },
    onblur: () => show(false),
    onkeydown: (event) => {
      if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
        if (list.hidden || hits.length === 0) return;
        event.preventDefault();
        at = (at + (event.key === 'ArrowDown' ? 1 : hits.length - (at < 0 ? 0 : 1))) % hits.length;
        mark();
      } else if (event.key === 'Escape') {
        show(false);
      } else if (event.key === 'Enter') {
        event.preventDefault();
        const text = input.value.trim();
        if (at >= 0 && !list.hidden) take(hits[at].profileId);
        else if (text !== '') take(text);
      }
    },
  });
  const box = h('div', { class: 'field picker' }, h('label', { for: input.id }, label), input, list);
  return box;
}
