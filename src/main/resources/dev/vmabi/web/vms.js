// VMs: those a question finds, and one with where it can go.
import { h } from './dom.js';
import { count } from './format.js';
import { abiLink, chips, examples, facts, link, nodeLink, policyLink, section, table, vmState, vmStates } from './parts.js';
import { filters, some } from './filters.js';
import { decisionTable } from './decisions.js';

export const load = (api, route) => route.name
  ? api(`vms/${encodeURIComponent(route.name)}/${encodeURIComponent(route.rest[0] ?? '')}`)
  : Promise.all([api('vms?' + route.query), api('fleet')]);

export const title = route => route.name ? `${route.name}/${route.rest[0]}` : 'VMs';

export const render = (page, route) => route.name ? one(page) : list(page, route);

function list([page, fleet], route) {
  return [h('div', { class: 'head' }, h('h1', null, 'VMs'), h('p', { role: 'status' }, count(page.total, 'VM') + some(page))),
    filters(route, {
      policy: ['Policy', fleet.policies.map(p => [p.name, p.name])],
      state: ['State', [['OnBaseline', 'on the baseline'], ['PendingRestart', 'pending restart'], ['Islanded', 'islanded'], ['Stranded', 'stranded'], ['Unknown', 'unknown']]],
    }, 'Name contains'),
    table('VMs', ['VM', 'State', 'Policy', 'Node', 'Guest ABI'], page.items.map(v => h('tr', { 'data-key': v.namespace + '/' + v.name },
      h('th', { scope: 'row' }, h('a', { href: link.vm(v.namespace, v.name) }, `${v.namespace}/${v.name}`)),
      h('td', { class: 'nowrap' }, vmStates(v.states)), h('td', null, v.policy ? policyLink(v.policy) : ''),
      h('td', null, v.node ? nodeLink(v.node) : ''), h('td', null, v.guestAbi ? abiLink(v.guestAbi) : 'not known'))))];
}

const CURES = {
  PendingRestart: 'Its guest sees less than the baseline. A restart gives it the rest.',
  Islanded: 'It cannot move to every node that accepts the baseline. A restart on the baseline frees it.',
  Stranded: 'No other node takes it: until one does, or it is restarted, its node cannot be drained.',
  OnBaseline: 'Its guest sees just the baseline: it can go wherever the baseline is accepted.',
};

function one({ row, stamp, unknown, moved, clamp, missing, beyond, features, takers, takerExamples, kept, decisions }) {
  return [h('p', { class: 'crumb' }, h('a', { href: '#/vms' }, 'VMs'), row.policy ? [' / ', policyLink(row.policy)] : null),
    h('div', { class: 'head' }, h('h1', null, `${row.namespace}/${row.name}`), h('p', null, vmStates(row.states))),
    unknown ? h('p', { class: 'said' }, 'It stays where it is: ' + unknown + '.') : null,
    row.states.filter(s => CURES[s]).map(s => h('p', { class: 'soft' }, CURES[s])),
    h('div', { class: 'columns' },
      section('guest', 'The guest', null, facts([
        ['Runs on', row.node ? nodeLink(row.node) : 'no node'],
        ['Guest ABI', row.guestAbi ? [abiLink(row.guestAbi), `, ${count(features, 'feature')}`] : 'not known'],
        ['Stamp', stamp ? h('code', null, stamp) : 'none'],
        ['Has moved', moved ? 'yes: it kept its values, and gained registers that it had not' : 'no: it is where it booted'],
        clamp ? ['Its owner left out', h('code', null, clamp)] : null,
        missing.length ? ['Misses of the baseline', h('ul', { class: 'chips' }, chips(missing, 'loss'))] : null,
        beyond.length ? ['Sees beyond the baseline', h('ul', { class: 'chips' }, chips(beyond, 'gain'))] : null])),
      section('where', 'Where it can go', row.guestAbi ? 'By guest ABI alone; affinity, taints and room are the scheduler\u2019s.' : null,
        takers > 0 ? h('p', null, h('span', { class: 'tag go' }, count(takers, 'node')), ': ', examples(takerExamples, takers, link.nodes({ policy: row.policy })))
          : h('p', null, h('span', { class: 'tag stop' }, 'nowhere now')),
        kept.length ? table('What keeps it from the others', ['Nodes', 'Why not'], kept.map(k => h('tr', { 'data-key': k.reason },
          h('td', { class: 'names' }, h('div', null, k.nodes.toLocaleString('en')), h('div', { class: 'small soft' }, examples(k.examples, k.nodes, '#/nodes'))), h('td', { class: 'why' }, k.reason)))) : null),
      h('div', { class: 'wide' }, section('decisions', 'What the gate decided on it', null, decisionTable(decisions))))];
}
