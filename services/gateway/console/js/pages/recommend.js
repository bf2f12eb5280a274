// The slate with its reasons, the trust paths, "what if" and "why not".

import { api } from '../api.js';
import { h, put } from '../dom.js';
import { termBars } from '../graphics/bars.js';
import { trustPathGraph } from '../graphics/trust_path.js';
import { icon } from '../icons.js';
import { head } from '../page.js';
import { avatar, card, chip, failure, load, loading, memberPicker, meter, slider, twin } from '../ui.js';
import { cap, enumValues, number, percent, place, t, word } from '../words.js';

// Signals that are weighed together; what stands in none is left alone.
const GROUPS = {
  group_fit: ['give_similarity', 'take_similarity', 'need_covered', 'offer_wanted'],
  group_near: ['region_proximity', 'sector_proximity', 'supply_relation', 'same_language'],
  group_trust: ['trust', 'reputation', 'subject_reputation', 'candidate_verified', 'subject_verified', 'warnings'],
  group_community: ['shared_norms', 'cohesion', 'same_group'],
  group_capacity: ['seats_free', 'responsiveness', 'newcomer', 'ahead'],
  group_market: ['price'],
};

// The order key when each group's terms count `weights[group]` times.
function keyOf(pick, weights) {
  let key = 0;
  for (const term of pick.terms ?? []) {
    const group = Object.keys(GROUPS).find((g) => GROUPS[g].includes(term.name));
    key += Number(term.contribution ?? 0) * (group ? weights[group] : 1);
  }
  return key;
}

function pathBlock(subjectName, pick) {
  const hops = pick.path?.hops ?? [];
  const stops = [{ name: subjectName }, ...hops.map((hop) => ({ name: hop.label || hop.profileId, trust: hop.trust, why: hop.tieText }))];
  if (hops.length === 0) stops.push({ name: pick.displayName });
  return h('div', { class: 'stack' },
      trustPathGraph(t('path_label', { from: subjectName, to: pick.displayName }), stops, hops.length > 0),
      h('p', { class: 'small muted' }, pick.path?.text ?? '', hops.length > 0
        ? ` (${t('path_strength', { p: number(pick.path.strength, 2), n: number(pick.path.disjointPaths ?? 0) })})` : ''),
      hops.length > 0 ? twin(t('path'), [t('hop'), t('from'), t('to'), t('trust'), t('rests_on')], hops.map((hop, i) =>
        [String(i + 1), stops[i].name, stops[i + 1].name, { number: number(hop.trust, 2) }, hop.tieText ?? ''])) : null);
}

// Names of signals that are other texts' keys as well.
const TERM_TEXTS = { seats_free: 'seats_free_share', trust: 'personal_trust', price: 'market_price' };

function termName(name) {
  return word('ScoreTerm', TERM_TEXTS[name] ?? name);
}

function termsBlock(pick) {
  const terms = (pick.terms ?? []).map((term) => ({ ...term, contribution: Number(term.contribution ?? 0), value: Number(term.value ?? 0) }))
      .sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
  const drawn = terms.filter((term) => term.name !== 'base' && Math.abs(term.contribution) >= 0.005).slice(0, 12)
      .map((term) => ({ ...term, name: termName(term.name) }));
  return h('div', { class: 'stack' }, h('p', { class: 'small muted' }, t('terms_hint')),
      termBars(`${t('terms')}: ${pick.displayName}`, drawn, (v) => `${v > 0 ? '+' : ''}${number(v, 2)}`),
      twin(t('terms'), [t('term'), t('raw'), t('adds'), t('remark')], terms.map((term) => [termName(term.name), { number: number(term.value, 3) },
        { number: number(term.contribution, 3) }, term.missing ? t('missing') : ''])));
}

function reasonLine(reason) {
  return h('li', { class: reason.forCandidate ? 'theirs' : '' }, icon(reason.forCandidate ? 'both' : 'check'),
      h('span', null, reason.forCandidate ? h('span', { class: 'visually-hidden' }, t('reason_theirs')) : null, reason.text));
}

// The strongest reasons of both sides; the others on demand.
function reasonsBlock(reasons) {
  const mine = reasons.filter((r) => !r.forCandidate);
  const theirs = reasons.filter((r) => r.forCandidate);
  const shown = [...mine.slice(0, 4), ...theirs.slice(0, 2)];
  const rest = reasons.filter((r) => !shown.includes(r));
  return [h('ul', { class: 'reasons' }, shown.map(reasonLine)), rest.length === 0 ? null :
    h('details', { class: 'more' }, h('summary', null, t('more_reasons', { n: rest.length })), h('ul', { class: 'reasons' }, rest.map(reasonLine)))];
}

