// Words and numbers as people read them.
import { h } from './dom.js';

export const count = (n, one, many = one + 's') => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;

export const short = digest => digest.slice(0, 16);

/** A, B, ... Z, AA, AB, ... */
export function letter(index) {
  return (index >= 26 ? letter(Math.floor(index / 26) - 1) : '') + String.fromCharCode(65 + index % 26);
}

const UNITS = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]];
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'always', style: 'long' });

export function ago(text) {
  const seconds = (Date.parse(text) - Date.now()) / 1000;
  const [unit, size] = UNITS.find(([, s]) => Math.abs(seconds) >= s) ?? UNITS[3];
  return unit === 'second' && Math.abs(seconds) < 10 ? 'just now' : relative.format(Math.round(seconds / size), unit);
}

export const time = text => text
  ? h('time', { datetime: text, title: new Date(text).toLocaleString() }, ago(text))
  : '';

// Implementer and part of MIDR_EL1, as in Linux' arch/arm64/include/asm/cputype.h.
const PARTS = {
  '41.d03': 'Cortex-A53', '41.d07': 'Cortex-A57', '41.d08': 'Cortex-A72', '41.d0b': 'Cortex-A76',
  '41.d0c': 'Neoverse N1', '41.d40': 'Neoverse V1', '41.d49': 'Neoverse N2', '41.d4f': 'Neoverse V2',
  '41.d83': 'Neoverse V3AE', '41.d84': 'Neoverse V3', '41.d8e': 'Neoverse N3', '4e.004': 'NVIDIA Carmel',
  '46.001': 'Fujitsu A64FX', 'c0.ac3': 'AmpereOne', 'c0.ac4': 'AmpereOne AC04', '48.d01': 'HiSilicon TSV110',
  '51.c00': 'Qualcomm Falkor', '00.051': 'QEMU max',
};

export function cpu(midr) {
  const value = Number.parseInt(midr, 16);
  const id = (value >>> 24 & 0xff).toString(16).padStart(2, '0') + '.' + (value >>> 4 & 0xfff).toString(16).padStart(3, '0');
  return PARTS[id] ?? `CPU ${midr}`;
}

export const cpus = midrs => midrs.map(cpu).join(' + ') || 'CPU not reported';

export function kernels(releases) {
  if (releases.length === 0) return 'kernel not reported';
  return 'Linux ' + releases[0] + (releases.length > 1 ? ` and ${releases.length - 1} more` : '');
}

/** The version alone, where a whole release is too long. */
export const kernelShort = releases => [...new Set(releases.map(r => (/^\d+\.\d+/.exec(r) ?? [r])[0]))].join(', ');

/** A held value: PSCI versions have a major and a minor half. */
export function value(field, hex) {
  const n = Number.parseInt(hex, 16);
  return field === 'PSCI_VERSION' && n > 0xffff ? `${n >>> 16}.${n & 0xffff}` : hex;
}
