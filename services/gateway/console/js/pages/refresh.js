// Refreshes: start, watch, review, publish, put back.

import { api } from '../api.js';
import { h, put } from '../dom.js';
import { head } from '../page.js';
import { card, chip, failure, slider, table } from '../ui.js';
import { cap, enumValues, number, percent, t, when, word } from '../words.js';
import { TEXTS } from '../texts.js';
import { reportView, took } from './refresh_report.js';

const TONES = { REFRESH_STATE_PUBLISHED: 'good', REFRESH_STATE_FAILED: 'bad', REFRESH_STATE_CANCELLED: 'warm',
  REFRESH_STATE_HELD: 'cool', REFRESH_STATE_REJECTED: 'warm', REFRESH_STATE_ROLLED_BACK: 'warm' };
const isRunning = (r) => r.state === 'REFRESH_STATE_RUNNING' || r.state === 'REFRESH_STATE_PENDING';

function phaseText(phase) {
  return TEXTS[`phase_${phase}`] ? t(`phase_${phase}`) : phase ?? '';
}

// A button that does something to a refresh, and says why it could not.
function act(text, primary, change, changed) {
  const said = h('div', { 'aria-live': 'polite' });
  return h('div', null, h('button', { class: primary ? 'button primary' : 'button', type: 'button', onclick: async () => {
    try {
      if (await change() !== false) changed();
    } catch (error) {
      put(said, failure(error));
    }
  } }, text), said);
}

function progressCard(refresh, changed) {
  const done = Number(refresh.membersDone ?? 0);
  const total = Number(refresh.membersTotal ?? 0);
  const share = total > 0 ? done / total : 0;
  const text = t('refresh_progress', { done: number(done), total: number(total), phase: phaseText(refresh.phase) });
  return h('section', { class: 'card' },
      h('header', null, h('h2', null, t('refresh_now')), h('strong', null, percent(share))),
      h('div', { class: 'bar tall', role: 'progressbar', 'aria-valuemin': 0, 'aria-valuemax': total, 'aria-valuenow': done, 'aria-valuetext': text,
        vars: { '--part': `${share * 100}%`, '--tone': 'var(--leaf)' } }, h('i')),
      h('div', { class: 'spread' }, h('p', { class: 'muted' }, text), act(t('refresh_cancel'), false, () => api.cancelRefresh(refresh.refreshId), changed)));
}

// What a reviewer decides on.
function heldActions(refresh, changed) {
  const failures = refresh.guardFailures ?? [];
  const reason = h('input', { id: 'reject-reason', maxlength: 500 });
  return h('div', { class: 'stack' },
      h('h3', null, t('held_title')),
      failures.length === 0 ? h('p', { class: 'notice good' }, t('held_passed')) :
        h('div', { class: 'notice error' }, t('held_failed'), h('ul', null, failures.map((f) => h('li', null, f)))),
      refresh.holdExpireTime ? h('p', { class: 'small muted' }, t('held_until', { time: when(refresh.holdExpireTime) })) : null,
      h('div', { class: 'row' },
          act(failures.length === 0 ? t('publish') : t('publish_anyway'), true,
              () => api.changeRefresh(refresh.refreshId, 'publish', { overrideGuards: failures.length > 0 }), changed),
          h('div', { class: 'field', vars: { flex: '1 1 12rem' } }, h('label', { for: 'reject-reason' }, t('reject_why')), reason),
          act(t('reject'), false, () => api.changeRefresh(refresh.refreshId, 'reject', { reason: reason.value }), changed)));
}

