// The matrix of classes by feature.
import { h } from './dom.js';
import { count, cpus, kernels, kernelShort, letter, value } from './format.js';
import { chips, link } from './parts.js';

const CELLS = { 1: ['y', 'has it'], 0: ['n', 'lacks it'], '-': ['d', 'lacks it and holds the fence down'] };

export function matrix(policy, { classes, common, rows }, baseline) {
  if (classes.length === 0) return h('p', { class: 'soft' }, 'No node of the pool has a report that holds.');
  const all = common.length === 0 ? null : h('details', { 'data-key': 'common' },
    h('summary', null, `${count(common.length, 'feature')} that every class has`), h('ul', { class: 'chips' }, chips(common)));
  if (rows.length === 0) return [h('p', { class: 'soft' }, `All ${count(classes.length, 'class', 'classes')} show the same features, and all of them are in the baseline.`), all];
  const groups = [
    ['Holds the fence down', rows.filter(r => r.cells.includes('-'))],
    ['In the baseline, and not everywhere', rows.filter(r => !r.cells.includes('-') && r.pinned)],
    [baseline ? 'Beyond the baseline' : 'Not everywhere', rows.filter(r => !r.cells.includes('-') && !r.pinned)],
  ];
  return [
    h('p', { class: 'key' }, Object.values(CELLS).map(([cls, text]) => h('span', { class: cls }, h('i'), text))),
    h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Matrix of classes by feature' },
      h('table', { class: 'matrix' },
        h('caption', { class: 'vh' }, 'Which class has which feature'),
        h('thead', null, h('tr', null, h('td'), classes.map((c, i) => h('th', { scope: 'col' },
          h('a', { href: link.class(policy, c.label), title: `${kernels(c.kernels)}, ${cpus(c.cpus)}, ${count(c.nodes, 'node')}` }, letter(i)),
          h('small', null, kernelShort(c.kernels)))))),
        groups.filter(([, r]) => r.length).map(([name, list]) => h('tbody', { 'data-key': name },
          h('tr', null, h('th', { class: 'group', scope: 'rowgroup', colspan: String(classes.length + 1) }, name)),
          alike(list).map(r => row(r, classes)))))),
    all];
}

/** Features that the same classes have share a line. */
function alike(rows) {
  const lines = new Map();
  for (const r of rows) {
    const key = r.values ? r.name : r.cells + r.pinned;
    if (lines.has(key)) lines.get(key).names.push(r.name); else lines.set(key, { ...r, names: [r.name] });
  }
  const has = line => [...line.cells].filter(c => c === '1').length;
  return [...lines.values()].sort((a, b) => has(b) - has(a));
}

function row(r, classes) {
  return h('tr', { 'data-key': r.name }, h('th', { scope: 'row' }, r.names.map(n => [h('span', null, n), ' '])), [...r.cells].map((c, i) => {
    const [cls, text] = CELLS[c];
    if (r.values) {
      const shown = value(r.name, r.values[i]);
      return h('td', { class: c === '-' ? 'stop' : 'soft', title: `class ${letter(i)}: ${shown}` }, shown);
    }
    return h('td', { class: cls }, h('i'), h('span', { class: 'vh' }, text));
  }));
}