function pickCard(subjectName, pick, rank, was) {
  const moved = was !== rank ? h('span', { class: was > rank ? 'rank moved-up' : 'rank moved-down' }, ` ${was > rank ? '▲' : '▼'} ${t('was_rank', { n: was })}`) : null;
  return h('li', { class: 'pick', 'data-id': pick.profileId },
      h('div', { class: 'pick-head' }, avatar(pick.displayName, pick.role),
          h('div', null, h('span', { class: 'rank' }, `#${rank}`), moved,
              h('h2', null, h('a', { href: `#/members/${encodeURIComponent(pick.profileId)}`, dir: 'auto' }, pick.displayName || pick.profileId)),
              h('p', { class: 'muted small' }, [cap(word('Role', pick.role)), place(pick.regionCode), pick.profileId].filter(Boolean).join(' · '))),
          h('div', { class: 'score' }, h('strong', null, percent(pick.score)), h('span', null, t('match')))),
      reasonsBlock(pick.reasons ?? []),
      h('div', { class: 'meters' }, meter(t('wants'), pick.subjectWants, 'accent'), meter(t('accepts'), pick.candidateAccepts, 'soga'), meter(t('trust'), pick.trust, 'leaf')),
      pick.seatsFree !== undefined ? h('div', { class: 'chips' }, chip(t('seats_free', { n: number(pick.seatsFree) }), 'good')) : null,
      h('details', { class: 'more path' }, h('summary', null, t('path')), pathBlock(subjectName, pick)),
      h('details', { class: 'more terms' }, h('summary', null, t('terms')), termsBlock(pick)));
}

function remarks(slate) {
  const lines = [];
  if (slate.eligible !== undefined) lines.push(t('only_eligible', { n: number(slate.eligible) }));
  if (slate.missingSignals?.length) lines.push(t('missing_signals', { what: slate.missingSignals.map((m) => word('Signal', `missing_${m}`)).join(', ') }));
  if (slate.degraded?.length) lines.push(t('degraded', { why: slate.degraded.map((d) => word('DegradedReason', d)).join(', ') }));
  return lines.map((line) => h('p', { class: 'notice' }, line));
}

function whyNotCard(id, kind, signal) {
  const answer = h('div', { 'aria-live': 'polite' });
  const ask = async (candidate) => {
    put(answer, loading());
    try {
      const [why, pair] = await Promise.all([api.whyNot(id, candidate, kind, signal), api.explain(id, candidate, kind, signal).catch(() => null)]);
      const pick = pair?.recommendation;
      put(answer, h('div', { class: 'stack' },
          h('p', { class: why.cause === 'WHY_NOT_CAUSE_IN_SLATE' ? 'notice good' : 'notice' },
              h('strong', null, word('WhyNotCause', why.cause)), why.rank ? ` · ${t('whynot_rank', { n: number(why.rank) })}` : '', h('br'), why.text),
          pick ? [h('div', { class: 'meters' }, meter(t('wants'), pick.subjectWants, 'accent'), meter(t('accepts'), pick.candidateAccepts, 'soga'), meter(t('trust'), pick.trust, 'leaf')),
            h('details', { class: 'more' }, h('summary', null, t('terms')), termsBlock(pick))] : null));
    } catch (error) {
      if (!signal.aborted) put(answer, failure(error));
    }
  };
  return h('section', { class: 'card', id: 'why-not' }, h('h2', null, t('whynot_title')), h('p', { class: 'muted small' }, t('whynot_hint')),
      memberPicker(t('member'), { choose: ask }), answer);
}

