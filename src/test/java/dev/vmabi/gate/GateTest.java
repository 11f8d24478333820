package dev.vmabi.gate;

import static dev.vmabi.gate.TestFleet.N;
import static dev.vmabi.gate.TestFleet.N1;
import static dev.vmabi.gate.TestFleet.NAMESPACE;
import static dev.vmabi.gate.TestFleet.born;
import static dev.vmabi.gate.TestFleet.rolling;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.abi.RecordedHosts;
import dev.vmabi.api.Names;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.gate.MigrationRequest.Origin;
import dev.vmabi.gate.TestFleet.Terms;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every branch of the gate, on fleets of recorded hosts: N is Linux 6.1, N+1 Linux 6.12, both on Cortex-A76. */
class GateTest {
    private static final String OTHER_CPU = "linux-6.12-cortex-a57";

    private static String label(String host) {
        return Names.nodeLabel(born(host).digest());
    }

    private static String profile(String host) {
        return RecordedHosts.profile(host).digest().label();
    }

    private static MigrationRequest migration(String vm, Origin origin) {
        return new MigrationRequest(NAMESPACE, vm, origin, Map.of(), false, false);
    }

    private static PodRequest launcher(String vm, Map<String, String> nodeSelector) {
        return new PodRequest(
                NAMESPACE,
                "virt-launcher-" + vm + "-",
                Map.of("kubevirt.io", "virt-launcher", "kubevirt.io/created-by", "uid-" + vm),
                Map.of("kubevirt.io/domain", vm),
                nodeSelector);
    }

    private static PodRequest target(String vm, Optional<String> stamp, Map<String, String> nodeSelector) {
        PodRequest boot = launcher(vm, nodeSelector);
        Map<String, String> labels = new HashMap<>(boot.labels());
        labels.put("kubevirt.io/migrationJobUID", "m-1");
        stamp.ifPresent(s -> labels.put(Names.STAMP, s));
        return new PodRequest(boot.namespace(), boot.name(), labels, boot.annotations(), boot.nodeSelector());
    }

    private static PodRequest with(PodRequest pod, Map<String, String> labels, Map<String, String> annotations) {
        return new PodRequest(pod.namespace(), pod.name(), labels, annotations, pod.nodeSelector());
    }

    @Nested
    class Migrations {

        @ParameterizedTest
        @EnumSource(Origin.class)
        void isSteeredToNodesThatTakeIt(Origin origin) {
            Decision decision = Gate.decide(rolling().build(), migration("vm-old", origin));
            assertThat(decision).isEqualTo(new Decision.Steer(Reason.GuestAbi, Steering.to(label(N)), List.of()));
        }

        @Test
        void ofAPersonIsDeniedWhereNoOtherNodeTakesIt() {
            Decision decision = Gate.decide(rolling().build(), migration("vm-new", Origin.Person));
            assertThat(decision).isInstanceOfSatisfying(Decision.Deny.class, deny -> {
                assertThat(deny.reason()).isEqualTo(Reason.Nowhere);
                assertThat(deny.message())
                        .startsWith("VM tenant-a/vm-new (guest ABI "
                                + born(N1).digest().label() + ") has no other node to go to\nn-1, n-2: ")
                        .endsWith("\nsee: kubectl vmabi explain tenant-a/vm-new")
                        .doesNotContain("n1-1");
            });
        }

        @ParameterizedTest
        @EnumSource(
                value = Origin.class,
                names = {"Evacuation", "WorkloadUpdate"})
        void ofKubeVirtItselfWaitsWhereNoOtherNodeTakesIt(Origin origin) {
            Decision decision = Gate.decide(rolling().build(), migration("vm-new", origin));
            assertThat(decision).isInstanceOfSatisfying(Decision.Steer.class, steer -> {
                assertThat(steer.reason()).isEqualTo(Reason.Nowhere);
                assertThat(steer.steering()).isEqualTo(Steering.to(label(N1)));
                assertThat(steer.warnings()).singleElement().asString().startsWith("it will wait: VM tenant-a/vm-new");
            });
        }

