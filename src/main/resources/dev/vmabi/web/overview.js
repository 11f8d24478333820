// Where every fence stands, in one look.
import { h } from './dom.js';
import { count, time } from './format.js';
import { abiLink, condition, fence, isTrue, link, nodeCounts, policyLink, vmCounts } from './parts.js';
import { decisionTable } from './decisions.js';

export const load = api => api('fleet');

export const title = () => 'Fences';

export function render(page) {
  if (page.policies.length === 0) {
    return [h('div', { class: 'lone' },
      h('h1', null, 'No policy yet'),
      h('p', null, `${count(page.nodes, 'node')} here, and no VirtualMachineABI that selects any. Apply one, and its fence appears.`))];
  }
  return [
    h('div', { class: 'head' }, h('h1', null, 'Where the fences stand'),
      h('p', null, `${count(page.policies.length, 'policy', 'policies')}, ${count(page.nodes, 'node')}`
        + (page.unmanagedNodes ? ` (${page.unmanagedNodes.toLocaleString('en')} without a policy)` : '')
        + `, ${count(page.virtualMachines, 'VM')}`)),
    h('ol', { class: 'policies' }, page.policies.map(line)),
    h('section', { 'aria-labelledby': 'gate' },
      h('h2', { id: 'gate' }, h('a', { href: '#/decisions' }, 'What the gate decided lately')),
      h('p', { class: 'lead' }, 'On this replica', page.replica ? [' (', h('code', null, page.replica), ')'] : null, '; each replica answers for itself.'),
      decisionTable(page.decisions)),
  ];
}

function line(p) {
  const pin = p.baseline;
  return h('li', { 'data-key': p.name },
    h('div', null,
      h('h2', null, policyLink(p.name)),
      h('p', { class: 'gen' }, pin
        ? [`generation ${pin.generation}, `, abiLink(pin.digest), `, ${count(p.features, 'feature')}`]
        : h('span', { class: 'tag none' }, 'nothing is pinned')),
      h('p', { class: 'gen' }, p.vmm, ' or later', p.enforcement === 'Audit' ? ['; ', h('span', { class: 'tag wait' }, 'only audits')] : null)),
    h('div', null, p.nodes
      ? [fence(p.nodes, Boolean(pin)), nodeCounts(p.name, p.nodes), vmCounts(p.name, p.virtualMachines)]
      : h('p', { class: 'soft' }, 'not decided yet')),
    h('div', { class: 'note' }, notes(p)));
}

/** What asks for attention, or that nothing does. */
function notes(p) {
  const notes = [];
  for (const type of ['Ready', 'Degraded']) {
    const c = condition(p.conditions, type);
    if (c && (c.status === 'True') === (type === 'Degraded')) {
      notes.push(h('p', null, h('span', { class: 'tag stop' }, c.reason), ' ', h('span', { class: 'soft' }, c.message)));
    }
  }
  const converged = condition(p.conditions, 'Converged');
  if (p.baseline && converged?.status === 'False') {
    notes.push(h('p', null, h('span', { class: 'tag ' + (p.nodes.fenced ? 'stop' : 'wait') }, converged.reason), ' ', h('span', { class: 'soft' }, converged.message)));
  }
  if (p.baseline && p.candidate) {
    const { gains, losses, proved, needed, soakEndsAt } = p.candidate;
    notes.push(h('p', null, h('span', { class: 'tag ' + (isTrue(p.conditions, 'RaiseAvailable') ? 'go' : 'wait') },
      isTrue(p.conditions, 'RaiseAvailable') ? 'can be raised' : 'a raise is being proved'), ' ',
      h('span', { class: 'soft' }, [`gains ${gains?.length ?? 0}, loses ${losses?.length ?? 0}; proved by ${proved} of ${needed}`,
        soakEndsAt ? ['; soaks until ', time(soakEndsAt)] : null])));
  }
  if (p.previous) {
    notes.push(h('p', null, h('span', { class: 'tag wait' }, 'way back open'), ' ',
      h('span', { class: 'soft' }, `to generation ${p.previous.generation}, closes `, time(p.previous.finalisedAt))));
  }
  if (p.baseline?.clamp) {
    notes.push(h('p', { class: 'soft' }, 'The VMM must impose ', h('code', null, p.baseline.clamp)));
  }
  if (notes.length === 0) {
    notes.push(h('p', { class: 'soft' }, converged ? 'Every node accepts. Nothing to do.' : ''));
  }
  return notes;
}