export function recommendPage({ body, id, params, signal, go }) {
  const kind = params.get('kind') ?? 'RECOMMENDATION_KIND_MENTOR';
  body.append(head(t('nav_recommend'), t('recommend_lead')),
      h('section', { class: 'card' }, memberPicker(t('for_whom'), { value: id, choose: (chosen) => go('recommend', chosen, { kind }) })));
  if (id === '') {
    body.append(h('div', { class: 'empty' }, h('img', { src: 'kawung.svg', alt: '' }), h('p', null, t('choose_first'))));
    return;
  }
  body.append(h('div', { class: 'kinds', role: 'group', 'aria-label': t('kind') }, enumValues('RecommendationKind').map((value) =>
    h('button', { type: 'button', 'aria-pressed': String(value === kind), onclick: () => go('recommend', id, { kind: value }) }, word('RecommendationKind', value)))));

  body.querySelector('.kinds [aria-pressed="true"]')?.scrollIntoView({ block: 'nearest', inline: 'center' });

  const ask = { subjectWeight: 0.6, region: '', pageSize: 10, rankingProfile: '' };
  const weights = Object.fromEntries(Object.keys(GROUPS).map((group) => [group, 1]));
  const list = h('div');
  let slate = null;
  let subjectName = id;
  const drawSlate = () => {
    const picks = (slate?.recommendations ?? []).map((pick, i) => ({ pick, was: i + 1 }));
    const changed = Object.values(weights).some((w) => w !== 1);
    if (changed) picks.sort((a, b) => keyOf(b.pick, weights) - keyOf(a.pick, weights) || a.was - b.was);
    put(list, remarks(slate), picks.length === 0 ? h('p', { class: 'empty' }, t('slate_empty')) :
      h('ol', { class: 'slate' }, picks.map(({ pick, was }, i) => pickCard(subjectName, pick, i + 1, was))),
    h('p', { class: 'small muted' }, `${t('slate_from')}: ${word('SlateSource', slate.source)} · ${t('revision')} ${slate.revision ?? 0}`));
  };
  const fetchSlate = () => load(list, async () => {
    const [profile, answer] = await Promise.all([api.profile(id, signal), api.recommend(id, {
      kinds: [kind], pageSize: ask.pageSize, explanation: 'EXPLANATION_LEVEL_FULL', subjectWeight: ask.subjectWeight,
      rankingProfile: ask.rankingProfile,
      filter: ask.region === '' ? undefined : { regionCodes: [ask.region] },
    }, signal)]);
    subjectName = profile.displayName;
    slate = (answer.slates ?? [])[0] ?? {};
    drawSlate();
    return [...list.childNodes];
  }, signal);

  const sliders = h('div', { class: 'stack' });
  const drawSliders = () => put(sliders, Object.keys(GROUPS).map((group) => slider(t(group), {
    id: `w-${group}`, min: 0, max: 3, step: 0.25, value: weights[group], show: (v) => `×${number(v, 2)}`,
    change: (v) => { weights[group] = v; if (slate) drawSlate(); },
  })));
  drawSliders();
  const region = h('input', { id: 'region', value: '', placeholder: '33.72', onchange: () => { ask.region = region.value.trim(); fetchSlate(); } });
  const count = h('select', { id: 'count', onchange: () => { ask.pageSize = Number(count.value); fetchSlate(); } },
      [5, 10, 25, 50].map((n) => h('option', { value: String(n), selected: n === 10 }, String(n))));
  // Other weights, where there are some and the key may know of them.
  const profiles = h('div');
  api.ranking(signal).then(({ rankingProfileIds = [] }) => {
    if (rankingProfileIds.length < 2) return;
    const choice = h('select', { id: 'ranking', onchange: () => { ask.rankingProfile = choice.value; fetchSlate(); } },
        h('option', { value: '' }, t('ranking_served')), rankingProfileIds.map((one) => h('option', { value: one }, one)));
    put(profiles, h('div', { class: 'field' }, h('label', { for: 'ranking' }, t('ranking_profile')), choice));
  }).catch(() => {});
  body.append(h('div', { class: 'columns' },
      h('div', { class: 'w8' }, list),
      h('div', { class: 'stack w4' },
          h('section', { class: 'card' },
              slider(`${t('whose_interest')}: ${t('weight_give')} ↔ ${t('weight_take')}`, { id: 'subject-weight', min: 0, max: 1, step: 0.05, value: 0.6, show: (v) => percent(v),
                change: (v, ended) => { ask.subjectWeight = v; if (ended) fetchSlate(); } }),
              h('div', { class: 'row' }, h('div', { class: 'field', vars: { flex: '1' } }, h('label', { for: 'region' }, t('in_region')), region),
                  h('div', { class: 'field' }, h('label', { for: 'count' }, t('how_many')), count)), profiles),
          h('section', { class: 'card', id: 'what-if' }, h('header', null, h('h2', null, t('weights')), h('button', { class: 'button quiet', type: 'button', onclick: () => {
            for (const group of Object.keys(weights)) weights[group] = 1;
            drawSliders();
            if (slate) drawSlate();
          } }, t('weights_reset'))), h('p', { class: 'muted small' }, t('weights_hint')), sliders),
          whyNotCard(id, kind, signal))));
  fetchSlate();
}
