// Search, one profile, and whom it is tied to.

import { api } from '../api.js';
import { h, narrow, put, safeLink } from '../dom.js';
import { tiesGraph } from '../graphics/ties.js';
import { head } from '../page.js';
import { avatar, card, chip, hitLine, load, meter, person, twin } from '../ui.js';
import { cap, day, number, percent, place, sector, t, when, word } from '../words.js';

const DRAWN = { wide: 20, phone: 9 };
const COMPLAINTS = ['EVIDENCE_KIND_NO_SHOW', 'EVIDENCE_KIND_DISPUTE', 'EVIDENCE_KIND_REPORT'];
const memberLink = (id) => `#/members/${encodeURIComponent(id)}`;

function searchView(body, params, signal, go) {
  const results = h('div', { 'aria-live': 'polite' });
  const query = params.get('q') ?? '';
  const input = h('input', { id: 'query', type: 'search', value: query, placeholder: t('choose_member_hint'), autocomplete: 'off' });
  const form = h('form', { class: 'row', role: 'search', onsubmit: (event) => {
    event.preventDefault();
    const text = input.value.trim();
    go('members', '', text === '' ? {} : { q: text });
  } }, h('div', { class: 'field', vars: { flex: '1 1 9rem' } }, h('label', { for: 'query', class: 'visually-hidden' }, t('search')), input),
  h('button', { class: 'button primary', type: 'submit' }, t('search')));
  body.append(head(t('nav_members'), t('members_lead')), h('section', { class: 'card' }, form, results));

  if (query !== '') {
    load(results, async () => {
      const hits = (await api.search(query, { signal })).hits ?? [];
      if (hits.length === 0) return h('p', { class: 'muted' }, t('none_found'));
      return [h('p', { class: 'muted small' }, t('found_count', { n: hits.length })), h('div', { class: 'people' }, hits.map((hit) =>
        person(memberLink(hit.profileId), { id: hit.profileId, name: hit.displayName, role: hit.role, detail: hitLine(hit), end: chip(percent(hit.score)) })))];
    }, signal);
    return;
  }
  const list = h('div', { class: 'people' });
  const more = h('div');
  const next = (token) => load(more, async () => {
    const page = await api.profiles(token, signal);
    list.append(...(page.profiles ?? []).map((p) => person(memberLink(p.profileId), {
      id: p.profileId, name: p.displayName, role: p.facets?.[0]?.role,
      detail: [(p.facets ?? []).map((f) => cap(word('Role', f.role))).join(', '), place(p.regionCode), p.profileId].filter(Boolean).join(' · '),
    })));
    return page.nextPageToken ? h('button', { class: 'button', type: 'button', onclick: () => next(page.nextPageToken) }, t('more')) : null;
  }, signal);
  put(results, h('h2', null, t('all_members')), list, more);
  next('');
}

function item(entry, kind) {
  const size = entry.money ? `${entry.money.currencyCode} ${number(entry.money.units)}`
    : entry.quantity ? `${number(entry.quantity.amount)} ${entry.quantity.unit ?? ''}` : '';
  return h('li', { class: 'item' }, chip(cap(word('Resource', entry.resource)), kind),
      h('span', null, entry.text ?? '', size ? h('span', { class: 'muted' }, ` (${size})`) : null,
          entry.expired ? [' ', chip(t('expired'), 'bad')] : null));
}

function facetCard(facet) {
  const seats = facet.seats;
  const free = seats ? Math.max(0, Number(seats.total ?? 0) - Number(seats.takenElsewhere ?? 0) - Number(seats.taken ?? 0)) : 0;
  return h('section', { class: 'card' },
      h('header', null, h('h2', { class: 'cap' }, cap(word('Role', facet.role))),
          h('span', { class: 'row' }, facet.paused ? chip(t('paused'), 'warm') : null,
              seats ? chip(t('seats', { free: number(free), total: number(seats.total) }), free > 0 ? 'good' : 'bad') : null)),
      facet.headline ? h('p', null, facet.headline) : null,
      facet.needs?.length ? [h('h3', null, t('needs')), h('ul', { class: 'items' }, facet.needs.map((n) => item(n, 'warm')))] : null,
      facet.offers?.length ? [h('h3', null, t('offers')), h('ul', { class: 'items' }, facet.offers.map((o) => item(o, 'good')))] : null);
}

