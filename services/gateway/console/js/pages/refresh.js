// Refreshes: start, watch, and what the joint solution is worth.

import { api } from '../api.js';
import { h, put } from '../dom.js';
import { pairBars } from '../graphics/bars.js';
import { head } from '../page.js';
import { card, chip, failure, load, table, twin } from '../ui.js';
import { cap, enumValues, number, percent, t, when, word } from '../words.js';
import { TEXTS } from '../texts.js';

const TONES = { REFRESH_STATE_PUBLISHED: 'good', REFRESH_STATE_FAILED: 'bad', REFRESH_STATE_CANCELLED: 'warm' };
const isRunning = (r) => r.state === 'REFRESH_STATE_RUNNING' || r.state === 'REFRESH_STATE_PENDING';

function phaseText(phase) {
  return TEXTS[`phase_${phase}`] ? t(`phase_${phase}`) : phase ?? '';
}

function took(refresh) {
  if (!refresh.startTime || !refresh.endTime) return '–';
  return t('seconds', { n: number((new Date(refresh.endTime) - new Date(refresh.startTime)) / 1000, 1) });
}

function progressCard(refresh, stop) {
  const done = Number(refresh.membersDone ?? 0);
  const total = Number(refresh.membersTotal ?? 0);
  const share = total > 0 ? done / total : 0;
  const text = t('refresh_progress', { done: number(done), total: number(total), phase: phaseText(refresh.phase) });
  return h('section', { class: 'card' },
      h('header', null, h('h2', null, t('refresh_now')), h('strong', null, percent(share))),
      h('div', { class: 'bar tall', role: 'progressbar', 'aria-valuemin': 0, 'aria-valuemax': total, 'aria-valuenow': done, 'aria-valuetext': text,
        vars: { '--part': `${share * 100}%`, '--tone': 'var(--leaf)' } }, h('i')),
      h('div', { class: 'spread' }, h('p', { class: 'muted' }, text), h('button', { class: 'button', type: 'button', onclick: stop }, t('refresh_cancel'))));
}

function marketCard(market) {
  const kind = cap(word('RecommendationKind', market.kind));
  const gini = [Number(market.exposureGini ?? 0), Number(market.exposureGiniAlone ?? 0)];
  const matches = [Number(market.expectedMatches ?? 0), Number(market.expectedMatchesAlone ?? 0)];
  return h('section', { class: 'card w6' }, h('header', null, h('h2', null, kind), h('span', { class: 'muted small' }, t('fairness'))),
      h('p', { class: 'legend' }, h('span', null, h('i', { vars: { '--tone': 'var(--accent)' } }), t('together')),
          h('span', null, h('i', { vars: { '--tone': 'var(--line-strong)' } }), t('alone'))),
      pairBars(t('fairness_label', { kind }), [
        { name: t('gini'), hint: t('lower_better'), after: gini[0], before: gini[1], text: number(gini[0], 3), textBefore: number(gini[1], 3) },
        { name: t('expected_matches'), hint: t('higher_better'), after: matches[0], before: matches[1], text: number(matches[0], 1), textBefore: number(matches[1], 1) },
      ]),
      twin(kind, ['', t('together'), t('alone')], [
        [t('gini'), { number: number(gini[0], 3) }, { number: number(gini[1], 3) }],
        [t('expected_matches'), { number: number(matches[0], 1) }, { number: number(matches[1], 1) }]]),
      h('p', { class: 'small muted' }, t('market_facts', { subjects: number(market.subjects), candidates: number(market.candidates),
        pairs: number(market.pairs), without: number(market.withoutCandidates) }), market.converged ? '' : ` ${t('not_converged', { n: number(market.sweeps) })}`),
      market.scarce?.length ? h('details', { class: 'more' }, h('summary', null, t('scarce')),
          table(t('scarce'), [t('member'), t('scarce_seats'), t('wanted_by'), t('price')], market.scarce.map((s) => [
            h('a', { href: `#/members/${encodeURIComponent(s.profileId)}` }, s.displayName || s.profileId),
            { number: number(s.seats) }, { number: number(s.wantedBy) }, { number: number(s.logPrice, 2) }]))) : null);
}

