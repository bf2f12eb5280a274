// A member's social capital and the next steps.

import { api } from '../api.js';
import { h } from '../dom.js';
import { radar } from '../graphics/radar.js';
import { head } from '../page.js';
import { card, chip, load, memberPicker, meter, twin } from '../ui.js';
import { cap, number, percent, t, word } from '../words.js';

function sides(scores) {
  return h('div', { class: 'sides' }, scores.map((score) => h('div', null,
      meter(cap(word('CapitalDimension', score.dimension)), score.percentile, Number(score.percentile ?? 0) < 0.34 ? 'soga' : 'accent'),
      h('p', { class: 'small muted' }, score.text))));
}

function stepsCard(steps) {
  return card(t('steps'), steps.length === 0 ? h('p', { class: 'muted' }, t('steps_none')) : h('ol', { class: 'steps' }, steps.map((step) =>
    h('li', null, h('div', null, h('p', null, step.text),
        h('div', { class: 'chips' }, chip(cap(word('CapitalDimension', step.dimension)), 'cool'),
            step.profileId ? h('a', { class: 'chip', href: `#/members/${encodeURIComponent(step.profileId)}` }, t('open_member', { id: step.profileId })) : null)),
    chip(t('effect', { n: number(Number(step.effect ?? 0) * 100) }), 'good')))));
}

export function capitalPage({ body, id, signal, go }) {
  const content = h('div');
  body.append(head(t('nav_capital'), t('capital_lead')),
      h('section', { class: 'card' }, memberPicker(t('for_whom'), { value: id, choose: (chosen) => go('capital', chosen) })), content);
  if (id === '') {
    content.append(h('div', { class: 'empty' }, h('img', { src: 'kawung.svg', alt: '' }), h('p', null, t('choose_first'))));
    return;
  }
  load(content, async () => {
    const [profile, answer] = await Promise.all([api.profile(id, signal), api.diagnose(id, signal)]);
    const scores = answer.scores ?? [];
    const rows = scores.map((s) => [cap(word('CapitalDimension', s.dimension)), { number: percent(s.percentile) }, { number: number(s.value, 3) }, s.text ?? '']);
    return h('div', { class: 'columns' },
        h('section', { class: 'card w6' },
            h('header', null, h('h2', null, h('a', { href: `#/members/${encodeURIComponent(id)}`, dir: 'auto' }, profile.displayName)),
                h('span', { class: 'muted small' }, t('peers', { n: number(answer.peers) }))),
            radar(t('radar_label', { name: profile.displayName }), scores),
            h('p', { class: 'legend' }, h('span', null, h('i', { vars: { '--tone': 'var(--accent)' } }), profile.displayName),
                h('span', null, h('i', { vars: { '--tone': 'var(--soga)' } }), t('radar_half'))),
            twin(t('radar'), [t('side'), t('percentile'), t('raw'), t('meaning')], rows)),
        h('div', { class: 'stack w6' }, stepsCard(answer.steps ?? [])),
        h('section', { class: 'card w12' }, h('h2', null, t('radar')), sides(scores)));
  }, signal);
}
