package dev.vmabi.chaos.check;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Verdict;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.NodeABIStatus;
import dev.vmabi.api.Stored;
import dev.vmabi.api.VirtualMachineABISpec;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.chaos.check.Picture.Content;
import dev.vmabi.demo.ReplayFleet;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Each rule is broken on purpose, and the checker says which and by what object. */
class RulesTest {
    private static final HostProfile OLD =
            ReplayFleet.recorded("linux-6.12-cortex-a76").profile();
    private static final HostProfile NEW =
            ReplayFleet.recorded("linux-6.18-cortex-a76").profile();
    private static final GuestAbi PIN = OLD.birth(Clamp.NONE);
    private static final GuestAbi OTHER = NEW.birth(Clamp.NONE);
    private static final Instant LONG_AGO = Instant.parse("2026-01-01T00:00:00Z");
    private static final Instant NOW = LONG_AGO.plus(Duration.ofDays(1));

    private final List<String> broken = new ArrayList<>();
    private final Guests guests = new Guests((object, what) -> broken.add(object + " " + what));
    private final Pins pins = new Pins((object, what) -> broken.add(object + " " + what));
    private final Map<String, Picture.Node> nodes = new TreeMap<>();
    private final Map<String, Picture.Report> reports = new TreeMap<>();
    private final Map<String, Picture.Policy> policies = new TreeMap<>();
    private final Map<String, Picture.Vm> vms = new TreeMap<>();
    private final Map<String, Content<HostProfile>> profiles = new TreeMap<>();
    private final Map<String, Content<GuestAbi>> guestAbis = new TreeMap<>();

    RulesTest() {
        List.of(OLD, NEW)
                .forEach(p -> profiles.put(p.digest().hex(), new Content<>(Optional.of(p), Optional.of(true))));
        List.of(PIN, OTHER)
                .forEach(g -> guestAbis.put(g.digest().hex(), new Content<>(Optional.of(g), Optional.of(true))));
        node("n1", OLD, PIN);
        node("n2", NEW, PIN, OTHER);
        policies.put("a", policy(PIN, 1, "{}", 2));
    }

    @Test
    void whatIsRightIsNotFound() {
        assertThat(OLD.accepts(OTHER, Vmm.parse("qemu:11.1"))).isInstanceOf(Verdict.Refused.class);
        assertThat(wrong()).isEmpty();
    }

    @Test
    void aLabelThatWasNotProved() {
        nodes.computeIfPresent("n1", (_, n) -> labelled(n, OTHER.digest().label(), "true"));
        assertThat(wrong())
                .containsExactly(
                        "Node n1 has the label " + OTHER.digest().label() + ", not proved since its last boot");
    }

    @Test
    void aLabelFromBeforeTheLastBoot() {
        nodes.computeIfPresent("n1", (_, n) -> new Picture.Node(n.name(), n.labels(), "another boot", LONG_AGO));
        assertThat(wrong())
                .contains("Node n1 has the label " + PIN.digest().label() + ", not proved since its last boot");
    }

    @Test
    void aLabelThatIsMissing() {
        nodes.computeIfPresent("n1", (_, n) -> labelled(n, PIN.digest().label(), null));
        assertThat(wrong())
                .containsExactly("Node n1 lacks the label " + PIN.digest().label() + ", which it has proved");
    }

    @Test
    void aStampThatSaysAnotherThanTheBirth() {
        vm("n1", PIN);
        assertThat(wrong()).isEmpty();
        vm("n1", OTHER);
        assertThat(wrong())
                .containsExactly("VirtualMachineInstance default/vm must be stamped "
                        + PIN.digest().label() + " and has " + OTHER.digest().label());
    }

    @Test
    void aStampFromBeforeTheBootThatTheGuestWasBornIn() {
        vm("n1", PIN);
        node("n1", "boot-2", NEW, PIN, OTHER);
        vm("n1", PIN);
        assertThat(wrong()).as("for a moment nobody can tell").isEmpty();
        vm("n1", PIN);
        assertThat(wrong())
                .containsExactly("VirtualMachineInstance default/vm must be stamped "
                        + OTHER.digest().label() + " and has " + PIN.digest().label());
    }

    @Test
    void aStampThatStaysBehindALanding() {
        vm("n1", PIN);
        vm("n2", PIN);
        String landed =
                NEW.land(PIN, Vmm.parse("qemu:11.1"), Clamp.NONE).digest().label();
        assertThat(landed).isNotEqualTo(PIN.digest().label());
        assertThat(wrong())
                .containsExactly("VirtualMachineInstance default/vm must be stamped " + landed + " and has "
                        + PIN.digest().label());
    }

