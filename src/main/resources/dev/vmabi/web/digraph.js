// Who accepts whom: classes in frames of free movement, laid out from left to right as VMs can go.
import { h, svg } from './dom.js';
import { count, cpus, kernelShort, letter } from './format.js';
import { link } from './parts.js';

const W = 178, H = 46, GAP = 12, PAD = 14, COLUMN = 74;

export function digraph(policy, classes) {
  const known = classes.filter(c => c.edges);
  if (known.length < 2) return h('p', { class: 'soft' }, known.length ? 'One class: its VMs can go to every node of it.' : 'No class is known.');
  const at = new Map(known.map((c, i) => [c.label, i]));
  const letters = new Map(classes.map((c, i) => [c.label, letter(i)]));
  const to = known.map(() => new Set());
  known.forEach((c, i) => (c.edges.accepts ?? []).forEach(from => at.has(from) && to[at.get(from)].add(i)));
  return h('div', { class: 'graph' }, picture(policy, known, letters, to),
    h('p', { class: 'says', 'aria-hidden': 'true' }, 'Point at a class to see where its VMs can go.'),
    h('details', { 'data-key': 'as-table' }, h('summary', null, 'As a table'), asTable(known, letters, to)));
}

/** Sets of classes that all reach each other, each before those it leads to (Tarjan). */
function frames(to) {
  const index = [], low = [], stack = [], out = [];
  let counter = 0;
  const visit = v => {
    index[v] = low[v] = counter++;
    stack.push(v);
    for (const w of to[v]) {
      if (index[w] === undefined) { visit(w); low[v] = Math.min(low[v], low[w]); } else if (stack.includes(w)) low[v] = Math.min(low[v], index[w]);
    }
    if (low[v] === index[v]) {
      const frame = [];
      do frame.unshift(stack.pop()); while (frame[0] !== v);
      out.unshift(frame.sort((a, b) => a - b));
    }
  };
  to.forEach((_, v) => index[v] === undefined && visit(v));
  return out;
}

function layout(to) {
  const sets = frames(to).map(members => ({ members, layer: 0 }));
  const frameOf = [];
  sets.forEach((f, i) => f.members.forEach(m => { frameOf[m] = i; }));
  const leads = sets.map(() => new Map());
  to.forEach((targets, v) => targets.forEach(w => {
    if (frameOf[v] !== frameOf[w]) leads[frameOf[v]].set(frameOf[w], (leads[frameOf[v]].get(frameOf[w]) ?? 0) + 1);
  }));
  sets.forEach((f, i) => leads[i].forEach((_, j) => { sets[j].layer = Math.max(sets[j].layer, f.layer + 1); }));
  let height = 0, x = 0;
  const layers = [];
  sets.forEach(f => (layers[f.layer] ??= []).push(f));
  for (const layer of layers) {
    let y = 0, wide = 0;
    for (const f of layer) {
      f.columns = f.members.length > 4 ? Math.ceil(Math.sqrt(f.members.length / 2)) : 1;
      f.w = f.columns * (W + GAP) - GAP + 2 * PAD;
      f.h = Math.ceil(f.members.length / f.columns) * (H + GAP) - GAP + 2 * PAD;
      f.x = x;
      f.y = y;
      y += f.h + GAP;
      wide = Math.max(wide, f.w);
    }
    layer.height = y - GAP;
    height = Math.max(height, y - GAP);
    x += wide + COLUMN;
  }
  for (const layer of layers) layer.forEach(f => { f.y += (height - layer.height) / 2; });
  // Where every class of one frame can go to every class of another, one arrow says so for all.
  const whole = (i, j) => leads[i].get(j) === sets[i].members.length * sets[j].members.length;
  const arrows = [];
  sets.forEach((_, i) => leads[i].forEach((_n, j) => {
    if (!whole(i, j)) {
      for (const v of sets[i].members) for (const w of sets[j].members) if (to[v].has(w)) arrows.push([v, w]);
    } else if (![...leads[i].keys()].some(k => k !== j && whole(i, k) && leads[k].has(j) && whole(k, j))) {
      arrows.push([i, j, 'frames']);
    }
  }));
  return { sets, arrows, width: x - COLUMN, height };
}

