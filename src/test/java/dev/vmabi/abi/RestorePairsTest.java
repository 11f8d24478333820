package dev.vmabi.abi;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What real QEMU did with every migration between the recorded hosts. */
class RestorePairsTest {

    static List<RecordedHosts.Pair> pairs() {
        return RecordedHosts.pairs();
    }

    @Test
    void thereAreAllOfThem() {
        assertThat(pairs()).hasSize(96);
        assertThat(pairs()).anyMatch(p -> p.accepted() && p.vmm().version().equals(new Version(10, 0)));
        assertThat(pairs()).anyMatch(p -> !p.accepted() && p.vmm().version().equals(new Version(11, 1)));
    }

    @ParameterizedTest
    @MethodSource("pairs")
    void verdictIsQemus(RecordedHosts.Pair pair) {
        GuestAbi guest = RecordedHosts.profile(pair.from()).birth(pair.clamp());
        Verdict verdict = RecordedHosts.profile(pair.to()).accepts(guest, pair.vmm(), pair.clamp());
        assertThat(verdict.accepted()).as("%s", verdict).isEqualTo(pair.accepted());
        assertThat(verdict.measured()).isTrue();
        if (verdict instanceof Verdict.Refused refused) {
            boolean list = refused.refusals().stream()
                    .anyMatch(r -> r instanceof Refusal.RegisterList || r instanceof Refusal.RegisterMissing);
            assertThat(list).as("%s", verdict).isEqualTo(pair.why().equals("register list"));
        }
    }
}