        @Test
        void towardsANodeThatRefusesIsDeniedThoughAnotherTakesIt() {
            Fleet fleet = rolling().node("n1-2", "a", N1).build();
            MigrationRequest towardsOld = new MigrationRequest(
                    NAMESPACE, "vm-new", Origin.Person, Map.of("kubernetes.io/hostname", "n-2"), false, false);
            assertThat(Gate.decide(fleet, towardsOld))
                    .isInstanceOfSatisfying(
                            Decision.Deny.class,
                            deny -> assertThat(deny.message())
                                    .contains("\nn-2: ")
                                    .doesNotContain("n1-2"));
            assertThat(Gate.decide(fleet, migration("vm-new", Origin.Person))).isInstanceOf(Decision.Steer.class);
        }

        @Test
        void towardsANodeThatDoesNotExistIsDenied() {
            MigrationRequest nowhere = new MigrationRequest(
                    NAMESPACE, "vm-old", Origin.Person, Map.of("kubernetes.io/hostname", "none"), false, false);
            assertThat(Gate.decide(rolling().build(), nowhere))
                    .isInstanceOfSatisfying(
                            Decision.Deny.class,
                            deny -> assertThat(deny.message()).contains("no other arm64 node meets the node selector"));
        }

        @Test
        void ofAVmThatMayRunNowhereElseIsDenied() {
            Map<String, String> here = Map.of("kubernetes.io/hostname", "n-1");
            Fleet fleet = rolling().choosyVm("vm-choosy", "n-1", N, here).build();
            assertThat(Gate.decide(fleet, migration("vm-choosy", Origin.Person)))
                    .isInstanceOfSatisfying(
                            Decision.Deny.class,
                            deny -> assertThat(deny.message()).contains("no other arm64 node meets the node selector"));
        }

        @Test
        void cordonedAndUnreadyNodesTakeNothing() {
            Fleet fleet = new TestFleet()
                    .policy("pool-a", "a", N)
                    .node("n-1", "a", N)
                    .node("n-2", "a", N, false, true)
                    .node("n-3", "a", N, true, false)
                    .vm("vm-old", "n-1", N)
                    .build();
            assertThat(Gate.decide(fleet, migration("vm-old", Origin.Person)))
                    .isInstanceOfSatisfying(
                            Decision.Deny.class,
                            deny -> assertThat(deny.message()).contains("n-2: is not Ready", "n-3: is cordoned"));
        }

        @Test
        void manyNodesMakeAShortMessage() {
            TestFleet many = rolling();
            for (int i = 0; i < 200; i++) {
                many.node("old-" + i, "a", N).node("other-" + i, "a", OTHER_CPU).silentNode("mute-" + i, "a");
            }
            assertThat(Gate.decide(many.build(), migration("vm-new", Origin.Person)))
                    .isInstanceOfSatisfying(Decision.Deny.class, deny -> {
                        assertThat(deny.message())
                                .hasSizeLessThan(1000)
                                .contains("mute-0, mute-1, mute-10, mute-100 and 196 more: its agent has not reported");
                        assertThat(deny.message().lines()).hasSizeLessThanOrEqualTo(6);
                    });
        }

        @Test
        void ofAVmThatIsNotKnownPasses() {
            assertThat(Gate.decide(rolling().build(), migration("x86", Origin.Person)))
                    .isEqualTo(Decision.Allow.untouched(Reason.NoSuchVm));
        }

        @Test
        void ofAVmWithoutPolicyPasses() {
            Fleet fleet = rolling()
                    .node("free", "none", N)
                    .vm("vm-free", "free", null)
                    .build();
            assertThat(Gate.decide(fleet, migration("vm-free", Origin.Person)))
                    .isEqualTo(Decision.Allow.untouched(Reason.NoPolicy));
        }

        @Test
        void outOfTheClusterPassesWithAWord() {
            MigrationRequest away = new MigrationRequest(NAMESPACE, "vm-new", Origin.Person, Map.of(), true, false);
            assertThat(Gate.decide(rolling().build(), away)).isInstanceOfSatisfying(Decision.Allow.class, allow -> {
                assertThat(allow.reason()).isEqualTo(Reason.SentAway);
                assertThat(allow.warnings()).hasSize(1);
            });
        }

