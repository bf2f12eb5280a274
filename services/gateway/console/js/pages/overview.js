// How the cluster is: health, how current, how fast, how complete.

import { api } from '../api.js';
import { h, put } from '../dom.js';
import { spark } from '../graphics/spark.js';
import { head } from '../page.js';
import { card, chip, failure, loading, table, twin } from '../ui.js';
import { bytes, cap, number, percent, t, when, word } from '../words.js';

const SERVICES = ['profile', 'search', 'matching'];
const SECONDS = 3;
const KEPT = 60;

function part(status, name) {
  return status?.components?.find((c) => c.name === name)?.figures ?? {};
}

// How many revisions a follower is behind the record.
function behind(readings, service) {
  const record = Number(readings.profile?.revision ?? 0);
  return Math.max(0, record - Number(readings[service]?.revision ?? 0));
}

// The recall that search measures on its own live queries, the least of its
// parts; null while nothing was measured.
function recallOf(search) {
  const found = (search?.components ?? []).map((c) => c.figures?.recall).filter((value) => value > 0);
  return found.length === 0 ? null : Math.min(...found);
}

function serviceCard(name, readings, errors) {
  const status = readings[name];
  const title = t(`svc_${name}`);
  if (errors[name]) {
    return h('section', { class: 'card w4' },
        h('header', null, h('h2', null, title), chip(t('away'), 'bad')),
        errors[name].httpStatus === 403 ? h('p', { class: 'muted' }, t('not_allowed', { scope: 'operations:read' })) : failure(errors[name]));
  }
  const lag = behind(readings, name);
  const sick = (status.components ?? []).filter((c) => !c.ok);
  return h('section', { class: 'card w4' },
      h('header', null, h('h2', null, title),
          chip([h('span', { class: 'dot' }), status.ready ? t('ready') : t('not_ready')], status.ready ? 'good' : 'bad')),
      h('dl', { class: 'figures' },
          h('div', { class: 'figure' }, h('dt', null, t('revision')), h('dd', null, number(status.revision))),
          name === 'profile' ? null : h('div', { class: 'figure' }, h('dt', null, t('behind')),
              h('dd', null, lag === 0 ? t('behind_none') : t('behind_by', { n: number(lag) })))),
      status.notReadyReason ? h('p', { class: 'notice' }, status.notReadyReason) : null,
      sick.length > 0 ? h('p', { class: 'notice error' }, sick.map((c) => `${c.name} ${c.detail ?? ''}`).join(', ')) : null,
      h('p', { class: 'muted small' }, t('since', { time: when(status.startTime) }), ' · ', t('version', { v: status.version })));
}

// Readings in a row, and what they say per second.
class Rates {
  constructor() {
    this.history = [];
    this.last = null;
  }

  add(readings, now) {
    const slates = part(readings.matching, 'slates');
    const record = part(readings.profile, 'record');
    const served = (slates.hits ?? 0) + (slates.redis_hits ?? 0) + (slates.misses ?? 0);
    const reading = { now, revision: Number(readings.profile?.revision ?? 0), served, hits: served - (slates.misses ?? 0), commits: record.commits ?? 0 };
    if (this.last) {
      const seconds = (now - this.last.now) / 1000;
      const per = (key) => Math.max(0, reading[key] - this.last[key]) / seconds;
      const fresh = reading.served - this.last.served;
      this.history.push({ now, writes: per('revision'), slates: per('served'), commits: per('commits'),
        cached: fresh > 0 ? (reading.hits - this.last.hits) / fresh : null });
      this.history = this.history.slice(-KEPT);
    }
    this.last = reading;
  }
}

function rateCard(title, rates, key, tone) {
  const values = rates.history.map((p) => p[key]);
  const now = values.length > 0 ? number(values[values.length - 1], 1) : '–';
  return h('section', { class: 'card w4' }, h('header', null, h('h2', null, title), h('strong', null, now)),
      spark(`${title}: ${now}`, values, tone),
      twin(title, [t('time'), t('value')], rates.history.slice(-12).reverse().map((p) =>
        [new Date(p.now).toLocaleTimeString(), { number: number(p[key], 1) }])));
}

