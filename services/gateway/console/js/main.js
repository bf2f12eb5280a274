// Boot, sign-in, frame and routes. A route is the part of the address behind
// '#', so that the server needs to know only one page.

import { api, ApiError, signedIn, signIn, signOut } from './api.js';
import { h, put } from './dom.js';
import { icon } from './icons.js';
import { applySettings, setLanguage, settings, setTheme } from './settings.js';
import { failure, segments } from './ui.js';
import { loadWords, t } from './words.js';
import { overviewPage } from './pages/overview.js';
import { membersPage } from './pages/members.js';
import { recommendPage } from './pages/recommend.js';
import { capitalPage } from './pages/capital.js';
import { refreshPage } from './pages/refresh.js';
import { apiPage } from './pages/api.js';

const PAGES = {
  overview: overviewPage,
  members: membersPage,
  recommend: recommendPage,
  capital: capitalPage,
  refresh: refreshPage,
  api: apiPage,
};

const app = document.getElementById('app');
let leave = null;      // ends what the shown page still does
let subject = '';      // the member that was looked at last

// "#/recommend/umkm-1?kind=…" as page, id and parameters.
function route() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  const [page, ...rest] = path.split('/');
  let id = '';
  try {
    id = decodeURIComponent(rest.join('/'));
  } catch {
    id = rest.join('/');
  }
  return { page: PAGES[page] ? page : 'overview', id, params: new URLSearchParams(query ?? '') };
}

export function go(page, id = '', params = {}) {
  const query = new URLSearchParams(params).toString();
  location.hash = `#/${page}${id === '' ? '' : `/${encodeURIComponent(id)}`}${query === '' ? '' : `?${query}`}`;
}

function controls() {
  const languages = segments(t('language'), [
    { value: 'id', text: 'Bahasa Indonesia', content: 'ID' },
    { value: 'en', text: 'English', content: 'EN' },
  ], settings.language, (value) => { setLanguage(value); draw(); });
  const themes = segments(t('theme'), [
    { value: 'auto', text: t('theme_auto'), content: icon('auto') },
    { value: 'light', text: t('theme_light'), content: icon('sun') },
    { value: 'dark', text: t('theme_dark'), content: icon('moon') },
  ], settings.theme, (value) => { setTheme(value); draw(); });
  languages.id = 'languages';
  themes.id = 'themes';
  return h('div', { class: 'controls' }, languages, themes);
}

function brand(sub) {
  return h('a', { class: 'brand', href: '#/overview' }, h('img', { src: 'favicon.svg', alt: '' }),
      h('span', null, 'Mitra', sub ? h('small', null, sub) : null));
}

function gate(message) {
  leave?.();
  leave = null;
  document.title = `${t('sign_in_title')} · Mitra`;
  const input = h('input', { id: 'key', type: 'password', autocomplete: 'off', required: true, spellcheck: 'false' });
  const said = h('div', { 'aria-live': 'polite' }, message ?? null);
  const button = h('button', { class: 'button primary', type: 'submit' }, t('sign_in'));
  const form = h('form', {
    class: 'stack',
    onsubmit: async (event) => {
      event.preventDefault();
      button.disabled = true;
      put(said, h('p', { class: 'muted' }, t('signing_in')));
      const key = input.value.trim();
      try {
        if (!/^[\x21-\x7e]+$/.test(key)) throw new ApiError(401, { error: { message: t('key') } });
        signIn(key);
        // Any answer but 401 means that the key is known.
        await api.status('profile').catch((error) => {
          if (error.httpStatus === 401 || error.httpStatus === 0) throw error;
        });
        await loadWords();
        input.value = '';
        signIn(key, (error) => {
          signOut();
          gate([h('p', { class: 'notice' }, t('key_ended')), failure(error)]);
        });
        draw();
      } catch (error) {
        signOut();
        put(said, failure(error));
        button.disabled = false;
        input.focus();
      }
    },
  }, h('div', { class: 'field' }, h('label', { for: 'key' }, t('key')), input), said, button);
  put(app, h('main', { class: 'gate' }, h('div', { class: 'gate-card' }, brand(t('tagline')),
      h('div', null, h('h1', null, t('sign_in_title')), h('p', { class: 'lead' }, t('sign_in_text'))), form, controls())));
  input.focus();
}

function frame(current) {
  const link = (page) => h('a', {
    href: `#/${page}${['recommend', 'capital'].includes(page) && subject ? `/${encodeURIComponent(subject)}` : ''}`,
    'aria-current': page === current ? 'page' : null,
    'data-page': page,
  }, icon(page), h('span', { class: 'long' }, t(`nav_${page}`)), h('span', { class: 'short' }, t(`short_${page}`)));
  return h('div', { class: 'shell' },
      h('a', { class: 'skip', href: '#main', onclick: (event) => {
        event.preventDefault();
        document.getElementById('main').focus();
      } }, t('skip')),
      h('header', { class: 'side' }, brand(t('tagline')),
          h('nav', { class: 'nav', 'aria-label': t('nav') }, Object.keys(PAGES).map(link)),
          h('div', { class: 'side-foot' }, controls(),
              h('button', { class: 'button quiet', type: 'button', id: 'sign-out', 'aria-label': t('sign_out'), onclick: () => {
                signOut();
                draw();
              } }, icon('out'), h('span', { class: 'hide-narrow' }, t('sign_out'))))),
      h('main', { class: 'main', id: 'main', tabindex: -1 }));
}

// Draws the page of the address; `moved` says that the user came from another.
function draw(moved = false) {
  const focused = document.activeElement?.id || document.activeElement?.closest?.('[id]')?.id;
  if (!signedIn()) return gate();
  leave?.();
  const { page, id, params } = route();
  if (id !== '') subject = id;
  const stop = new AbortController();
  leave = () => stop.abort();
  put(app, frame(page));
  const body = h('div', { class: 'page', 'data-page': page });
  document.getElementById('main').append(body);
  document.title = `${t(`nav_${page}`)} · Mitra`;
  PAGES[page]({ body, id, params, signal: stop.signal, go });
  if (moved) {
    window.scrollTo(0, 0);
    body.querySelector('h1')?.focus();
  } else if (focused) {
    const again = document.getElementById(focused);
    (again?.querySelector('[aria-pressed="true"]') ?? again)?.focus?.();
  }
}

applySettings();
window.addEventListener('hashchange', () => draw(true));
// Graphics are drawn for the width that there is.
matchMedia('(max-width: 47rem)').addEventListener('change', () => { if (signedIn()) draw(); });
draw();