        @Test
        void thatWouldBeOneWayIsDeniedWhereThePolicySaysSo() {
            TestFleet fleet =
                    new TestFleet().node("n-1", "a", N).node("n1-1", "a", N1).vm("vm-old", "n-1", N);
            assertThat(Gate.decide(fleet.policy("pool-a", "a", N).build(), migration("vm-old", Origin.Person)))
                    .isInstanceOf(Decision.Steer.class);

            Fleet strict = new TestFleet()
                    .policy("pool-a", "a", N, Terms::noOneWayMoves)
                    .node("n-1", "a", N)
                    .node("n1-1", "a", N1)
                    .vm("vm-old", "n-1", N)
                    .build();
            assertThat(Gate.decide(strict, migration("vm-old", Origin.Person)))
                    .isInstanceOfSatisfying(
                            Decision.Deny.class,
                            deny -> assertThat(deny.message())
                                    .contains("n1-1: would be a one-way move, which policy pool-a denies: "));
        }
    }

    @Nested
    class UnknownVms {

        private static String denial(TestFleet fleet, String vm) {
            Decision decision = Gate.decide(fleet.build(), migration(vm, Origin.Person));
            assertThat(decision).isInstanceOf(Decision.Deny.class);
            assertThat(decision.reason()).isEqualTo(Reason.Unknown);
            return ((Decision.Deny) decision).message();
        }

        @Test
        void notYetStamped() {
            assertThat(denial(rolling().vm("vm", "n-1", null), "vm")).contains("has not stamped it yet");
        }

        @Test
        void movedBeforeItWasKnown() {
            assertThat(denial(rolling().vm("vm", "n-1", null, true), "vm")).contains("restart it");
        }

        @Test
        void onANodeThatDoesNotReport() {
            assertThat(denial(rolling().silentNode("mute", "a").vm("vm", "mute", null), "vm"))
                    .contains("no agent has reported for node mute");
        }

        @Test
        void notRunningYet() {
            assertThat(denial(rolling().vm("vm", null, null), "vm")).contains("does not run yet");
        }

        @Test
        void stampedWithWhatItHadBeforeItLanded() {
            assertThat(denial(rolling().vm("vm", "n1-1", N, true), "vm"))
                    .contains("it has landed and is still stamped with what it had before; try again");
            assertThat(Gate.decide(
                            rolling().vm("vm", "n1-1", N, true).build(),
                            target("vm", Optional.of(born(N).digest().label()), Map.of())))
                    .isInstanceOfSatisfying(
                            Decision.Deny.class,
                            deny -> assertThat(deny.reason()).isEqualTo(Reason.Unknown));
        }

        @Test
        void movedAndStampedForWhereItLandedIsKnown() {
            assertThat(Gate.decide(rolling().vm("vm", "n-2", N, true).build(), migration("vm", Origin.Person)))
                    .isInstanceOf(Decision.Steer.class);
        }

        @Test
        void stampedWithWhatDoesNotExist() {
            assertThat(denial(rolling().stampedVm("vm", "n-1", Optional.of("0123456789abcdef"), false), "vm"))
                    .contains("stamped 0123456789abcdef, but no GuestABI begins so");
        }

        @Test
        void comingFromElsewhere() {
            MigrationRequest receive = new MigrationRequest(NAMESPACE, "vm", Origin.Person, Map.of(), false, true);
            assertThat(Gate.decide(rolling().vm("vm", null, null).build(), receive))
                    .isInstanceOfSatisfying(
                            Decision.Deny.class,
                            deny -> assertThat(deny.message())
                                    .contains(
                                            "it comes from elsewhere; give its VirtualMachineInstance here the label"));
        }

        @ParameterizedTest
        @EnumSource(
                value = Origin.class,
                names = {"Evacuation", "WorkloadUpdate"})
        void migrationsOfKubeVirtItselfAreCreatedAndWait(Origin origin) {
            assertThat(Gate.decide(rolling().vm("vm", "n-1", null).build(), migration("vm", origin)))
                    .isInstanceOfSatisfying(Decision.Allow.class, allow -> {
                        assertThat(allow.reason()).isEqualTo(Reason.Unknown);
                        assertThat(allow.warnings()).hasSize(1);
                    });
        }