function networkCard(readings) {
  const state = part(readings.matching, 'state');
  const slates = part(readings.matching, 'slates');
  const all = (slates.hits ?? 0) + (slates.redis_hits ?? 0) + (slates.misses ?? 0);
  const recall = recallOf(readings.search);
  const figures = [
    [t('members'), number(state.members)], [t('ties'), number(state.ties)], [t('evidence'), number(state.evidence)],
    [t('cache_share'), all > 0 ? percent(((slates.hits ?? 0) + (slates.redis_hits ?? 0)) / all) : '–'],
    [t('recall'), recall === null ? h('small', null, t('recall_none')) : number(recall, 3)],
    [t('memory'), bytes((part(readings.search, 'index').bytes ?? 0) + (state.member_bytes ?? 0) + (state.tie_bytes ?? 0))],
  ];
  return h('section', { class: 'card w12' }, h('dl', { class: 'figures' },
      figures.map(([name, value]) => h('div', { class: 'figure' }, h('dt', null, name), h('dd', null, value)))));
}

function partitionsCard(search) {
  const rows = (search?.components ?? []).filter((c) => c.name.startsWith('partition/')).map((c) => {
    const f = c.figures ?? {};
    return [cap(word('Role', `ROLE_${c.name.slice(10).toUpperCase()}`)), c.detail ?? '', { number: number(f.facets) },
      { number: number(f.graph_rows) }, { number: number(f.delta_rows) }, { number: number(f.dead_rows) }, { number: bytes(f.bytes) }];
  });
  if (rows.length === 0) return null;
  return h('section', { class: 'card w12' }, h('h2', null, t('partitions')),
      table(t('partitions'), [t('role'), t('structure'), t('facets'), t('in_graph'), t('in_delta'), t('dead'), t('memory')], rows));
}

function allParts(readings) {
  const rows = SERVICES.flatMap((service) => (readings[service]?.components ?? []).map((c) => [
    `${service}/${c.name}`, chip(c.ok ? t('good') : t('bad'), c.ok ? 'good' : 'bad'), c.detail ?? '',
    h('span', { class: 'mono' }, Object.entries(c.figures ?? {}).map(([k, v]) => `${k}=${number(v)}`).join('  ')),
  ]));
  return h('details', { class: 'more', id: 'all-parts' }, h('summary', null, t('components_all')),
      table(t('components_all'), [t('component'), t('state'), t('details'), t('figures')], rows));
}

async function read(signal) {
  const readings = {};
  const errors = {};
  await Promise.all(SERVICES.map(async (service) => {
    try {
      readings[service] = await api.status(service, signal);
    } catch (error) {
      errors[service] = error;
    }
  }));
  return { readings, errors };
}

export function overviewPage({ body, signal }) {
  const content = h('div', { class: 'columns level' }, h('div', { class: 'w12' }, loading()));
  body.append(head(t('nav_overview'), t('overview_lead'), chip([h('span', { class: 'dot' }), t('live', { n: SECONDS })], 'cool')), content);
  const rates = new Rates();
  const step = async () => {
    if (signal.aborted) return;
    const { readings, errors } = document.hidden ? {} : await read(signal);
    if (signal.aborted) return;
    if (readings) {
      if (Object.keys(errors).length === 0) rates.add(readings, Date.now());
      // What the user has opened stays open, and the focus where it was.
      const open = [...content.querySelectorAll('details')].map((d) => d.open);
      const focus = [...content.querySelectorAll('summary')].indexOf(document.activeElement);
      put(content, networkCard(readings), SERVICES.map((name) => serviceCard(name, readings, errors)),
          h('div', { class: 'w12' }, h('h2', null, t('rates')), h('p', { class: 'muted small' }, t('rates_hint'))),
          rateCard(t('writes_rate'), rates, 'writes', 'accent'), rateCard(t('slates_rate'), rates, 'slates', 'leaf'),
          rateCard(t('commits_rate'), rates, 'commits', 'soga'), partitionsCard(readings.search),
          h('section', { class: 'card w12' }, allParts(readings)));
      [...content.querySelectorAll('details')].forEach((d, i) => { d.open = open[i] ?? false; });
      if (focus >= 0) content.querySelectorAll('summary')[focus]?.focus();
    }
    setTimeout(step, SECONDS * 1000);
  };
  step();
}
