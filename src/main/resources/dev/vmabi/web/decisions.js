// What the gate decided lately.
import { h } from './dom.js';
import { time } from './format.js';
import { link, table, verdict } from './parts.js';

export const load = api => api('decisions');

export const title = () => 'Decisions';

export const render = (decisions, route) => [
  h('div', { class: 'head' }, h('h1', null, 'What the gate decided'), h('p', null, 'The last 200 on this replica; the metrics count all.')),
  decisionTable(decisions, route.name),
];

export function decisionTable(decisions, chosen) {
  if (decisions.length === 0) return h('p', { class: 'soft' }, 'Nothing yet, since this replica started.');
  return table('Decisions', ['When', 'Verdict', 'Hook', 'VM', 'What was said'], decisions.map(d => h('tr', { 'data-key': 'd' + d.number, class: String(d.number) === chosen ? 'here' : null },
    h('td', { class: 'nowrap' }, h('a', { href: link.decision(d.number) }, time(d.at))),
    h('td', { class: 'nowrap' }, verdict(d.verdict), h('div', { class: 'small soft' }, d.reason)), h('td', null, d.hook),
    h('td', null, h('a', { href: link.vm(d.namespace, d.vm) }, `${d.namespace}/${d.vm}`)), h('td', { class: 'why said' }, d.text))));
}
