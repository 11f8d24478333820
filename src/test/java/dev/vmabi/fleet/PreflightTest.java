package dev.vmabi.fleet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.NodeABIStatus.NodeState;
import dev.vmabi.api.VirtualMachineABISpec.FenceRaise;
import dev.vmabi.api.VirtualMachineABISpec.Surface;
import dev.vmabi.fleet.Preflight.Change;
import dev.vmabi.fleet.Preflight.Named;
import dev.vmabi.fleet.Preflight.Nodes;
import dev.vmabi.fleet.Preflight.Share;
import dev.vmabi.fleet.Preflight.ToKernel;
import dev.vmabi.fleet.Preflight.ToProfile;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PreflightTest {
    private static final Vmm QEMU = Vmm.parse("qemu:11.1");

    private final SimulatedCluster cluster = new SimulatedCluster();

    /** A pool of as many nodes under Linux 6.12, pinned to what they show. */
    private void pool(int nodes, PolicySpec spec) {
        for (int i = 1; i <= nodes; i++) {
            cluster.join("n" + i, "a", "6.12-cortex-a57");
        }
        cluster.apply("p", spec);
        cluster.reported();
    }

    private Preflight ask(Nodes nodes, String host) {
        return Preflight.of(
                cluster.fleet(),
                cluster.policies.get("p"),
                new Change(nodes, new ToProfile(SimulatedCluster.recorded(host))),
                cluster.now);
    }

    @Test
    void aNewerKernelThatHonoursThePinIsClearAndSaysWhatARaiseWouldGain() {
        pool(3, PolicySpec.of("a"));
        cluster.start("vm", "n1", Clamp.NONE);
        cluster.settle();
        Preflight all = ask(new Share(100), "6.18-cortex-a57");
        assertThat(all.order()).containsExactlyInAnyOrder("n1", "n2", "n3");
        assertThat(all.clear()).isTrue();
        assertThat(all.baseline().gains()).contains("PSCI_VERSION: 0x10001 -> 0x10003");
        assertThat(all.baseline().losses()).isEmpty();
        assertThat(ask(new Named(Set.of("n2")), "6.18-cortex-a57").baseline().gains())
                .as("two nodes hold it down still")
                .isEmpty();
    }

    @Test
    void aLesserKernelIsFencedAndSaysWhatALoweringWouldLose() {
        cluster.join("n1", "a", "6.12-cortex-a76");
        cluster.join("n2", "a", "6.12-cortex-a76");
        cluster.apply("p", PolicySpec.of("a"));
        cluster.reported();
        Preflight back = ask(new Named(Set.of("n1")), "6.1-cortex-a76");
        assertThat(back.nodes()).singleElement().satisfies(n -> {
            assertThat(n.before()).isEqualTo(NodeState.Accepting);
            assertThat(n.after()).isEqualTo(NodeState.Fenced);
            assertThat(n.lostFeatures()).contains("FEAT_Debugv8p2");
            assertThat(n.reason()).isNotBlank();
        });
        assertThat(back.clear()).isFalse();
        assertThat(back.order()).containsExactly("n1");
        assertThat(back.baseline().losses()).contains("FEAT_Debugv8p2");
        assertThat(back.baseline().lowerable()).isTrue();
    }

    @Test
    void vmsThatNoOlderKernelTakesAreStrandedByTheLastNodeThatGoesBack() {
        pool(2, PolicySpec.of("a"));
        cluster.boot("n2", "6.18-cortex-a57");
        cluster.reported();
        cluster.start("web", "n2", Clamp.NONE);
        cluster.settle();
        Preflight back = ask(new Named(Set.of("n2")), "6.12-cortex-a57");
        assertThat(back.order()).isEmpty();
        assertThat(back.blocked()).containsExactly("n2");
        assertThat(back.stranded()).singleElement().satisfies(s -> {
            assertThat(s.vm()).isEqualTo("default/web");
            assertThat(s.node()).isEqualTo("n2");
            assertThat(s.reasons()).singleElement().asString().contains("PSCI_VERSION");
        });
    }

    @Test
    void theOrderLetsAVmGoWhereItCan() {
        pool(3, PolicySpec.of("a"));
        cluster.boot("n3", "6.18-cortex-a57");
        cluster.reported();
        cluster.start("new", "n3", Clamp.NONE);
        cluster.start("old", "n1", Clamp.NONE);
        cluster.settle();
        Preflight up = ask(new Share(100), "6.18-cortex-a57");
        assertThat(up.order())
                .as("n3 holds a VM that only 6.18 takes, so another node has to go first")
                .containsExactly("n1", "n2", "n3");
        assertThat(up.stranded()).isEmpty();
    }

    @Test
    void aVmThatCanNoLongerMoveAwayIsAlone() {
        pool(3, PolicySpec.of("a"));
        cluster.boot("n2", "6.18-cortex-a57");
        cluster.boot("n3", "6.18-cortex-a57");
        cluster.reported();
        cluster.start("web", "n3", Clamp.NONE);
        cluster.settle();
        Preflight back = ask(new Named(Set.of("n2")), "6.12-cortex-a57");
        assertThat(back.order()).containsExactly("n2");
        assertThat(back.stranded()).isEmpty();
        assertThat(back.alone()).containsExactly("default/web");
    }

    @Test
    void aShareIsTheFirstInOrder() {
        pool(4, PolicySpec.of("a"));
        Preflight half = ask(new Share(50), "6.18-cortex-a57");
        assertThat(half.order()).containsExactly("n1", "n2");
        assertThat(half.nodes()).hasSize(2);
        assertThat(ask(new Share(1), "6.18-cortex-a57").order()).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 101, -1})
    void aShareOutsideOneToAHundredIsRefused(int percent) {
        assertThatThrownBy(() -> new Share(percent)).hasMessageContaining("1 to 100 percent");
    }

    @Test
    void aKernelIsWhatANodeOfTheSameCpusShowsUnderIt() {
        cluster.join("n1", "a", "6.12-cortex-a57");
        cluster.join("n2", "a", "6.18-cortex-a57");
        cluster.join("n3", "a", "6.1-cortex-a76");
        cluster.apply("p", PolicySpec.of("a"));
        cluster.reported();
        Preflight answer = Preflight.of(
                cluster.fleet(),
                cluster.policies.get("p"),
                new Change(new Share(100), new ToKernel("6.18")),
                cluster.now);
        assertThat(answer.nodes()).extracting(Preflight.Outcome::node).containsExactly("n1", "n2");
        assertThat(answer.open()).containsExactly("n3");
        assertThat(answer.clear()).isFalse();
    }

    @Test
    void aFenceThatTheChangeRaisesIsNamed() {
        cluster.join("n1", "a", "6.1-cortex-a76");
        cluster.join("n2", "a", "6.12-cortex-a76");
        cluster.apply("p", PolicySpec.of("a").fence(Surface.WritableIDRegisters, FenceRaise.WhenCrossed));
        cluster.reported();
        assertThat(ask(new Named(Set.of("n1")), "6.12-cortex-a76").fences()).containsExactly("WritableIDRegisters");
        assertThat(ask(new Named(Set.of("n2")), "6.18-cortex-a76").fences()).isEmpty();
    }

    @Test
    void aNodeThatGoesBeforeARaisedFenceTakesNoVms() {
        cluster.join("n1", "a", "6.12-cortex-a76");
        cluster.join("n2", "a", "6.12-cortex-a76");
        cluster.apply("p", PolicySpec.of("a").fence(Surface.WritableIDRegisters, FenceRaise.Now));
        cluster.reported();
        cluster.start("vm", "n2", Clamp.NONE);
        cluster.settle();
        Preflight back = ask(new Share(100), "6.1-cortex-a76");
        assertThat(back.order()).containsExactly("n1");
        assertThat(back.nodes()).allSatisfy(n -> assertThat(n.reason()).contains("before the raised fence"));
        assertThat(back.stranded()).extracting(Preflight.Stranded::vm).containsExactly("default/vm");
    }

    @Test
    void aVmOfWhichNothingIsKnownIsPromisedNothing() {
        pool(2, PolicySpec.of("a"));
        cluster.start("vm", "n1", Clamp.NONE);
        cluster.move("vm", "n2", QEMU);
        cluster.settle();
        Preflight answer = ask(new Named(Set.of("n1")), "6.18-cortex-a57");
        assertThat(answer.unknown()).containsExactly("default/vm");
        assertThat(answer.clear()).isFalse();
    }

    @Test
    void askingChangesNothing() {
        pool(3, PolicySpec.of("a"));
        cluster.start("vm", "n1", Clamp.NONE);
        cluster.settle();
        FleetState before = cluster.state();
        ask(new Share(100), "6.1-cortex-a76");
        assertThat(cluster.state()).isEqualTo(before);
        assertThat(cluster.reconcileAll()).isZero();
    }
}