function reportView(refresh) {
  const figures = [[t('state'), cap(word('RefreshState', refresh.state))], [t('members'), number(refresh.membersTotal)], [t('took'), took(refresh)],
    [t('full_slates'), number(refresh.fullSlates)], [t('empty_slates'), number(refresh.emptySlates)], [t('gini'), number(refresh.exposureGini, 3)]];
  return h('div', { class: 'stack' },
      h('section', { class: 'card' },
          h('header', null, h('h2', null, refresh.refreshId), h('span', { class: 'muted small' }, when(refresh.startTime))),
          refresh.error?.message ? h('p', { class: 'notice error' }, refresh.error.message) : null,
          h('dl', { class: 'figures' }, figures.map(([name, value]) => h('div', { class: 'figure' }, h('dt', null, name), h('dd', null, value))))),
      refresh.markets?.length ? h('p', { class: 'muted' }, t('fairness_hint')) : null,
      h('div', { class: 'columns' }, (refresh.markets ?? []).map(marketCard)));
}

function startCard(started) {
  const said = h('div', { 'aria-live': 'polite' });
  const kinds = enumValues('RecommendationKind').map((value) => h('label', { class: 'check' },
      h('input', { type: 'checkbox', name: 'kinds', value, checked: value.endsWith('_MENTOR') || value.endsWith('_PARTNER') }), cap(word('RecommendationKind', value))));
  const size = h('input', { id: 'refresh-size', type: 'number', min: 1, max: 50, value: 10 });
  const dry = h('input', { type: 'checkbox', id: 'refresh-dry' });
  return card(t('refresh_start'), h('form', { class: 'stack', onsubmit: async (event) => {
    event.preventDefault();
    const chosen = [...event.target.querySelectorAll('[name=kinds]:checked')].map((box) => box.value);
    try {
      await api.startRefresh({ kinds: chosen, slateSize: Number(size.value), dryRun: dry.checked });
      put(said);
      started();
    } catch (error) {
      put(said, failure(error));
    }
  } }, h('fieldset', { class: 'plain-set' }, h('legend', { class: 'small muted' }, t('refresh_kinds')), h('div', { class: 'row' }, kinds)),
  h('div', { class: 'row' }, h('div', { class: 'field' }, h('label', { for: 'refresh-size' }, t('refresh_size')), size),
      h('label', { class: 'check' }, dry, t('refresh_dry'))),
  h('div', null, h('button', { class: 'button primary', type: 'submit' }, t('refresh_start'))), said));
}

export function refreshPage({ body, id, signal, go }) {
  const now = h('div', { 'aria-live': 'polite' });
  const report = h('div');
  const list = h('div');
  let shown = '';
  let timer = 0;
  const draw = (refreshes) => {
    const running = refreshes.find(isRunning);
    put(now, running ? progressCard(running, async () => {
      try {
        await api.cancelRefresh(running.refreshId);
      } catch (error) {
        put(now, failure(error));
      }
    }) : null);
    const done = refreshes.filter((r) => !isRunning(r));
    const best = done.find((r) => r.refreshId === id) ?? done[0];
    const state = JSON.stringify([best, done.length]);
    if (state !== shown) {
      shown = state;
      put(report, best ? reportView(best) : null);
      put(list, done.length === 0 ? null : card(t('refresh_list'), table(t('refresh_list'),
          [t('refresh_latest'), t('state'), t('started'), t('took'), t('members'), t('full_slates'), t('empty_slates')],
          done.map((r) => [h('a', { href: `#/refresh/${encodeURIComponent(r.refreshId)}` }, r.refreshId),
            chip(cap(word('RefreshState', r.state)), TONES[r.state]), when(r.startTime), { number: took(r) },
            { number: number(r.membersTotal) }, { number: number(r.fullSlates) }, { number: number(r.emptySlates) }]))));
    }
    if (refreshes.length === 0) put(report, h('div', { class: 'empty' }, h('img', { src: 'kawung.svg', alt: '' }), h('p', null, t('refresh_none'))));
    return running !== undefined;
  };
  const step = async () => {
    clearTimeout(timer);
    if (signal.aborted) return;
    let busy = false;
    try {
      busy = draw((await api.refreshes(signal)).refreshes ?? []);
    } catch (error) {
      if (signal.aborted) return;
      put(now, failure(error, step));
      return;
    }
    if (!signal.aborted) timer = setTimeout(step, busy ? 700 : 5000);
  };
  body.append(head(t('nav_refresh'), t('refresh_lead')), now, report, startCard(step), list);
  step();
}
