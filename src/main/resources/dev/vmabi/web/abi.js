// One guest ABI: what a guest of it sees, and who has proved it.
import { h } from './dom.js';
import { count } from './format.js';
import { chips, facts, link, policyLink, section, table } from './parts.js';

export const load = (api, route) => api('guest-abis/' + encodeURIComponent(route.name));

export const title = route => `Guest ABI ${route.name}`;

const ROLES = { baseline: 'baseline of', candidate: 'candidate of', previous: 'way back of' };

export const render = page => [
  h('p', { class: 'crumb' }, 'Guest ABI'),
  h('div', { class: 'head' }, h('h1', { class: 'mono' }, page.label)),
  facts([
    ['Name', h('code', null, page.digest)],
    ['It is', page.roles.length ? page.roles.map((r, i) => [i ? ', ' : '', ROLES[r.as], ' ', policyLink(r.policy)]) : h('span', { class: 'soft' }, 'of no policy')],
    ['VMs', h('a', { href: link.vms({ abi: page.label }) }, count(page.virtualMachines, 'VM'))],
    ['Nodes', `${page.proved.toLocaleString('en')} proved it, ${page.refused.toLocaleString('en')} refused, ${page.untried.toLocaleString('en')} have not tried`],
    page.vgicRevision === null ? null : ['vGIC revision', String(page.vgicRevision)],
  ]),
  section('features', count(page.features.length, 'feature'), null, h('ul', { class: 'chips' }, chips(page.features))),
  h('section', null, h('details', { 'data-key': 'registers' }, h('summary', null, count(page.registers.length, 'register')),
    table('Registers', ['Register', 'Value'], page.registers.map(r => h('tr', null, h('th', { scope: 'row', class: 'mono' }, r.name), h('td', { class: 'mono' }, r.value)))))),
];
