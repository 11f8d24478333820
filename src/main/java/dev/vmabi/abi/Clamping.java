package dev.vmabi.abi;

import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/** Derives what a host offers to a guest that the VMM clamped: the same host with vCPU features switched off. */
final class Clamping {

    private static final int V_REGISTERS = 32;
    private static final long V0 = 0x6040_0000_0010_0054L;

    /**
     * The clamped profile: its default guest ABI is what a guest gets when it boots here under the clamp.
     *
     * @throws IllegalArgumentException if the host cannot honour the clamp
     */
    static HostProfile clamp(HostProfile host, Clamp clamp) {
        GuestAbi abi = host.defaultGuestAbi();
        Set<VcpuFeature> features = EnumSet.noneOf(VcpuFeature.class);
        features.addAll(abi.vcpuFeatures());
        if (clamp.sveOff()) {
            features.remove(VcpuFeature.SVE);
        }
        if (clamp.pauthOff()) {
            features.remove(VcpuFeature.PTRAUTH_ADDRESS);
            features.remove(VcpuFeature.PTRAUTH_GENERIC);
        }
        if (clamp.pmuOff()) {
            features.remove(VcpuFeature.PMU_V3);
            features.remove(VcpuFeature.PMU_V3_STRICT);
        }
        Set<VcpuFeature> gone = EnumSet.noneOf(VcpuFeature.class);
        gone.addAll(abi.vcpuFeatures());
        gone.removeAll(features);

        SortedMap<RegisterId, Long> values = new TreeMap<>(abi.registers());
        TreeSet<RegisterId> listed = new TreeSet<>(abi.registerIds());
        SortedMap<RegisterId, TakenRegister> taken = new TreeMap<>(host.taken().registers());
        Set<VcpuFeature> hidden = EnumSet.copyOf(gone);
        if (host.alwaysListsPmu()) {
            hidden.remove(VcpuFeature.PMU_V3);
        }
        for (Catalogue.OffField off : Catalogue.get().offFields()) {
            if (hidden.contains(off.feature()) && values.containsKey(off.register())) {
                switchOff(off, values, taken);
            }
        }
        listed.removeIf(id ->
                Catalogue.get().neededBy(id.encoding()).filter(hidden::contains).isPresent());
        values.keySet().retainAll(listed);
        if (gone.contains(VcpuFeature.SVE)) {
            listed.removeIf(id -> id.kind() == RegisterKind.VECTOR || id.kind() == RegisterKind.SVE_LENGTHS);
            for (int v = 0; v < V_REGISTERS; v++) {
                listed.add(new RegisterId(V0 + 4L * v));
            }
        }
        setPsci(clamp, values, taken);
        return new HostProfile(
                GuestAbi.of(values, listed, features, lengths(abi, clamp, features), abi.vgicRevision()),
                host.taken().with(taken),
                host.capabilities(),
                host.ipaLimitBits(),
                host.writableMasks());
    }

    private static void switchOff(
            Catalogue.OffField off, SortedMap<RegisterId, Long> values, SortedMap<RegisterId, TakenRegister> taken) {
        Field field = off.field();
        values.computeIfPresent(off.register(), (id, value) -> field == null ? 0L : field.insert(value, 0));
        if (taken.get(off.register()) instanceof TakenRegister.Nibbles nibbles) {
            SortedMap<Integer, String> left = new TreeMap<>(nibbles.nibbles());
            if (field == null) {
                left.clear();
            } else {
                left.remove(field.shift());
            }
            taken.put(off.register(), new TakenRegister.Nibbles(nibbles.defaultTaken(), left));
        }
    }

    private static void setPsci(Clamp clamp, Map<RegisterId, Long> values, Map<RegisterId, TakenRegister> taken) {
        if (clamp.psciVersion() == 0) {
            return;
        }
        Long host = values.get(RegisterId.PSCI_VERSION);
        long wanted = clamp.psciVersion();
        boolean takes = host != null
                && (host == wanted
                        || (taken.get(RegisterId.PSCI_VERSION) instanceof TakenRegister.Values tried
                                ? tried.values().getOrDefault(wanted, TakenRegister.Answer.REFUSED)
                                        == TakenRegister.Answer.TAKEN
                                : wanted > 1 && wanted < host));
        if (!takes) {
            throw new IllegalArgumentException("clamp " + clamp + ": the host's kernel does not take PSCI "
                    + (clamp.psciVersion() >>> 16) + "." + (clamp.psciVersion() & 0xFFFF));
        }
        if (taken.get(RegisterId.PSCI_VERSION) instanceof TakenRegister.Values tried) {
            // The host's own version stays taken though it is no longer the default.
            SortedMap<Long, TakenRegister.Answer> all = new TreeMap<>(tried.values());
            all.put(host, TakenRegister.Answer.TAKEN);
            taken.put(RegisterId.PSCI_VERSION, new TakenRegister.Values(all));
        }
        values.put(RegisterId.PSCI_VERSION, wanted);
    }

    private static SveVectorLengths lengths(GuestAbi abi, Clamp clamp, Set<VcpuFeature> features) {
        if (!features.contains(VcpuFeature.SVE)) {
            return SveVectorLengths.NONE;
        }
        SveVectorLengths host = abi.sveVectorLengths();
        if (clamp.sveMaxVq() == 0) {
            return host;
        }
        if (!host.has(clamp.sveMaxVq())) {
            throw new IllegalArgumentException(
                    "clamp " + clamp + ": the host has no SVE vector length of " + clamp.sveMaxVq() * 128 + " bits");
        }
        return host.upTo(clamp.sveMaxVq());
    }

    private Clamping() {}
}