        @Test
        void targetPodsAreDenied() {
            assertThat(Gate.decide(rolling().vm("vm", "n-1", null).build(), target("vm", Optional.empty(), Map.of())))
                    .isInstanceOfSatisfying(
                            Decision.Deny.class,
                            deny -> assertThat(deny.reason()).isEqualTo(Reason.Unknown));
        }
    }

    @Nested
    class TargetPods {

        @Test
        void followTheStampTheyCarry() {
            String stamp = born(N).digest().label();
            Fleet fleet = rolling().vm("vm", "n-1", null).build();
            assertThat(Gate.decide(fleet, target("vm", Optional.of(stamp), Map.of("pool", "a"))))
                    .isEqualTo(new Decision.Steer(Reason.GuestAbi, Steering.to(label(N)), List.of()));
        }

        @Test
        void followTheVmsStampWhereTheyCarryNone() {
            assertThat(Gate.decide(rolling().build(), target("vm-old", Optional.empty(), Map.of())))
                    .isEqualTo(new Decision.Steer(Reason.GuestAbi, Steering.to(label(N)), List.of()));
        }

        @Test
        void ofAVmThatWasNotReadYetFollowTheNodeTheyName() {
            PodRequest pod = target("vm-unread", Optional.of(born(N1).digest().label()), Map.of());
            Map<String, String> labels = new HashMap<>(pod.labels());
            labels.put("kubevirt.io/nodeName", "n1-1");
            assertThat(Gate.decide(rolling().build(), with(pod, labels, pod.annotations())))
                    .isInstanceOfSatisfying(
                            Decision.Deny.class,
                            deny -> assertThat(deny.message())
                                    .startsWith("VM tenant-a/vm-unread")
                                    .doesNotContain("n1-1"));
        }

        @Test
        void ofAnotherVmOfTheSameNameDoNotTakeItsStamp() {
            PodRequest pod = target("vm-old", Optional.empty(), Map.of());
            Map<String, String> labels = new HashMap<>(pod.labels());
            labels.put("kubevirt.io/created-by", "uid-of-the-next");
            labels.put("kubevirt.io/nodeName", "n-1");
            assertThat(Gate.decide(rolling().build(), with(pod, labels, pod.annotations()))
                            .reason())
                    .isEqualTo(Reason.Unknown);
        }

        /** A watch may be late; what this replica knows of the VM and what its pod was made from are then of two times. */
        @ParameterizedTest
        @CsvSource({"n-1, true, true", "n-2, true, false", "n-1, false, false"})
        void waitWhileTheirVmIsKnownOtherwiseThanWhenTheyWereMade(String node, boolean sameStamp, boolean goes) {
            PodRequest pod = target(
                    "vm-old", Optional.of(born(sameStamp ? N : N1).digest().label()), Map.of());
            Map<String, String> labels = new HashMap<>(pod.labels());
            labels.put("kubevirt.io/nodeName", node);
            Decision decision = Gate.decide(rolling().build(), with(pod, labels, pod.annotations()));
            if (goes) {
                assertThat(decision).isInstanceOf(Decision.Steer.class);
            } else {
                assertThat(decision)
                        .isInstanceOfSatisfying(
                                Decision.Deny.class,
                                deny -> assertThat(deny.message()).contains("try again in a few seconds"));
            }
        }

        @Test
        void areDeniedWhereNoOtherNodeTakesTheGuest() {
            assertThat(Gate.decide(rolling().build(), target("vm-new", Optional.empty(), Map.of("pool", "a"))))
                    .isInstanceOfSatisfying(Decision.Deny.class, deny -> {
                        assertThat(deny.reason()).isEqualTo(Reason.Nowhere);
                        assertThat(deny.message())
                                .doesNotContain("exceeded quota")
                                .doesNotContain("violates PodSecurity");
                    });
        }

