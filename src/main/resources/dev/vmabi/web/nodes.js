// Nodes: those a question finds, and one.
import { h } from './dom.js';
import { count, cpus, kernelShort, short } from './format.js';
import { abiLink, facts, link, nodeLink, nodeState, policyLink, section, table, vmStates } from './parts.js';
import { filters, some } from './filters.js';

export const load = (api, route) => route.name
  ? api('nodes/' + encodeURIComponent(route.name))
  : Promise.all([api('nodes?' + route.query), api('fleet')]);

export const title = route => route.name || 'Nodes';

export const render = (page, route) => route.name ? one(page) : list(page, route);

function list([page, fleet], route) {
  return [h('div', { class: 'head' }, h('h1', null, 'Nodes'), h('p', { role: 'status' }, count(page.total, 'node') + some(page))),
    filters(route, {
      policy: ['Policy', fleet.policies.map(p => [p.name, p.name])],
      state: ['State', [['Accepting', 'accepts'], ['Fenced', 'fenced'], ['Waiting', 'waiting'], ['NoPolicy', 'no policy']]],
    }, 'Name contains'),
    table('Nodes', ['Node', 'State', 'Policy', 'Kernel', 'CPU', 'Profile', 'Why'], page.items.map(n => h('tr', { 'data-key': n.name },
      h('th', { scope: 'row' }, nodeLink(n.name)), h('td', { class: 'nowrap' }, nodeState(n.state)),
      h('td', null, n.policy ? policyLink(n.policy) : ''), h('td', null, kernelShort([n.kernel])),
      h('td', { class: 'nowrap' }, n.cpus.length ? cpus(n.cpus) : ''), h('td', { class: 'mono' }, n.profile ? h('a', { href: link.nodes({ profile: n.profile }) }, n.profile.slice(0, 8)) : ''),
      h('td', { class: 'why' }, n.reason))))];
}

function one({ row, bootId, agent, kvm, proofs, labels, virtualMachines, leave, stay }) {
  const marks = [row.ready ? null : 'not Ready', row.schedulable ? null : 'cordoned'].filter(Boolean);
  return [h('p', { class: 'crumb' }, h('a', { href: '#/nodes' }, 'Nodes'), row.policy ? [' / ', policyLink(row.policy)] : null),
    h('div', { class: 'head' }, h('h1', null, row.name), h('p', null, nodeState(row.state), marks.length ? ', ' + marks.join(', ') : '')),
    row.reason ? h('p', { class: 'said' }, row.reason) : null,
    h('div', { class: 'columns' },
      section('host', 'The host', null, facts([
        ['CPU', row.cpus.length ? cpus(row.cpus) + ' (' + row.cpus.join(', ') + ')' : 'not reported'], ['Kernel', row.kernel], ['KVM', kvm],
        ['Class', row.policy && row.hostClass ? h('a', { class: 'mono', href: link.class(row.policy, row.hostClass) }, row.hostClass) : 'not known'],
        ['Profile', row.profile ? h('a', { class: 'mono', href: link.nodes({ profile: row.profile }) }, row.profile) : 'not known'],
        ['Boot', h('code', null, bootId)], ['Agent', agent ?? 'has not reported']])),
      section('proofs', 'What its kernel proved', 'Each guest ABI was written to a scratch VM and read back.', table('Proofs', ['Guest ABI', 'Kernel', 'Label', 'Refused'], proofs.map(p => h('tr', { 'data-key': p.guestABI },
        h('th', { scope: 'row' }, abiLink(p.guestABI)),
        h('td', null, h('span', { class: 'tag ' + (p.accepted ? 'go' : 'stop') }, p.accepted ? 'takes it' : 'refuses')),
        h('td', null, labels.includes(short(p.guestABI)) ? 'on the node' : h('span', { class: 'soft' }, 'none')),
        h('td', { class: 'why' }, (p.refused ?? []).map(r => h('div', null, h('code', null, r.register), ` ${r.error}`, r.wanted ? `: wanted ${r.wanted}` : '', r.offered ? `, offers ${r.offered}` : ''))))))),
      h('div', { class: 'wide' }, section('vms', 'Its VMs', virtualMachines.length ? `If it were drained now, ${count(leave, 'VM')} could leave and ${stay.toLocaleString('en')} could not.` : null,
        virtualMachines.length ? table('VMs', ['VM', 'State', 'Guest ABI'], virtualMachines.map(v => h('tr', null,
          h('th', { scope: 'row' }, h('a', { href: link.vm(v.namespace, v.name) }, `${v.namespace}/${v.name}`)), h('td', null, vmStates(v.states)), h('td', null, v.guestAbi ? abiLink(v.guestAbi) : ''))))
          : h('p', { class: 'soft' }, 'No VM runs here.'))))];
}