function startCard(started) {
  const said = h('div', { 'aria-live': 'polite' });
  const kinds = enumValues('RecommendationKind').map((value) => h('label', { class: 'check' },
      h('input', { type: 'checkbox', name: 'kinds', value, checked: value.endsWith('_MENTOR') || value.endsWith('_PARTNER') }), cap(word('RecommendationKind', value))));
  const size = h('input', { id: 'refresh-size', type: 'number', min: 1, max: 50, value: 10 });
  const dry = h('input', { type: 'checkbox', id: 'refresh-dry' });
  const hold = h('input', { type: 'checkbox', id: 'refresh-hold' });
  let fairness = 1;
  return card(t('refresh_start'), h('form', { class: 'stack', onsubmit: async (event) => {
    event.preventDefault();
    const chosen = [...event.target.querySelectorAll('[name=kinds]:checked')].map((box) => box.value);
    try {
      await api.startRefresh({ kinds: chosen, slateSize: Number(size.value), dryRun: dry.checked, hold: hold.checked, fairness });
      put(said);
      started();
    } catch (error) {
      put(said, failure(error));
    }
  } }, h('fieldset', { class: 'plain-set' }, h('legend', { class: 'small muted' }, t('refresh_kinds')), h('div', { class: 'row' }, kinds)),
  h('div', { class: 'row' }, h('div', { class: 'field' }, h('label', { for: 'refresh-size' }, t('refresh_size')), size),
      h('div', { vars: { flex: '0 1 16rem' } }, slider(t('refresh_fairness'), { id: 'refresh-fairness', min: 0, max: 1, step: 0.05, value: 1, show: percent, change: (v) => { fairness = v; } }))),
  h('div', { class: 'row' }, h('label', { class: 'check' }, hold, t('refresh_hold')), h('label', { class: 'check' }, dry, t('refresh_dry'))),
  h('div', null, h('button', { class: 'button primary', type: 'submit' }, t('refresh_start'))), said));
}

function historyCard(done) {
  return card(t('refresh_list'), table(t('refresh_list'),
      [t('refresh_latest'), t('state'), t('started'), t('took'), t('members'), t('full_slates'), t('empty_slates')],
      done.map((r) => [h('a', { class: 'mono', href: `#/refresh/${encodeURIComponent(r.refreshId)}` }, r.refreshId),
        chip(cap(word('RefreshState', r.state)), TONES[r.state]), when(r.startTime), { number: took(r) },
        { number: number(r.membersTotal) }, { number: number(r.fullSlates) }, { number: number(r.emptySlates) }])));
}

export function refreshPage({ body, id, signal }) {
  const now = h('div', { 'aria-live': 'polite' });
  const report = h('div');
  const list = h('div');
  let shown = '';
  let timer = 0;

  // The whole report, or, where it is not to be had, the refresh alone.
  const drawReport = async (refresh, current) => {
    const actions = refresh.state === 'REFRESH_STATE_HELD' ? heldActions(refresh, step) :
      current ? act(t('roll_back'), false, () => window.confirm(t('roll_back_sure')) && api.changeRefresh(refresh.refreshId, 'rollBack'), step) : null;
    const whole = await api.report(refresh.refreshId, signal).catch(() => ({ refresh }));
    if (!signal.aborted) put(report, reportView(whole, actions));
  };
  const draw = async (refreshes) => {
    const running = refreshes.find(isRunning);
    put(now, running ? progressCard(running, step) : null);
    const done = refreshes.filter((r) => !isRunning(r));
    const best = done.find((r) => r.refreshId === id) ?? done[0];
    const state = JSON.stringify([best, done.map((r) => r.state)]);
    if (state !== shown) {
      shown = state;
      const published = done.find((r) => r.state === 'REFRESH_STATE_PUBLISHED');
      if (best) await drawReport(best, best === published);
      put(list, done.length === 0 ? null : historyCard(done));
    }
    if (refreshes.length === 0) put(report, h('div', { class: 'empty' }, h('img', { src: 'kawung.svg', alt: '' }), h('p', null, t('refresh_none'))));
    return running !== undefined;
  };
  async function step() {
    clearTimeout(timer);
    if (signal.aborted) return;
    let busy = false;
    try {
      busy = await draw((await api.refreshes(signal)).refreshes ?? []);
    } catch (error) {
      if (signal.aborted) return;
      put(now, failure(error, step));
      return;
    }
    if (!signal.aborted) timer = setTimeout(step, busy ? 700 : 5000);
  }
  body.append(head(t('nav_refresh'), t('refresh_lead')), now, report, startCard(step), list);
  step();
}