        @Test
        void areLeftToTheSchedulerWhereNoNodeMeetsTheirOwnSelector() {
            assertThat(Gate.decide(rolling().build(), target("vm-new", Optional.empty(), Map.of("pool", "none"))))
                    .isEqualTo(new Decision.Steer(Reason.GuestAbi, Steering.to(label(N1)), List.of()));
        }

        @Test
        void areDecidedAlikeWhenAskedAgain() {
            Map<String, String> steered = Map.of("pool", "a", label(N1), "true");
            assertThat(Gate.decide(rolling().build(), target("vm-new", Optional.empty(), steered)))
                    .isInstanceOf(Decision.Deny.class);
        }

        @Test
        void goOnlyWhereTheWayBackStaysOpenIfThePolicySaysSo() {
            Fleet fleet = new TestFleet()
                    .policy("pool-a", "a", N, Terms::noOneWayMoves)
                    .node("n-1", "a", N)
                    .node("n-2", "a", N)
                    .node("n1-1", "a", N1)
                    .vm("vm-old", "n-1", N)
                    .build();
            assertThat(Gate.decide(fleet, target("vm-old", Optional.empty(), Map.of())))
                    .isEqualTo(new Decision.Steer(
                            Reason.GuestAbi, Steering.to(label(N)).onlyProfiles(List.of(profile(N))), List.of()));
        }

        @Test
        void ofOtherArchitecturesPass() {
            for (Map<String, String> selector :
                    List.of(Map.of("kubernetes.io/arch", "amd64"), Map.of("kubevirt.io/vm-arch-amd64", "true"))) {
                assertThat(Gate.decide(rolling().build(), target("vm-x86", Optional.empty(), selector)))
                        .isEqualTo(Decision.Allow.untouched(Reason.OtherArchitecture));
            }
        }
    }

    @Nested
    class FirstBoots {

        @Test
        void areHeldToTheBaselineAndRatherBornWhereTheyCanGoEverywhere() {
            assertThat(Gate.decide(rolling().build(), launcher("vm", Map.of("pool", "a"))))
                    .isEqualTo(new Decision.Steer(
                            Reason.Baseline, Steering.to(label(N)).ratherProfiles(List.of(profile(N))), List.of()));
        }

        @Test
        void preferNothingWherePlacementIsAnywhere() {
            Fleet fleet = new TestFleet()
                    .policy("pool-a", "a", N, Terms::anywhere)
                    .node("n-1", "a", N)
                    .node("n1-1", "a", N1)
                    .build();
            assertThat(Gate.decide(fleet, launcher("vm", Map.of())))
                    .isEqualTo(new Decision.Steer(Reason.Baseline, Steering.to(label(N)), List.of()));
        }

        @Test
        void preferNothingWhereAllNodesAreAlike() {
            Fleet fleet = new TestFleet()
                    .policy("pool-a", "a", N)
                    .node("n-1", "a", N)
                    .node("n-2", "a", N)
                    .build();
            assertThat(Gate.decide(fleet, launcher("vm", Map.of())))
                    .isEqualTo(new Decision.Steer(Reason.Baseline, Steering.to(label(N)), List.of()));
        }

        @Test
        void areNeverDenied() {
            Fleet fleet = new TestFleet()
                    .policy("pool-a", "a", N1)
                    .node("n-1", "a", N)
                    .build();
            assertThat(Gate.decide(fleet, launcher("vm", Map.of())))
                    .isEqualTo(new Decision.Steer(Reason.Baseline, Steering.to(label(N1)), List.of()));
        }

        @Test
        void areUntouchedWhileNothingIsPinned() {
            Fleet fleet = new TestFleet()
                    .policy("pool-a", "a", null)
                    .node("n-1", "a", N)
                    .build();
            assertThat(Gate.decide(fleet, launcher("vm", Map.of())))
                    .isEqualTo(Decision.Allow.untouched(Reason.NotPinned));
        }

        @Test
        void areUntouchedOutsideEveryPool() {
            assertThat(Gate.decide(rolling().build(), launcher("vm", Map.of("pool", "b"))))
                    .isEqualTo(Decision.Allow.untouched(Reason.NoPolicy));
        }

