// Pieces that several views share.
import { h } from './dom.js';
import { count, short } from './format.js';

const enc = encodeURIComponent;

export const link = {
  policy: name => `#/policy/${enc(name)}`,
  class: (policy, label) => `#/policy/${enc(policy)}/class/${label}`,
  node: name => `#/node/${enc(name)}`,
  vm: (namespace, name) => `#/vm/${enc(namespace)}/${enc(name)}`,
  abi: label => `#/guest-abi/${label}`,
  decision: number => `#/decisions/${number}`,
  nodes: query => '#/nodes' + params(query),
  vms: query => '#/vms' + params(query),
};

function params(query) {
  const text = new URLSearchParams(Object.entries(query).filter(([, v]) => v)).toString();
  return text ? '?' + text : '';
}

export const policyLink = name => h('a', { href: link.policy(name) }, name);
export const nodeLink = name => h('a', { href: link.node(name) }, name);
export const abiLink = digest => h('a', { class: 'mono', href: link.abi(short(digest)) }, short(digest));

const NODE_STATES = {
  Accepting: ['go', 'accepts'], Fenced: ['stop', 'fenced'], Waiting: ['wait', 'waiting'], Conflict: ['wait', 'conflict'],
  NoPolicy: ['none soft', 'no policy'],
};
const VM_STATES = {
  OnBaseline: ['go', 'on the baseline'], PendingRestart: ['wait', 'pending restart'], Islanded: ['isle', 'islanded'],
  Stranded: ['stop', 'stranded'], Unknown: ['stop', 'unknown'],
};
const VERDICTS = { steer: ['go', 'steered'], deny: ['stop', 'denied'], audit: ['wait', 'audited'], allow: ['none soft', 'let through'] };

const tag = (table, name) => {
  const [style, text] = table[name] ?? ['none soft', name];
  return h('span', { class: 'tag ' + style }, text);
};
export const nodeState = name => tag(NODE_STATES, name);
export const vmState = name => tag(VM_STATES, name);
export const verdict = name => tag(VERDICTS, name);
export const vmStates = states => states.length ? states.map(s => [vmState(s), ' ']) : h('span', { class: 'tag none soft' }, 'other than the baseline');

export const condition = (conditions, type) => conditions.find(c => c.type === type);
export const isTrue = (conditions, type) => condition(conditions, type)?.status === 'True';

/** Nodes before the fence at the left of the post, nodes past it at the right. */
export function fence(nodes, pinned) {
  const waiting = nodes.matched - nodes.accepting - nodes.fenced;
  const part = (cls, n) => n > 0 ? h('span', { class: cls, style: { 'flex-grow': n, 'flex-basis': '0' } }) : null;
  const text = `${nodes.fenced} fenced, ${waiting} waiting, ${nodes.accepting} past the fence`;
  return h('div', { class: 'fence', role: 'img', 'aria-label': text, 'data-pinned': String(pinned) },
    part('before', nodes.fenced), part('at', waiting), h('span', { class: 'post' }),
    part('past', nodes.accepting), pinned && nodes.accepting === 0 ? h('span', { class: 'rest', style: { 'flex-grow': 1 } }) : null);
}

export function nodeCounts(policy, nodes) {
  const waiting = nodes.matched - nodes.accepting - nodes.fenced;
  const some = (n, text, state, cls) => n > 0 ? h('a', { class: 'some ' + cls, href: link.nodes({ policy, state }) }, `${n.toLocaleString('en')} ${text}`) : null;
  return h('p', { class: 'counts' },
    some(nodes.fenced, 'fenced', 'Fenced', 'stop'), some(waiting, 'waiting', 'Waiting', 'wait'),
    h('a', { class: 'some', href: link.nodes({ policy, state: 'Accepting' }) }, `${nodes.accepting.toLocaleString('en')} of ${count(nodes.matched, 'node')} accept`));
}

export function vmCounts(policy, vms) {
  if (vms.total === 0) return h('p', { class: 'counts' }, 'no VMs');
  const some = (n, text, state, cls) => n > 0 ? h('a', { class: 'some ' + cls, href: link.vms({ policy, state }) }, `${n.toLocaleString('en')} ${text}`) : null;
  return h('p', { class: 'counts' },
    h('a', { class: 'some', href: link.vms({ policy }) }, count(vms.total, 'VM')),
    some(vms.onBaseline, 'on the baseline', 'OnBaseline', ''), some(vms.pendingRestart, 'pending restart', 'PendingRestart', 'wait'),
    some(vms.islanded, 'islanded', 'Islanded', 'isle'), some(vms.stranded, 'stranded', 'Stranded', 'stop'), some(vms.unknown, 'unknown', 'Unknown', 'stop'));
}

export const chipList = (names, cls) => names?.length ? h('ul', { class: 'chips' }, chips(names, cls)) : null;

export const chips = (names, cls) => names.map(n => h('li', { class: cls ?? null }, n));

export const facts = rows => h('dl', { class: 'facts' },
  rows.filter(Boolean).map(([name, ...what]) => [h('dt', null, name), h('dd', null, what)]));

/** A table that scrolls by itself where it is wider than the screen; on a narrow one each cell says what it is. */
export function table(label, heads, rows, props = {}) {
  rows.forEach(row => [...row.children].forEach((cell, i) => {
    cell.setAttribute('data-label', heads[i]);
    if (cell.childNodes.length) cell.replaceChildren(h('div', null, ...cell.childNodes));
  }));
  return h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': label },
    h('table', { class: 'list', ...props },
      h('thead', null, h('tr', null, heads.map(t => h('th', { scope: 'col' }, t)))),
      h('tbody', null, rows)));
}

export const section = (id, title, lead, ...content) => h('section', { id, 'aria-labelledby': id + '-title' },
  h('h2', { id: id + '-title' }, title), lead ? h('p', { class: 'lead' }, lead) : null, content);

export const examples = (names, total, all) => [
  names.flatMap((n, i) => [i ? ', ' : '', nodeLink(n)]),
  total > names.length ? [' and ', h('a', { href: all }, `${(total - names.length).toLocaleString('en')} more`)] : null,
];
