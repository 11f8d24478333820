package dev.vmabi.abi;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The catalogue against the nine measured kernels; docs/algebra.md explains every difference that is named here. */
class ComputedTakenTest {

    static List<String> hosts() {
        return RecordedHosts.names();
    }

    @ParameterizedTest
    @MethodSource("hosts")
    void neverMoreThanTheKernelTakes(String name) {
        HostProfile host = RecordedHosts.profile(name);
        for (Taken computed : computed(name, host)) {
            assertThat(computed.measured()).isFalse();
            host.taken().registers().forEach((id, measured) -> {
                switch (computed.registers().get(id)) {
                    case TakenRegister.Nibbles n ->
                        n.nibbles().forEach((shift, letters) -> {
                            String real =
                                    ((TakenRegister.Nibbles) measured).nibbles().getOrDefault(shift, "E".repeat(16));
                            int own = (int) (host.defaultGuestAbi().value(id) >>> shift) & 15;
                            for (int v = 0; v < 16; v++) {
                                if (v != own && letters.charAt(v) != 'E' && !hidden(id, shift)) {
                                    assertThat(real.charAt(v))
                                            .as("%s %s nibble at %d value %d", name, id.name(), shift, v)
                                            .isEqualTo(letters.charAt(v));
                                }
                            }
                        });
                    case TakenRegister.Bits b ->
                        assertThat(b).as("%s %s", name, id.name()).isEqualTo(measured);
                    case TakenRegister.Values v ->
                        assertThat(v).as("%s %s", name, id.name()).isEqualTo(measured);
                }
            });
        }
    }

    /** Fields of which the CPU's own value comes back unseen; these emulated CPUs have none of them. */
    private static boolean hidden(RegisterId id, int shift) {
        return Catalogue.get().fields(id).stream()
                .anyMatch(f ->
                        f.shift() == shift && Catalogue.get().toleratedSince(f).isPresent());
    }

    @Test
    void withStatedMasksOnlyTheDocumentedFieldsTakeMore() {
        TreeSet<String> more = new TreeSet<>();
        for (String name : hosts()) {
            HostProfile host = RecordedHosts.profile(name);
            Taken computed = Taken.computed(host.defaultGuestAbi(), host.writableMasks(), kernel(name));
            host.taken().registers().forEach((id, measured) -> {
                if (measured instanceof TakenRegister.Nibbles real) {
                    TakenRegister.Nibbles ours =
                            (TakenRegister.Nibbles) computed.registers().get(id);
                    real.nibbles().forEach((shift, letters) -> {
                        if (!letters.equals(ours.nibbles().get(shift))) {
                            more.add(name.replaceFirst("-(cortex.*|max)", "") + " " + id.name() + "[" + shift + "]");
                        }
                    });
                }
            });
        }
        assertThat(more)
                .containsExactly(
                        "linux-6.12 ID_AA64PFR0_EL1[0]",
                        "linux-6.12 ID_AA64PFR0_EL1[4]",
                        "linux-6.18 ID_AA64DFR0_EL1[8]",
                        "linux-6.18 ID_DFR0_EL1[24]");
    }

    /** Without measurement no migration may come out accepted that QEMU refused; few may come out refused. */
    @Test
    void unmeasuredHostsNeverAcceptFalsely() {
        int falselyRefused = 0;
        for (RecordedHosts.Pair pair : RecordedHosts.pairs()) {
            HostProfile to = unmeasured(RecordedHosts.profile(pair.to()), Optional.empty());
            GuestAbi guest = RecordedHosts.profile(pair.from()).birth(pair.clamp());
            Verdict verdict = to.accepts(guest, pair.vmm(), pair.clamp());
            assertThat(verdict.measured()).isFalse();
            assertThat(verdict.accepted() && !pair.accepted()).as("%s", pair).isFalse();
            falselyRefused += !verdict.accepted() && pair.accepted() ? 1 : 0;
        }
        assertThat(falselyRefused).isZero();
    }

    private static List<Taken> computed(String name, HostProfile host) {
        List<Taken> all = new ArrayList<>();
        GuestAbi abi = host.defaultGuestAbi();
        all.add(Taken.computed(abi, host.writableMasks(), kernel(name)));
        all.add(Taken.computed(abi, host.writableMasks(), Optional.empty()));
        all.add(Taken.computed(abi, Map.of(), kernel(name)));
        all.add(Taken.computed(abi, Map.of(), Optional.empty()));
        return all;
    }

    private static HostProfile unmeasured(HostProfile host, Optional<Version> kernel) {
        return new HostProfile(
                host.defaultGuestAbi(),
                kernel.isPresent()
                        ? Taken.computed(host.defaultGuestAbi(), host.writableMasks(), kernel)
                        : Taken.UNMEASURED,
                host.capabilities(),
                host.ipaLimitBits(),
                host.writableMasks());
    }

    private static Optional<Version> kernel(String name) {
        return Optional.of(Version.parse(name.split("-", -1)[1]));
    }
}
