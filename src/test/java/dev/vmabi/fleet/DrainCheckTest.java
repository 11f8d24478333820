package dev.vmabi.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.abi.Clamp;
import dev.vmabi.fleet.FleetState.Vm;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Before a drain: which VMs have nowhere to go, and why. */
class DrainCheckTest {
    private final SimulatedCluster cluster = new SimulatedCluster();

    @BeforeEach
    void pinned() {
        cluster.join("old", "a", "6.1-cortex-a76");
        cluster.join("new", "a", "6.12-cortex-a76");
        cluster.apply("p", PolicySpec.of("a"));
        cluster.reported();
        cluster.start("born-old", "old", Clamp.NONE);
        cluster.start("born-new", "new", Clamp.NONE);
        cluster.settle();
        cluster.reported();
    }

    private DrainCheck check(String node) {
        return DrainCheck.of(cluster.fleet(), node);
    }

    @Test
    void aVmThatAnotherNodeTakesLeaves() {
        DrainCheck check = check("old");
        assertThat(check.leave()).extracting(Vm::name).containsExactly("born-old");
        assertThat(check.stay()).isEmpty();
        assertThat(check.free()).isEmpty();
    }

    @Test
    void aVmThatNoOtherNodeTakesStaysForNamedReasons() {
        assertThat(check("new").stay()).singleElement().satisfies(s -> {
            assertThat(s.vm().name()).isEqualTo("born-new");
            assertThat(s.policy().name()).isEqualTo("p");
            assertThat(s.guestAbi())
                    .isEqualTo(Optional.of(cluster.guests.get("born-new").has.digest()));
            assertThat(s.why())
                    .isEqualTo("no other node takes its guest ABI "
                            + cluster.guests.get("born-new").stamp.orElseThrow());
            assertThat(s.barriers()).singleElement().satisfies(b -> {
                assertThat(b.node()).isEqualTo("old");
                assertThat(b.reason()).contains("guest has", "host");
            });
        });
        assertThat(check("new").leave()).isEmpty();
    }

    @Test
    void itLeavesOnceANodeTakesIt() {
        cluster.join("new-2", "a", "6.12-cortex-a76");
        cluster.reported();
        assertThat(check("new").leave()).extracting(Vm::name).containsExactly("born-new");
        cluster.hosts.get("new-2").schedulable = false;
        assertThat(check("new").stay())
                .singleElement()
                .satisfies(s -> assertThat(s.barriers())
                        .extracting(Destinations.Barrier::reason)
                        .contains("is cordoned"));
    }

    @Test
    void whatIsNotKnownStays() {
        cluster.guests.get("born-old").stamp = Optional.of("0123456789abcdef");
        assertThat(check("old").stay())
                .singleElement()
                .satisfies(s -> assertThat(s.why())
                        .startsWith("what its guest has is not known: it is stamped 0123456789abcdef"));
    }

    @Test
    void aVmOfNoPolicyIsFreeToGo() {
        cluster.policies.remove("p");
        assertThat(check("new").free()).extracting(Vm::name).containsExactly("born-new");
        assertThat(check("new").stay()).isEmpty();
    }

    @Test
    void aNodeWithoutVmsHasNothingToLeave() {
        assertThat(check("no-such-node")).isEqualTo(DrainCheck.of(cluster.fleet(), "another"));
    }
}
