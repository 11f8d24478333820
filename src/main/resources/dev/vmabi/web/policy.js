// One policy: its fence, what holds it down, its classes, and who is kept out.
import { h } from './dom.js';
import { count, kernelShort, cpus, letter, short, time, value } from './format.js';
import { abiLink, chipList, chips, condition, examples, facts, fence, isTrue, link, nodeCounts, nodeState, section, table } from './parts.js';
import { matrix } from './matrix.js';
import { digraph } from './digraph.js';

export const load = (api, route) => api('policies/' + encodeURIComponent(route.name));

export const title = route => route.name;

export function render(page, route) {
  const status = page.status;
  const head = h('div', { class: 'head' }, h('h1', null, page.name),
    h('p', null, `${page.spec.vmm.name} ${page.spec.vmm.minimumVersion} or later`,
      page.spec.enforcement === 'Audit' ? ', only audits' : ''));
  const crumb = h('p', { class: 'crumb' }, h('a', { href: '#/' }, 'Fences'));
  if (!status) return [crumb, head, h('p', { class: 'lone' }, 'The operator has not decided on this policy yet.')];
  const classes = page.classes.classes;
  const about = new Map(status.classes?.map(c => [short(c.digest), c]));
  if (route.rest[0] === 'class') return hostClass(page, classes, about, route.rest[1]);
  const chosen = classes.map(c => ({ ...c, edges: about.get(c.label) }));
  return [crumb, head, h('div', { class: 'columns' },
    section('fence', 'The fence', null, fenceFacts(page, status)),
    section('holds-down', 'What holds it down', heldLead(status), heldTable(page, status, classes)),
    h('div', { class: 'wide' }, section('classes', 'Classes by feature',
      'Hosts that show a guest the same are one class, however many nodes it has. Only what tells classes apart, or from the baseline, is listed.',
      matrix(page.name, page.classes, status.baseline))),
    h('div', { class: 'wide' }, section('accepts', 'Who accepts whom',
      'An arrow leads to where the VMs of a class can go. Boxes in one frame accept each other; arrows that follow from others are left out.',
      digraph(page.name, chosen))),
    section('kept', 'Nodes kept out', null, kept(page)),
    section('vms', 'VMs', null, vms(page.name, status.virtualMachines)),
    section('history', 'History', null, history(status)),
    section('conditions', 'Conditions', null, conditions(status)))];
}

function fenceFacts(page, status) {
  const pin = status.baseline;
  const next = pin ? status.candidate : null;
  const raise = page.spec.raise;
  return [
    fence(status.nodes, Boolean(pin)), nodeCounts(page.name, status.nodes), h('p', null, '\u00a0'),
    facts([
      ['Baseline', pin
        ? [abiLink(pin.digest), `, generation ${pin.generation}, ${count(pin.features?.length ?? 0, 'feature')}, pinned `, time(pin.pinnedAt)]
        : h('span', { class: 'soft' }, condition(status.conditions, 'BaselinePinned')?.message)],
      pin?.clamp ? ['The VMM must impose', h('code', null, pin.clamp)] : null,
      ['Candidate', next ? candidate(next, status) : h('span', { class: 'soft' }, pin ? 'none: the fleet can honour no other baseline' : status.candidate ? [abiLink(status.candidate.digest), ` would be the first, proved by ${status.candidate.proved} of ${status.candidate.needed}`] : 'none')],
      ['Soak', [raise.strategy === 'Automatic' ? 'raises by itself after ' : 'by approval; the way back stays open for ', raise.soak,
        next?.soakEndsAt ? [', over ', time(next.soakEndsAt)] : null]],
      ['Way back', status.previous
        ? [abiLink(status.previous.digest), ` (generation ${status.previous.generation}), closes `, time(status.previous.finalisedAt)]
        : h('span', { class: 'soft' }, 'closed')],
      ...(status.fences ?? []).map(f => [f.fence, [f.raised ? h('span', { class: 'tag go' }, 'raised') : h('span', { class: 'tag none' }, 'not raised'), ` ${f.crossed} of ${f.total} are past it`]]),
    ])];
}

function candidate(next, status) {
  const proved = isTrue(status.conditions, 'RaiseAvailable');
  return [
    h('p', null, abiLink(next.digest), `, proved by ${next.proved} of ${next.needed} `, proved ? ['since ', time(next.provedAt)] : null),
    h('ul', { class: 'chips' }, chips(next.gains ?? [], 'gain'), chips(next.losses ?? [], 'loss')),
    proved ? h('pre', null, `spec.raise.approve: ${next.digest}`) : null,
  ];
}

function heldLead(status) {
  const n = status.holdsDown?.length ?? 0;
  if (n === 0) return status.baseline ? 'Nothing: no class takes less than the others.' : 'There is no common minimum to hold down.';
  return n >= 20 ? 'The first 20, by what would be gained.' : null;
}

function heldTable(page, status, classes) {
  const rows = new Map();
  for (const held of status.holdsDown ?? []) {
    const row = rows.get(held.field) ?? { ...held, classes: new Set(), nodes: 0 };
    const index = classes.findIndex(c => c.profiles.includes(short(held.profile)));
    if (index >= 0) row.classes.add(index);
    row.nodes += held.nodes;
    rows.set(held.field, row);
  }
  if (rows.size === 0) return null;
  return table('What holds the fence down', ['Field', 'Held at', 'Could be', 'Gains', 'Held by'], [...rows.values()].map(r => h('tr', { 'data-key': r.field },
    h('th', { scope: 'row', class: 'mono' }, r.field),
    h('td', { class: 'mono' }, value(r.field, r.held)), h('td', { class: 'mono' }, value(r.field, r.otherwise)),
    h('td', null, chipList(r.gains)),
    h('td', null, [...r.classes].map((i, n) => [n ? ', ' : '', h('a', { href: link.class(page.name, classes[i].label) }, letter(i))]), `, ${count(r.nodes, 'node')}`))));
}