        @Test
        void followThePolicyWhosePoolTheirSelectorNames() {
            Fleet fleet = rolling()
                    .policy("pool-b", "b", OTHER_CPU)
                    .node("b-1", "b", OTHER_CPU)
                    .build();
            assertThat(Gate.decide(fleet, launcher("vm", Map.of("pool", "b", "kubevirt.io/schedulable", "true"))))
                    .isEqualTo(new Decision.Steer(Reason.Baseline, Steering.to(label(OTHER_CPU)), List.of()));
        }

        @Test
        void withAChoiceOfPoolsAreHeldToTheBaselineOfOneOfThem() {
            Fleet fleet = rolling()
                    .policy("pool-b", "b", OTHER_CPU)
                    .policy("pool-c", "c", null)
                    .node("b-1", "b", OTHER_CPU)
                    .node("c-1", "c", "linux-6.12-max")
                    .build();
            Decision decision = Gate.decide(fleet, launcher("vm", Map.of()));
            assertThat(decision).isInstanceOfSatisfying(Decision.Steer.class, steer -> {
                assertThat(steer.steering().nodeSelector()).isEmpty();
                assertThat(steer.steering().anyOf().stream()
                                .flatMap(List::stream)
                                .map(r -> r.getKey() + " " + r.getOperator() + " " + r.getValues()))
                        .containsExactly(label(N) + " In [true]", label(OTHER_CPU) + " In [true]", "pool In [c]");
            });
        }

        @Test
        void withAChoiceOfPoolsOfWhichNoneIsPinnedAreUntouched() {
            Fleet fleet = new TestFleet()
                    .policy("pool-a", "a", null)
                    .policy("pool-b", "b", N, Terms::audit)
                    .node("n-1", "a", N)
                    .node("b-1", "b", N)
                    .build();
            assertThat(Gate.decide(fleet, launcher("vm", Map.of())))
                    .isEqualTo(Decision.Allow.untouched(Reason.NotPinned));
        }

        @Test
        void doNotFollowAStampTheirOwnerWrote() {
            PodRequest pod = launcher("vm", Map.of("pool", "a"));
            Map<String, String> labels = new HashMap<>(pod.labels());
            labels.put(Names.STAMP, born(N1).digest().label());
            assertThat(Gate.decide(rolling().build(), with(pod, labels, pod.annotations())))
                    .isInstanceOfSatisfying(
                            Decision.Steer.class,
                            steer -> assertThat(steer.steering().nodeSelector()).containsOnlyKeys(label(N)));
        }
    }

    @Nested
    class LookAlikes {

        @Test
        void thatOnlyBindAVolumePass() {
            PodRequest pod = launcher("vm", Map.of());
            Map<String, String> annotations = new HashMap<>(pod.annotations());
            annotations.put("kubevirt.io/ephemeral-provisioning", "true");
            assertThat(Gate.decide(rolling().build(), with(pod, pod.labels(), annotations)))
                    .isEqualTo(Decision.Allow.untouched(Reason.NotAVm));
        }

        @ParameterizedTest
        @ValueSource(strings = {"hotplug-disk", "virt-handler", ""})
        void ofKubeVirtPassEvenAsAMigrationsPart(String kind) {
            PodRequest pod = new PodRequest(
                    NAMESPACE,
                    "hp-volume-",
                    Map.of("kubevirt.io", kind, "kubevirt.io/migrationJobUID", "m-1", Names.POLICY_LABEL, "pool-a"),
                    Map.of("kubevirt.io/owner-vmi-name", "vm-new"),
                    Map.of());
            assertThat(Gate.decide(rolling().build(), pod)).isEqualTo(Decision.Allow.untouched(Reason.NotAVm));
        }

        @Test
        void podsThatAreNoVmsPass() {
            PodRequest pod = new PodRequest(NAMESPACE, "web", Map.of("app", "web"), Map.of(), Map.of());
            assertThat(Gate.decide(rolling().build(), pod)).isEqualTo(Decision.Allow.untouched(Reason.NotAVm));
        }
    }