function picture(policy, classes, letters, to) {
  const { sets, arrows, width, height } = layout(to);
  const place = [];
  sets.forEach(f => f.members.forEach((m, n) => {
    place[m] = { x: f.x + PAD + n % f.columns * (W + GAP), y: f.y + PAD + Math.floor(n / f.columns) * (H + GAP), w: W, h: H };
  }));
  const lines = arrows.map(([a, b, whole]) => {
    const end = i => whole && sets[i].members.length > 1 ? sets[i] : place[whole ? sets[i].members[0] : i];
    const from = end(a), into = end(b);
    const x1 = from.x + from.w + 1, y1 = from.y + from.h / 2, x2 = into.x - 5, y2 = into.y + into.h / 2, mid = (x2 - x1) / 2;
    return svg('path', { class: 'edge', 'marker-end': 'url(#arrow)', d: `M${x1} ${y1}C${x1 + mid} ${y1} ${x2 - mid} ${y2} ${x2} ${y2}` });
  });
  const picture = svg('svg', { width: width + 2, height: height + 2, viewBox: `-1 -1 ${width + 2} ${height + 2}`, role: 'group', 'aria-label': 'Digraph of classes' },
    svg('defs', null, svg('marker', { id: 'arrow', viewBox: '0 0 8 8', refX: '7', refY: '4', markerWidth: '8', markerHeight: '8', orient: 'auto' }, svg('path', { d: 'M0 0L8 4L0 8z' }))),
    sets.filter(f => f.members.length > 1).map(f => svg('rect', { class: 'isle', x: f.x, y: f.y, width: f.w, height: f.h, rx: 8 })),
    lines,
    classes.map((c, i) => cell(policy, c, i, place[i], classes, letters, to)));
  return h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Who accepts whom' }, picture);
}

function cell(policy, c, i, { x, y }, classes, letters, to) {
  const goes = [...to[i]].sort((a, b) => a - b);
  const says = `VMs of class ${letters.get(c.label)} can go to ${goes.length === 0 ? 'no other class' : goes.map(g => letters.get(classes[g].label)).join(', ')}.`;
  const show = event => {
    const picture = event.currentTarget.ownerSVGElement;
    picture.dataset.from = i;
    picture.querySelectorAll('.cell').forEach((e, n) => {
      e.classList.toggle('takes', to[i].has(n));
      e.classList.toggle('from', n === i);
    });
    picture.closest('.graph').querySelector('.says').textContent = says + refusals(c, classes, letters, i, to);
  };
  const hide = event => {
    const picture = event.currentTarget.ownerSVGElement;
    delete picture.dataset.from;
    picture.querySelectorAll('.cell').forEach(e => e.classList.remove('takes', 'from'));
  };
  return svg('a', { class: 'cell', href: link.class(policy, c.label), 'data-key': c.label, 'aria-label': `${letters.get(c.label)} ${cpus(c.cpus).slice(0, 20)} Linux ${kernelShort(c.kernels)} \u00b7 ${count(c.nodes, 'node')}. ${says}`, on: { pointerenter: show, focusin: show, pointerleave: hide, focusout: hide } },
    svg('rect', { class: 'box', x, y, width: W, height: H, rx: 5 }),
    svg('text', { class: 'letter', x: x + 11, y: y + 19 }, letters.get(c.label) + ' '),
    svg('text', { x: x + 32, y: y + 19 }, cpus(c.cpus).slice(0, 20) + ' '),
    svg('text', { class: 'sub', x: x + 32, y: y + 36 }, `Linux ${kernelShort(c.kernels)} \u00b7 ${count(c.nodes, 'node')}`));
}

/** Why one of the classes that do not take them does not. */
function refusals(c, classes, letters, i, to) {
  const first = classes.find((k, n) => n !== i && !to[i].has(n) && k.edges.refuses?.some(r => r.digest === c.label));
  return first ? ` ${letters.get(first.label)} refuses them: ${first.edges.refuses.find(r => r.digest === c.label).reason}` : '';
}

function asTable(classes, letters, to) {
  return h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Who accepts whom, as a table' }, h('table', { class: 'matrix' },
    h('caption', { class: 'vh' }, 'Rows: where the VM is. Columns: whether it can go there.'),
    h('thead', null, h('tr', null, h('td'), classes.map(c => h('th', { scope: 'col' }, letters.get(c.label))))),
    h('tbody', null, classes.map((c, i) => h('tr', null, h('th', { scope: 'row' }, `${letters.get(c.label)}  ${kernelShort(c.kernels)} ${cpus(c.cpus)}`),
      classes.map((_, j) => i === j ? h('td', null, '\u2013') : h('td', { class: to[i].has(j) ? 'y' : 'n' }, h('i'), h('span', { class: 'vh' }, to[i].has(j) ? 'yes' : 'no'))))))));
}