function normChip(norm) {
  const verified = norm.status === 'NORM_STATUS_VERIFIED';
  const until = norm.validToTime ? `, ${t('until', { date: day(norm.validToTime) })}` : '';
  return chip(`${cap(word('NormKind', norm.kind))} (${verified ? t('norm_verified') : t('norm_declared')}${until})`,
      norm.expired ? 'bad' : verified ? 'good' : '');
}

function linkNode(link) {
  const href = safeLink(link.url);
  const text = `${link.kind ?? ''} ${link.url ?? ''}`.trim();
  return href ? h('a', { href, rel: 'noopener noreferrer nofollow', target: '_blank' }, text) : text;
}

function factsCard(profile) {
  const facts = [
    [t('kind'), cap(word('MemberKind', profile.kind))],
    [t('region'), place(profile.regionCode, 3)],
    [t('sectors'), (profile.sectors ?? []).map((s) => h('div', null, sector(s.code)))],
    [t('scale'), profile.scale ? cap(word('Scale', profile.scale)) : ''],
    [t('languages'), (profile.languages ?? []).join(', ')],
    [t('norms'), profile.norms?.length ? h('div', { class: 'chips' }, profile.norms.map(normChip)) : ''],
    [t('products'), (profile.products ?? []).map((p) => h('div', null, p.name ?? p.productId, p.description ? h('span', { class: 'muted' }, ` ${p.description}`) : null))],
    [t('links'), (profile.links ?? []).map((l) => h('div', null, linkNode(l)))],
    [t('external_ids'), (profile.externalIds ?? []).map((e) => h('div', { class: 'mono' }, `${e.system} ${e.value}`))],
    [t('changed'), when(profile.updateTime)],
    [t('revision'), profile.revision ?? ''],
  ].filter(([, value]) => value !== '' && value.length !== 0);
  return h('section', { class: 'card' }, h('dl', { class: 'pairs' }, facts.map(([name, value]) => [h('dt', null, name), h('dd', null, value)])));
}

// Evidence by and about `id`, added up by the other member.
function tiesOf(id, by, about) {
  const others = new Map();
  const add = (other, evidence, says) => {
    const tie = others.get(other) ?? { id: other, count: 0, says: 0, said: 0, kinds: new Map(), last: '', bad: false };
    ++tie.count;
    ++tie[says ? 'says' : 'said'];
    tie.kinds.set(evidence.kind, (tie.kinds.get(evidence.kind) ?? 0) + 1);
    if ((evidence.eventTime ?? '') > tie.last) tie.last = evidence.eventTime;
    tie.bad ||= COMPLAINTS.includes(evidence.kind);
    others.set(other, tie);
  };
  for (const e of by) add(e.aboutId, e, true);
  for (const e of about) add(e.authorId, e, false);
  others.delete(id);
  return [...others.values()].sort((a, b) => b.count - a.count || b.last.localeCompare(a.last) || a.id.localeCompare(b.id));
}

async function tiesView(profile, signal) {
  const id = profile.profileId;
  const [by, about] = await Promise.all([api.evidence({ authorId: id }, signal), api.evidence({ aboutId: id }, signal)]);
  const all = tiesOf(id, by.evidence ?? [], about.evidence ?? []);
  if (all.length === 0) return h('p', { class: 'muted' }, t('ties_none'));
  const shown = all.slice(0, narrow() ? DRAWN.phone : DRAWN.wide);
  const found = (await api.names(shown.map((tie) => tie.id), signal)).results ?? [];
  for (const [i, tie] of shown.entries()) {
    tie.name = found[i]?.profile?.displayName ?? tie.id;
    tie.role = found[i]?.profile?.facets?.[0]?.role;
  }
  const rows = shown.map((tie) => [h('a', { href: memberLink(tie.id), dir: 'auto' }, tie.name), { number: number(tie.says) }, { number: number(tie.said) },
    [...tie.kinds].map(([kind, n]) => `${cap(word('EvidenceKind', kind))}${n > 1 ? ` ×${n}` : ''}`).join(', '), day(tie.last)]);
  return [
    tiesGraph(t('ties_label', { name: profile.displayName, n: shown.length }),
        { id, name: profile.displayName, role: profile.facets?.[0]?.role }, shown, memberLink),
    h('p', { class: 'muted small' }, t('ties_hint'), ' ', all.length > shown.length ? t('ties_more', { n: shown.length, all: number(all.length) }) : ''),
    twin(t('ties_title'), [t('member'), t('says'), t('said'), t('kinds_of_evidence'), t('last')], rows),
  ];
}