function kept(page) {
  if (page.kept.length === 0) return h('p', { class: 'soft' }, 'None: every node of the pool accepts.');
  return table('Nodes kept out', ['State', 'Nodes', 'Why', 'Guests would lose'], page.kept.map(k => h('tr', { 'data-key': k.state + k.reason },
    h('td', null, nodeState(k.state)),
    h('td', { class: 'names' }, h('a', { href: link.nodes({ policy: page.name, state: k.state }) }, k.nodes.toLocaleString('en')), h('div', { class: 'small soft' }, examples(k.examples, k.nodes, link.nodes({ policy: page.name, state: k.state })))),
    h('td', { class: 'why' }, k.reason),
    h('td', null, chipList(k.lost, 'loss')))));
}

function vms(policy, v) {
  if (v.total === 0) return h('p', { class: 'soft' }, 'No VM runs in this policy\u2019s scope.');
  const tile = (n, text, state, cls) => h('a', { href: link.vms({ policy, state }) }, h('b', { class: n > 0 ? cls : 'soft' }, n.toLocaleString('en')), h('span', null, text));
  return h('div', { class: 'tiles' }, tile(v.total, 'VMs', '', ''), tile(v.onBaseline, 'on the baseline', 'OnBaseline', 'go'),
    tile(v.pendingRestart, 'pending restart', 'PendingRestart', 'wait'), tile(v.islanded, 'islanded', 'Islanded', 'isle'), tile(v.stranded, 'stranded', 'Stranded', 'stop'), tile(v.unknown, 'unknown', 'Unknown', 'stop'));
}

function history(status) {
  if (!status.history?.length) return h('p', { class: 'soft' }, 'Nothing was ever pinned.');
  return table('History', ['When', 'What', 'Gen', 'Baseline', 'Why'], status.history.map(c => h('tr', null,
    h('td', { class: 'nowrap' }, time(c.at)), h('td', null, c.what), h('td', { class: 'num' }, String(c.generation)), h('td', null, abiLink(c.digest)), h('td', { class: 'why' }, c.why))));
}

function conditions(status) {
  const good = c => (c.status === 'True') !== ['Degraded', 'Stalled'].includes(c.type);
  const style = c => c.type === 'RaiseAvailable' ? (c.status === 'True' ? 'go' : 'none soft') : good(c) ? 'go' : 'stop';
  return table('Conditions', ['Condition', 'Reason', 'Message', 'Since'], status.conditions.map(c => h('tr', null,
    h('th', { scope: 'row' }, h('span', { class: 'tag ' + style(c) }, `${c.type}=${c.status}`)),
    h('td', null, c.reason), h('td', { class: 'why' }, c.message), h('td', { class: 'nowrap' }, time(c.lastTransitionTime)))));
}

function hostClass(page, classes, about, label) {
  const index = classes.findIndex(c => c.label === label);
  const crumb = h('p', { class: 'crumb' }, h('a', { href: '#/' }, 'Fences'), ' / ', h('a', { href: link.policy(page.name) }, page.name));
  if (index < 0) return [crumb, h('p', { class: 'lone' }, `No node of ${page.name} is of class ${label} now.`)];
  const c = classes[index];
  const edges = about.get(label);
  const name = other => {
    const i = classes.findIndex(k => k.label === other);
    return i < 0 ? h('code', null, other) : [h('a', { href: link.class(page.name, other) }, 'class ' + letter(i)), ` (${kernelShort(classes[i].kernels)}, ${cpus(classes[i].cpus)})`];
  };
  const goes = classes.filter(k => about.get(k.label)?.accepts?.includes(label));
  return [crumb,
    h('div', { class: 'head' }, h('h1', null, 'Class ' + letter(index)), h('p', { class: 'mono' }, label)),
    facts([
      ['Hosts', [cpus(c.cpus), ', Linux ', c.kernels.join(', ')]],
      ['Nodes', [h('a', { href: link.nodes({ policy: page.name, class: label }) }, count(c.nodes, 'node')), ' ', Object.entries(c.states).map(([s, n]) => [' ', nodeState(s), ` ${n}`])]],
      ['Profiles', c.profiles.map(p => [h('a', { class: 'mono', href: link.nodes({ profile: p }) }, p), ' '])],
      ['Its VMs can go to', goes.length ? h('ul', null, goes.map(k => h('li', null, name(k.label)))) : h('span', { class: 'soft' }, 'nodes of its own class alone')],
      ['It takes VMs of', edges?.accepts?.length ? h('ul', null, edges.accepts.map(d => h('li', null, name(d)))) : h('span', { class: 'soft' }, 'its own class alone')],
    ]),
    edges?.refuses?.length ? section('refuses', 'Whose VMs it refuses, and why', null,
      table('Refused classes', ['Class', 'First reason'], edges.refuses.map(r => h('tr', null, h('td', { class: 'nowrap' }, name(r.digest)), h('td', { class: 'why' }, r.reason))))) : null];
}
