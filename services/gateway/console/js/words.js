// Codes as words, in the chosen language.

import { openDocument } from './api.js';
import { settings } from './settings.js';
import { TEXTS } from './texts.js';

let names = {};
let regions = {};
let sectors = {};

export async function loadWords() {
  const [n, r, s] = await Promise.all([
    openDocument('data/names.json'), openDocument('data/regions.json'), openDocument('data/sectors.json')]);
  names = n;
  regions = r;
  sectors = s;
}

const column = () => (settings.language === 'en' ? 1 : 0);

// A text of the console; {name} stands for a value.
export function t(key, values = {}) {
  const pair = TEXTS[key];
  if (pair === undefined) throw new Error(`no text ${key}`);
  return pair[column()].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '');
}

// The word for an enum value: from the taxonomy, else from the console's texts,
// else the value itself.
export function word(type, value) {
  const known = names[type]?.[value] ?? TEXTS[value];
  return known ? known[column()] : String(value ?? '').toLowerCase().replaceAll('_', ' ');
}

export function enumValues(type) {
  return Object.keys(names[type] ?? {}).filter((v) => !v.endsWith('_UNSPECIFIED'));
}

export const cap = (text) => text.charAt(0).toLocaleUpperCase() + text.slice(1);

// "Laweyan, Kota Surakarta".
export function place(code, levels = 2) {
  if (!code) return '';
  const parts = code.split('.').slice(0, 3);
  const found = [];
  for (let n = parts.length; n > 0 && found.length < levels; --n) {
    const name = regions[parts.slice(0, n).join('.')];
    if (name) found.push(name);
  }
  return found.length > 0 ? found.join(', ') : code;
}

// "Industri Makanan" for "10".
export function trade(code) {
  return sectors[code] ?? code;
}

export function sector(code) {
  return sectors[code] ? `${sectors[code]} (${code})` : code;
}

const locale = () => (settings.language === 'en' ? 'en-GB' : 'id-ID');

export function number(value, digits = 0) {
  return Number(value ?? 0).toLocaleString(locale(), { maximumFractionDigits: digits, minimumFractionDigits: digits });
}
export function percent(share) {
  return Number(share ?? 0).toLocaleString(locale(), { style: 'percent', maximumFractionDigits: 0 });
}
export function bytes(value) {
  let n = Number(value ?? 0);
  for (const unit of ['B', 'KiB', 'MiB', 'GiB']) {
    if (n < 1024 || unit === 'GiB') return `${number(n, n < 10 && unit !== 'B' ? 1 : 0)} ${unit}`;
    n /= 1024;
  }
  return '';
}
export function when(time) {
  if (!time) return '–';
  return new Date(time).toLocaleString(locale(), { dateStyle: 'medium', timeStyle: 'short' });
}
export function day(time) {
  return time ? new Date(time).toLocaleDateString(locale(), { dateStyle: 'medium' }) : '–';
}