    @Test
    void aGuestThatWasLetInWhereItIsRefused() {
        vm("n2", OTHER);
        vm("n1", OTHER);
        assertThat(broken)
                .containsExactly("VirtualMachineInstance default/vm has "
                        + OTHER.digest().label() + " and was let in to n1, which refuses it");
    }

    @Test
    void anObjectThatLiesAndIsNotReported() {
        guestAbis.put("f".repeat(64), new Content<>(Optional.empty(), Optional.empty()));
        assertThat(wrong()).containsExactly("GuestABI " + "f".repeat(64) + " does not hold, and nobody says so");
    }

    @Test
    void aCountThatIsWrong() {
        policies.put("a", policy(PIN, 1, "{}", 1));
        assertThat(wrong()).containsExactly("VirtualMachineABI a must count 2 nodes, 2 accepting");
    }

    @Test
    void aPinThatNobodyAskedFor() {
        change(policy(PIN, 1, "{}", 2), policy(OTHER, 2, "{}", 1));
        assertThat(broken)
                .contains("VirtualMachineABI a went from " + PIN.digest().label() + " to "
                        + OTHER.digest().label() + ", which nobody asked for");
    }

    @Test
    void aRaiseThatWasApprovedAndNotProvedByAll() {
        String approve = "{\"approve\": \"" + OTHER.digest().hex() + "\"}";
        change(policy(PIN, 1, approve, 2), policy(OTHER, 2, approve, 1));
        assertThat(broken)
                .containsExactly("VirtualMachineABI a was pinned to "
                        + OTHER.digest().label() + ", which node n1 has not proved");
    }

    @Test
    void aRaiseThatWasApprovedAndProvedByAll() {
        node("n1", NEW, PIN, OTHER);
        String approve = "{\"approve\": \"" + OTHER.digest().hex() + "\"}";
        change(policy(PIN, 1, approve, 2), policy(OTHER, 2, approve, 2));
        assertThat(broken).isEmpty();
    }

    @Test
    void aProofThatCameSinceTheLastLook() {
        String approve = "{\"approve\": \"" + OTHER.digest().hex() + "\"}";
        pins.saw(picture(), NOW);
        pins.saw(policy(PIN, 1, approve, 2), picture(), NOW);
        node("n1", NEW, PIN, OTHER);
        pins.saw(policy(OTHER, 2, approve, 2), picture(), NOW);
        assertThat(broken).isEmpty();
    }

    @Test
    void aBaselineThatIsLost() {
        Picture.Policy without = policies.get("a");
        change(policy(PIN, 1, "{}", 2), new Picture.Policy("a", "uid", LONG_AGO, without.spec(), Optional.empty()));
        assertThat(broken)
                .containsExactly(
                        "VirtualMachineABI a lost its baseline " + PIN.digest().label());
    }

    @Test
    void aWriteWithoutTheLease() {
        Writers writers = new Writers((object, what) -> broken.add(object + " " + what));
        writers.leads("one");
        assertThat(writers.mayWrite("one", "/api/v1/nodes/n1")).isTrue();
        writers.leads("other");
        assertThat(writers.mayWrite("one", "/api/v1/nodes/n1")).isFalse();
        assertThat(writers.mayWrite("one", "/api/v1/namespaces/vmabi-system/secrets/gate"))
                .isTrue();
        writers.tookUnled("one", "PATCH", "/api/v1/nodes/n1");
        assertThat(broken).containsExactly("operator one wrote without the lease: PATCH /api/v1/nodes/n1");
    }

    @Test
    void aTargetPodThatGoesAnywhere() {
        guests.admitted(target(PIN, Map.of("kubernetes.io/arch", "arm64")));
        assertThat(broken)
                .containsExactly(
                        "Pod virt-launcher-vm was let in and is not held to nodes that take its guest, which has"
                                + " nobody knows what; its stamp is "
                                + PIN.digest().label()
                                + ", its node selector {kubernetes.io/arch=arm64}");
    }

    @Test
    void aTargetPodHeldToNodesThatTakeAnotherGuestAbi() {
        vm("n2", OTHER);
        guests.admitted(target(OTHER, label(OTHER)));
        assertThat(broken).isEmpty();
        guests.admitted(target(PIN, label(PIN)));
        assertThat(broken)
                .containsExactly(
                        "Pod virt-launcher-vm was let in and is not held to nodes that take its guest, which has "
                                + OTHER.digest().label() + "; its stamp is "
                                + PIN.digest().label()
                                + ", its node selector " + label(PIN));
    }

