// What a refresh is worth: fairness, who is shown, who got nothing, what is
// missing in the network.

import { h } from '../dom.js';
import { pairBars, shareBars } from '../graphics/bars.js';
import { table, twin } from '../ui.js';
import { cap, number, percent, place, t, trade, when, word } from '../words.js';

const GROUPS_DRAWN = 8;

export function took(refresh) {
  if (!refresh.startTime || !refresh.endTime) return '–';
  return t('seconds', { n: number((new Date(refresh.endTime) - new Date(refresh.startTime)) / 1000, 1) });
}

function figures(pairs) {
  return h('dl', { class: 'figures' }, pairs.map(([name, value]) =>
    h('div', { class: 'figure' }, h('dt', null, name), h('dd', null, value))));
}

function fairnessPart(market, kind) {
  const gini = [Number(market.exposureGini ?? 0), Number(market.exposureGiniAlone ?? 0)];
  const matches = [Number(market.expectedMatches ?? 0), Number(market.expectedMatchesAlone ?? 0)];
  return [
    h('p', { class: 'legend' }, h('span', null, h('i', { vars: { '--tone': 'var(--accent)' } }), t('together')),
        h('span', null, h('i', { vars: { '--tone': 'var(--line-strong)' } }), t('alone'))),
    h('div', null, pairBars(t('fairness_label', { kind }), [
      { name: t('gini'), hint: t('lower_better'), after: gini[0], before: gini[1], text: number(gini[0], 3), textBefore: number(gini[1], 3) },
      { name: t('expected_matches'), hint: t('higher_better'), after: matches[0], before: matches[1], text: number(matches[0], 1), textBefore: number(matches[1], 1) },
    ]), twin(kind, [t('measure'), t('together'), t('alone')], [
      [t('gini'), { number: number(gini[0], 3) }, { number: number(gini[1], 3) }],
      [t('expected_matches'), { number: number(matches[0], 1) }, { number: number(matches[1], 1) }]])),
  ];
}

// One way of grouping the candidates: what they are of all, and what is seen.
function exposurePart(title, market, groups, nameOf) {
  if (!groups?.length) return null;
  const all = Number(market.candidates ?? 0) || groups.reduce((sum, g) => sum + Number(g.candidates ?? 0), 0);
  const rows = groups.map((g) => ({ name: cap(nameOf(g.group)), after: Number(g.exposureShare ?? 0), before: Number(g.candidates ?? 0) / Math.max(1, all), gini: g.gini }))
      .sort((a, b) => b.before - a.before);
  return h('details', { class: 'more' }, h('summary', null, title),
      h('p', { class: 'legend' }, h('span', null, h('i', { vars: { '--tone': 'var(--accent)' } }), t('of_exposure')),
          h('span', null, h('i', { vars: { '--tone': 'var(--line-strong)' } }), t('of_candidates'))),
      h('div', null, shareBars(title, rows.slice(0, GROUPS_DRAWN), percent),
          twin(title, [t('group'), t('of_exposure'), t('of_candidates'), t('gini')], rows.map((r) =>
            [r.name, { number: percent(r.after) }, { number: percent(r.before) }, { number: number(r.gini, 2) }]))));
}

function marketCard(market) {
  const kind = cap(word('RecommendationKind', market.kind));
  const more = [['coverage', market.coverage], ['newcomer_share', market.newcomerShare], ['envy', market.envy]]
      .filter(([, value]) => value !== undefined).map(([key, value]) => [t(key), percent(value)]);
  if (market.blockingPairs !== undefined) more.push([t('blocking_pairs'), number(market.blockingPairs)]);
  return h('section', { class: 'card w6' }, h('header', null, h('h2', null, kind), h('span', { class: 'muted small' }, t('fairness'))),
      fairnessPart(market, kind), more.length > 0 ? figures(more) : null,
      h('p', { class: 'small muted' }, t('market_facts', { subjects: number(market.subjects), candidates: number(market.candidates),
        pairs: number(market.pairs), without: number(market.withoutCandidates) }), market.converged ? '' : ` ${t('not_converged', { n: number(market.sweeps) })}`),
      market.unmatched?.length ? table(t('unmatched'), [t('unmatched'), t('members')], market.unmatched.map((u) =>
        [word('Unmatched', u.reason), { number: number(u.members) }])) : null,
      h('div', null, exposurePart(t('by_role'), market, market.byRole, (g) => word('Role', `ROLE_${g.replace(/^ROLE_/, '').toUpperCase()}`)),
          exposurePart(t('by_region'), market, market.byRegion, (g) => place(g, 1) || '–'),
          exposurePart(t('by_sector'), market, market.bySector, (g) => trade(g) || '–'),
          market.scarce?.length ? h('details', { class: 'more' }, h('summary', null, t('scarce')),
              table(t('scarce'), [t('member'), t('scarce_seats'), t('wanted_by'), t('price')], market.scarce.map((s) => [
                h('a', { href: `#/members/${encodeURIComponent(s.profileId)}` }, s.displayName || s.profileId),
                { number: number(s.seats) }, { number: number(s.wantedBy) }, { number: number(s.logPrice, 2) }]))) : null));
}

function unmetCard(needs) {
  if (!needs?.length) return null;
  return h('section', { class: 'card' }, h('h2', null, t('unmet_needs')),
      table(t('unmet_needs'), [t('resource'), t('sectors'), t('seekers'), t('givers')], needs.map((n) =>
        [cap(word('Resource', n.resource)), trade(n.sectorDivision ?? '') || '–', { number: number(n.seekers) }, { number: number(n.givers) }])));
}

// `report` is a RefreshReport, or a Refresh alone as {refresh}.
export function reportView(report, actions) {
  const { refresh } = report;
  return h('div', { class: 'stack' },
      h('section', { class: 'card' },
          h('header', null, h('h2', { class: 'mono' }, refresh.refreshId), h('span', { class: 'muted small' }, when(refresh.startTime))),
          refresh.error?.message ? h('p', { class: 'notice error' }, refresh.error.message) : null,
          refresh.rejectReason ? h('p', { class: 'notice' }, t('rejected_because', { why: refresh.rejectReason })) : null,
          figures([[t('state'), cap(word('RefreshState', refresh.state))], [t('members'), number(refresh.membersTotal)], [t('took'), took(refresh)],
            [t('full_slates'), number(refresh.fullSlates)], [t('empty_slates'), number(refresh.emptySlates)], [t('gini'), number(refresh.exposureGini, 3)]]),
          actions),
      refresh.markets?.length ? h('p', { class: 'muted' }, t('fairness_hint')) : null,
      h('div', { class: 'columns' }, (refresh.markets ?? []).map(marketCard)), unmetCard(report.unmetNeeds));
}