const BAND_TONES = { STANDING_BAND_LOW: 'bad', STANDING_BAND_GOOD: 'good', STANDING_BAND_HIGH: 'good' };
const signed = (amount) => `${amount > 0 ? '+' : ''}${number(amount, 3)}`;

// Reputation by cause, and what would raise it; names no rater.
async function standingView(id, signal) {
  const standing = await api.standing(id, signal);
  const causes = standing.causes ?? [];
  const steps = standing.steps ?? [];
  const pieces = (c) => Number(c.pieces ?? 0) + Number(c.discountedPieces ?? 0);
  return [
    h('p', null, chip(cap(word('StandingBand', standing.band)), BAND_TONES[standing.band] ?? ''), ' ', standing.text ?? ''),
    standing.reputation === undefined ? null : meter(t('standing_value'), standing.reputation, 'accent'),
    standing.weighed ? null : h('p', { class: 'muted small' }, t('standing_unweighed')),
    causes.length === 0 ? null : h('ul', { class: 'items' }, causes.map((cause) => h('li', { class: 'item' },
        chip(signed(Number(cause.amount ?? 0)), Number(cause.amount ?? 0) < 0 ? 'bad' : 'good'), h('span', null, cause.text ?? '')))),
    steps.length === 0 ? null : [h('h3', null, t('standing_steps')), h('ol', { class: 'steps' }, steps.map((step) =>
      h('li', null, h('p', null, step.text ?? ''), chip(t('effect', { n: number(Number(step.effect ?? 0) * 100) }), 'good'))))],
    standing.contestText ? h('p', { class: 'muted small' }, standing.contestText) : null,
    causes.length === 0 ? null : twin(t('standing_title'),
        [t('kinds_of_evidence'), t('standing_pieces'), t('standing_discounted'), t('standing_raters'), t('adds'), t('standing_half_life')],
        causes.map((cause) => [cap(word('EvidenceKind', cause.kind)), { number: number(pieces(cause)) }, { number: number(cause.discountedPieces ?? 0) },
          { number: number(cause.raters ?? 0) }, { number: signed(Number(cause.amount ?? 0)) },
          { number: cause.halfLifeDays ? number(cause.halfLifeDays) : '–' }])),
  ];
}

function profileView(body, id, signal) {
  const page = h('div', { class: 'stack' });
  body.append(page);
  load(page, async () => {
    const profile = await api.profile(id, signal);
    const ties = h('div', { class: 'stack' });
    load(ties, () => tiesView(profile, signal), signal);
    const standing = h('div', { class: 'stack standing' });
    load(standing, () => standingView(id, signal), signal);
    const roles = (profile.facets ?? []).map((f) => cap(word('Role', f.role))).join(', ');
    return [
      h('p', null, h('a', { href: '#/members' }, `← ${t('back_to_search')}`)),
      h('div', { class: 'page-head' },
          h('div', { class: 'row', vars: { 'flex-wrap': 'nowrap', 'min-width': 0 } }, avatar(profile.displayName, profile.facets?.[0]?.role, true),
              h('div', { vars: { 'min-width': 0, 'overflow-wrap': 'anywhere' } }, h('h1', { tabindex: -1, dir: 'auto' }, profile.displayName),
                  h('p', null, [roles, place(profile.regionCode), profile.profileId].filter(Boolean).join(' · ')),
                  h('div', { class: 'chips' }, profile.verifiedBy ? chip(t('verified', { who: profile.verifiedBy }), 'good') : null,
                      profile.hidden ? chip(t('hidden'), 'bad') : null))),
          h('div', { class: 'row' },
              h('a', { class: 'button primary', href: `#/recommend/${encodeURIComponent(id)}` }, t('to_recommend')),
              h('a', { class: 'button', href: `#/capital/${encodeURIComponent(id)}` }, t('to_capital')))),
      h('div', { class: 'columns' },
          h('div', { class: 'stack w7' }, card(t('ties_title'), ties), (profile.facets ?? []).map(facetCard)),
          h('div', { class: 'stack w5' },
              h('section', { class: 'card' }, h('p', { class: profile.about ? '' : 'muted', vars: { 'overflow-wrap': 'anywhere' } }, profile.about || t('about_missing'))),
              card(t('standing_title'), standing), factsCard(profile))),
    ];
  }, signal).then(() => { if (document.activeElement === document.body) body.querySelector('h1')?.focus(); });
}

export function membersPage({ body, id, params, signal, go }) {
  if (id === '') searchView(body, params, signal, go);
  else profileView(body, id, signal);
}