    @Test
    void aTargetPodMadeBeforeItsVmWasStamped() {
        vm("n2", OTHER);
        Pod pod = target(OTHER, label(OTHER));
        pod.getMetadata().getLabels().remove(Expected.STAMP);
        guests.admitted(pod);
        assertThat(broken).isEmpty();
        pod.getSpec().setNodeSelector(label(PIN));
        guests.admitted(pod);
        assertThat(broken).hasSize(1);
    }

    @Test
    void aKernelTakesWhatItTakesWhateverIsSaidOfIt() {
        vm("n2", OTHER);
        assertThat(guests.taken("vm-uid", NEW)).isTrue();
        assertThat(guests.taken("vm-uid", OLD)).isFalse();
    }

    private static Map<String, String> label(GuestAbi abi) {
        return Map.of(Expected.PREFIX + abi.digest().label(), "true");
    }

    private static Pod target(GuestAbi stamp, Map<String, String> nodeSelector) {
        return new PodBuilder()
                .withNewMetadata()
                .withName("virt-launcher-vm")
                .addToLabels("kubevirt.io/created-by", "vm-uid")
                .addToLabels(Expected.STAMP, stamp.digest().label())
                .endMetadata()
                .withNewSpec()
                .withNodeSelector(nodeSelector)
                .endSpec()
                .build();
    }

    @Test
    void onlyTimeInWhichItCouldBeMendedCounts() {
        Patience patience = new Patience(Duration.ofSeconds(2));
        List<Mismatch> wrong = List.of(new Mismatch("Node n1", "is wrong"));
        assertThat(patience.look(wrong, NOW, Duration.ofSeconds(9)))
                .as("time before it was wrong")
                .isEmpty();
        assertThat(patience.look(wrong, NOW.plusSeconds(60), Duration.ZERO)).isEmpty();
        assertThat(patience.look(wrong, NOW.plusSeconds(62), Duration.ofSeconds(2)))
                .isEmpty();
        assertThat(patience.look(wrong, NOW.plusSeconds(63), Duration.ofSeconds(1)))
                .isEqualTo(wrong);
        assertThat(patience.look(wrong, NOW.plusSeconds(64), Duration.ofSeconds(1)))
                .as("told once")
                .isEmpty();
    }

    @Test
    void whereMuchIsWrongAtOnceTheLastIsWaitedForLonger() {
        Patience patience = new Patience(Duration.ofSeconds(2));
        List<Mismatch> wrong = IntStream.range(0, 100)
                .mapToObj(i -> new Mismatch("Node n" + i, "is wrong"))
                .toList();
        List<Mismatch> last = wrong.subList(99, 100);
        assertThat(patience.look(wrong, NOW, Duration.ZERO)).isEmpty();
        assertThat(patience.look(last, NOW.plusSeconds(4), Duration.ofSeconds(4)))
                .isEmpty();
        assertThat(patience.look(last, NOW.plusSeconds(5), Duration.ofSeconds(1)))
                .isEqualTo(last);
    }

    @Test
    void contentIsWaitedForLongerAndNothingForItsSake() {
        Patience patience = new Patience(Duration.ofSeconds(2));
        List<Mismatch> content = IntStream.range(0, 100)
                .mapToObj(i -> new Mismatch("GuestABI " + i, "is not answered"))
                .toList();
        Mismatch node = new Mismatch("Node n", "is wrong");
        List<Mismatch> wrong = Stream.concat(content.stream(), Stream.of(node)).toList();
        assertThat(patience.look(wrong, NOW, Duration.ZERO)).isEmpty();
        assertThat(patience.look(wrong, NOW.plusSeconds(3), Duration.ofSeconds(3)))
                .containsExactly(node);
        assertThat(patience.look(wrong, NOW.plusSeconds(12), Duration.ofSeconds(9)))
                .isEmpty();
        assertThat(patience.look(wrong, NOW.plusSeconds(13), Duration.ofSeconds(1)))
                .hasSameElementsAs(content);
    }

    @Test
    void onlyTimeBetweenTwoRenewalsThatNoFaultIsInCounts() {
        assertThat(counted(2_000, 2_000, false)).isBetween(Duration.ofMillis(3_500), Duration.ofSeconds(4));
        assertThat(counted(2_000, 6_000, false))
                .as("the leader was frozen or killed")
                .isBetween(Duration.ofMillis(1_500), Duration.ofSeconds(2));
        assertThat(counted(2_000, 2_000, true)).isZero();
    }

    /** Looks five times a second; the lease is renewed at the start, and after each of these times, in milliseconds. */
    private static Duration counted(long first, long second, boolean blocked) {
        LedTime led = new LedTime();
        Duration counted = Duration.ZERO;
        for (long at = 0; at <= first + second; at += 200) {
            long renewed = at < first ? 0 : at < first + second ? first : first + second;
            counted = counted.plus(led.look(NOW.plusMillis(at), NOW.plusMillis(renewed), blocked));
        }
        return counted;
    }