    @Nested
    class OtherStacks {

        private static PodRequest optedIn(String policy, Map<String, String> more) {
            Map<String, String> labels = new HashMap<>(more);
            labels.put(Names.POLICY_LABEL, policy);
            return new PodRequest(NAMESPACE, "microvm-1", labels, Map.of(), Map.of());
        }

        @Test
        void areHeldToTheBaselineOfThePolicyTheyName() {
            assertThat(Gate.decide(rolling().build(), optedIn("pool-a", Map.of())))
                    .isInstanceOfSatisfying(
                            Decision.Steer.class,
                            steer -> assertThat(steer.steering().nodeSelector()).isEqualTo(Map.of(label(N), "true")));
        }

        @Test
        void areHeldToTheirStampIfTheyCarryOne() {
            String stamp = born(N1).digest().label();
            assertThat(Gate.decide(rolling().build(), optedIn("pool-a", Map.of(Names.STAMP, stamp))))
                    .isEqualTo(new Decision.Steer(Reason.GuestAbi, Steering.to(label(N1)), List.of()));
        }

        @Test
        void areNeverDenied() {
            assertThat(Gate.decide(rolling().build(), optedIn("no-such-policy", Map.of())))
                    .isInstanceOfSatisfying(
                            Decision.Allow.class,
                            allow -> assertThat(allow.warnings())
                                    .singleElement()
                                    .asString()
                                    .contains("VirtualMachineABI no-such-policy"));
            assertThat(Gate.decide(rolling().build(), optedIn("pool-a", Map.of(Names.STAMP, "0123456789abcdef"))))
                    .isInstanceOf(Decision.Allow.class);
        }

        @Test
        void areUntouchedWhileNothingIsPinned() {
            Fleet fleet = new TestFleet().policy("pool-a", "a", null).build();
            assertThat(Gate.decide(fleet, optedIn("pool-a", Map.of())))
                    .isEqualTo(Decision.Allow.untouched(Reason.NotPinned));
        }
    }

    @Nested
    class Audits {
        private final Fleet fleet = new TestFleet()
                .policy("pool-a", "a", N, Terms::audit)
                .node("n-1", "a", N)
                .node("n1-1", "a", N1)
                .vm("vm-old", "n-1", N)
                .vm("vm-new", "n1-1", N1)
                .build();

        @Test
        void decideAndChangeNothing() {
            Decision denial = Gate.decide(fleet, migration("vm-new", Origin.Person));
            assertThat(denial).isInstanceOfSatisfying(Decision.Audited.class, audited -> {
                assertThat(audited.withheld()).isInstanceOf(Decision.Deny.class);
                assertThat(audited.reason()).isEqualTo(Reason.Nowhere);
                assertThat(audited.warnings())
                        .singleElement()
                        .asString()
                        .startsWith("policy pool-a audits; would be denied: VM tenant-a/vm-new");
            });
            Decision boot = Gate.decide(fleet, launcher("vm", Map.of("pool", "a")));
            assertThat(boot)
                    .isInstanceOfSatisfying(
                            Decision.Audited.class,
                            audited -> assertThat(audited.warnings())
                                    .containsExactly("policy pool-a audits; would be held to nodes with " + label(N)));
            assertThat(Gate.decide(fleet, target("vm-new", Optional.empty(), Map.of())))
                    .isInstanceOf(Decision.Audited.class);
        }
    }

    @Test
    void phrasesThatKubeVirtTakesForSomethingElseAreBroken() {
        Fleet fleet = new TestFleet()
                .policy("exceeded quota", "a", N, Terms::noOneWayMoves)
                .node("n-1", "a", N)
                .node("n1-1", "a", N1)
                .vm("vm-old", "n-1", N)
                .build();
        assertThat(Gate.decide(fleet, migration("vm-old", Origin.Person)))
                .isInstanceOfSatisfying(
                        Decision.Deny.class,
                        deny -> assertThat(deny.message())
                                .contains("exceeded-quota")
                                .doesNotContain("exceeded quota"));
    }
}