    @Test
    void aLookThatComesLateCountsAsOneLook() {
        LedTime led = new LedTime();
        assertThat(led.look(NOW, NOW, false)).isZero();
        assertThat(led.look(NOW.plusSeconds(3), NOW.plusSeconds(3), false)).isLessThan(Duration.ofSeconds(1));
    }

    @Test
    void timeThatCountsIsTold() {
        LedTime led = new LedTime();
        for (long at = 0; at <= 10_000; at += 200) {
            boolean blocked = at > 4_000 && at <= 6_000;
            Duration _ = led.look(NOW.plusMillis(at), NOW.plusMillis(at / 2_000 * 2_000), blocked);
        }
        assertThat(led.spans(NOW))
                .containsExactly(NOW + " to " + NOW.plusSeconds(4), NOW.plusSeconds(6) + " to " + NOW.plusSeconds(10));
        assertThat(led.spans(NOW.plusSeconds(5))).hasSize(1);
    }

    private void change(Picture.Policy before, Picture.Policy after) {
        policies.put("a", before);
        pins.saw(picture(), NOW);
        pins.saw(before, picture(), NOW);
        assertThat(broken).isEmpty();
        policies.put("a", after);
        pins.saw(picture(), NOW);
        pins.saw(after, picture(), NOW);
    }

    private List<String> wrong() {
        return new Expected()
                .mismatches(picture(), guests).stream().map(Mismatch::toString).toList();
    }

    private Picture picture() {
        return new Picture(nodes, reports, profiles, guestAbis, policies, vms);
    }

    private void vm(String node, GuestAbi stamp) {
        Picture.Vm vm = new Picture.Vm(
                "default/vm",
                "vm-uid",
                Optional.of(node),
                Optional.of(stamp.digest().label()));
        vms.put(vm.key(), vm);
        guests.saw(vm, picture());
    }

    private void node(String name, HostProfile host, GuestAbi... proved) {
        node(name, "boot-1", host, proved);
    }

    private void node(String name, String boot, HostProfile host, GuestAbi... proved) {
        Map<String, String> has = new HashMap<>(Map.of(
                "kubernetes.io/arch",
                "arm64",
                "pool",
                "a",
                Expected.PREFIX + "profile",
                host.digest().label()));
        for (GuestAbi abi : proved) {
            has.put(Expected.PREFIX + abi.digest().label(), "true");
        }
        nodes.put(name, new Picture.Node(name, has, boot, LONG_AGO));
        List<Map<String, Object>> proofs = List.of(PIN, OTHER).stream()
                .map(g -> Map.<String, Object>of(
                        "guestABI",
                        g.digest().hex(),
                        "accepted",
                        List.of(proved).contains(g),
                        "absent",
                        0))
                .toList();
        reports.put(
                name,
                new Picture.Report(
                        read(
                                Map.of(
                                        "kvm",
                                        Map.of("state", "Available"),
                                        "profile",
                                        host.digest().hex(),
                                        "bootID",
                                        boot,
                                        "proofs",
                                        proofs),
                                NodeABISpec.class),
                        read(
                                Map.of("policies", List.of(Map.of("policy", "a", "state", "Accepting"))),
                                NodeABIStatus.class)));
    }

    private static Picture.Policy policy(GuestAbi pin, int generation, String raise, int accepting) {
        Map<String, Object> spec =
                Map.of("nodeSelector", Map.of("matchLabels", Map.of("pool", "a")), "raise", json(raise));
        Map<String, Object> status = Map.of(
                "baseline",
                Map.of(
                        "generation",
                        generation,
                        "digest",
                        pin.digest().hex(),
                        "label",
                        pin.digest().label()),
                "nodes",
                Map.of("matched", 2, "accepting", accepting));
        return new Picture.Policy(
                "a",
                "uid",
                LONG_AGO,
                read(spec, VirtualMachineABISpec.class),
                read(status, VirtualMachineABIStatus.class));
    }

    private static Map<?, ?> json(String text) {
        return Serialization.unmarshal(text, Map.class);
    }

    private static <T> Optional<T> read(Map<String, Object> part, Class<T> type) {
        return Optional.of(Stored.read(part, "part", type).value());
    }

    private static Picture.Node labelled(Picture.Node node, String digest16, String value) {
        Map<String, String> labels = new HashMap<>(node.labels());
        if (value == null) {
            labels.remove(Expected.PREFIX + digest16);
        } else {
            labels.put(Expected.PREFIX + digest16, value);
        }
        return new Picture.Node(node.name(), labels, node.bootId(), node.created());
    }
}
