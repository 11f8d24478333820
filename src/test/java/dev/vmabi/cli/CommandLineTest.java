package dev.vmabi.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.vmabi.abi.RecordedHosts;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

class CommandLineTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private Path directory;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @BeforeEach
    void writeHosts() throws IOException {
        for (String name : RecordedHosts.names()) {
            Files.writeString(directory.resolve(name + ".json"), RecordedHosts.text(name + ".json"));
        }
    }

    private int run(String... args) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        CommandLine line = VmAbi.commandLine();
        line.setOut(new PrintWriter(out, true));
        line.setErr(new PrintWriter(err, true));
        return line.execute(args);
    }

    private String file(String host) {
        return directory.resolve("linux-" + host + ".json").toString();
    }

    static List<RecordedHosts.Pair> pairs() {
        return RecordedHosts.pairs();
    }

    @ParameterizedTest
    @MethodSource("pairs")
    void checkSaysWhatQemuDid(RecordedHosts.Pair pair) {
        int code = run(
                "check",
                "--vmm",
                pair.vmm().toString(),
                "--clamp",
                pair.clamp().toString(),
                "--from",
                directory.resolve(pair.from() + ".json").toString(),
                "--to",
                directory.resolve(pair.to() + ".json").toString());
        assertThat(code).as("%s%s", out, err).isEqualTo(pair.accepted() ? 0 : 1);
        assertThat(out.toString()).startsWith(pair.accepted() ? "accept" : "refuse");
        assertThat(err.toString()).isEmpty();
    }

    @Test
    void checkAnswersInJson() throws IOException {
        int code = run("check", "--vmm=qemu:10.0", "--from", file("6.18-max"), "--to", file("6.12-max"), "-o", "json");
        JsonNode answer = JSON.readTree(out.toString());
        assertThat(code).isEqualTo(1);
        assertThat(answer.get("verdict").textValue()).isEqualTo("refuse");
        JsonNode refusal = answer.get("refusals").get(0);
        assertThat(refusal.get("kind").textValue()).isEqualTo("ValueAbove");
        assertThat(refusal.get("register").textValue()).isEqualTo("PSCI_VERSION");
        assertThat(refusal.get("guest").textValue()).isEqualTo("1.3");
        assertThat(refusal.get("cure").textValue()).contains("psci=1.1");
    }

    @Test
    void oneWayIsSaidAndIsExitZero() {
        int code = run("check", "--vmm=qemu:10.0", "--from", file("6.1-max"), "--to", file("6.18-max"));
        assertThat(code).isZero();
        assertThat(out.toString()).startsWith("accept, one-way").contains("linux-6.1-max would refuse");
    }

    @Test
    void diffNamesFieldsAndFeatures() {
        assertThat(run("diff", file("6.1-max"), file("6.18-max"))).isZero();
        assertThat(out.toString())
                .contains("ID_AA64MMFR1_EL1.HCX", "FEAT_HCX", "VENDOR_HYP_BMAP_2", "PSCI_VERSION")
                .doesNotContain("@|");
    }

    @Test
    void planShowsTheMinimumOrTheClasses() throws IOException {
        assertThat(run("plan", "--vmm=qemu:11.1", file("6.12-max"), file("6.18-max"), "-o", "yaml"))
                .isZero();
        JsonNode plan = new YAMLMapper().readTree(out.toString());
        assertThat(plan.get("common").booleanValue()).isTrue();
        assertThat(plan.get("clamp").textValue()).isEqualTo("psci=1.1");
        assertThat(plan.get("holdsDown").findValuesAsText("register")).contains("PSCI_VERSION");

        assertThat(run("plan", "--vmm=qemu:11.1", directory.toString())).isEqualTo(1);
        assertThat(out.toString()).contains("no minimum", "9 classes", "MIDR_EL1", "implementation ID differs");
    }

    @Test
    void showWritesAProfileThatReadsBackAsTheSame() throws IOException {
        for (String form : List.of("json", "yaml")) {
            assertThat(run("show", file("6.18-max"), "-o", form)).isZero();
            Path profile = directory.resolve("profile." + form);
            Files.writeString(profile, out.toString());
            assertThat(HostReader.read(profile).profile())
                    .isEqualTo(HostReader.read(Path.of(file("6.18-max"))).profile());
        }
    }

    @Test
    void takenShowsMeasuredAndComputed() {
        assertThat(run("taken", file("6.12-cortex-a76"))).isZero();
        assertThat(out.toString()).contains("measured", "ID_DFR0_EL1.PerfMon", "0xf~");
        assertThat(run("taken", "--computed", file("6.12-cortex-a76"))).isZero();
        assertThat(out.toString()).contains("computed").contains("ID_AA64DFR0_EL1.DebugVer");
    }

    @Test
    void exportSpeaksEachVmmsForm() throws IOException {
        String[] hosts = {file("6.12-cortex-a76"), file("6.18-cortex-a76")};
        assertThat(run("export", "--format=qemu-cpu", hosts[0], hosts[1])).isZero();
        assertThat(out.toString().strip()).isEqualTo("host,kvm-psci-version=1.1");
        assertThat(err.toString()).contains("cannot impose VENDOR_HYP_BMAP_2");
        assertThat(run("export", "--format=firecracker-template", hosts[0], hosts[1]))
                .isZero();
        JsonNode modifier = JSON.readTree(out.toString()).get("reg_modifiers").get(0);
        assertThat(modifier.get("addr").textValue()).isEqualTo("0x6030000000140000");
        assertThat(modifier.get("bitmap").textValue()).hasSize(66).endsWith("10000000000000001");
        assertThat(run("export", "--format=registers", hosts[0])).isZero();
        assertThat(out.toString()).contains("ID_AA64PFR0_EL1");
        assertThat(run("export", "--format=xml", hosts[0])).isEqualTo(2);
    }

    @Test
    void aFingerprintIsReadAndWhatItLacksIsSaidToBeUnknown() throws IOException {
        Path fingerprint = directory.resolve("fingerprint.json");
        Files.writeString(fingerprint, fingerprint("linux-6.18-cortex-a76"));
        assertThat(run("show", fingerprint.toString())).isZero();
        assertThat(out.toString()).contains("6.18.30", "writable masks  unknown", "capabilities    unknown");
        assertThat(HostReader.read(fingerprint).profile().defaultGuestAbi())
                .isEqualTo(RecordedHosts.profile("linux-6.18-cortex-a76").defaultGuestAbi());
        assertThat(run("check", "--vmm=firecracker", "--from", file("6.12-cortex-a76"), "--to", fingerprint.toString()))
                .isEqualTo(1);
        assertThat(out.toString()).contains("TCR2_EL1", "not measured");
    }

    /** The same host as Firecracker's cpu-template-helper would have written it. */
    private static String fingerprint(String name) throws IOException {
        JsonNode dump = JSON.readTree(RecordedHosts.text(name + ".json"));
        ObjectNode root = JSON.createObjectNode();
        root.put("firecracker_version", "1.16.0").put("kernel_version", "6.18.30-40.108.amzn2023.aarch64");
        ArrayNode modifiers = root.putObject("guest_cpu_config").putArray("reg_modifiers");
        dump.get("registers").properties().forEach(e -> {
            String bits = Long.toBinaryString(
                    Long.parseUnsignedLong(e.getValue().textValue().substring(2), 16));
            modifiers.addObject().put("addr", e.getKey()).put("bitmap", "0b" + "0".repeat(64 - bits.length()) + bits);
        });
        dump.get("otherRegisterIds")
                .forEach(id -> modifiers.addObject().put("addr", id.textValue()).put("bitmap", "0b" + "0".repeat(128)));
        return root.toString();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            {"registers": {"0x603000000013c000": | is not sound JSON at line 1
            {"registers": {"0x603000000013c000": "0xzz"}, "vcpu": {"features0": "0xc"}} | registers.0x603000000013c000: value "0xzz" is not hexadecimal
            {"registers": {"0x603000000013c000": "0x1ffffffffffffffff"}, "vcpu": {"features0": "0xc"}} | 1 to 16 hexadecimal digits
            {"registers": {"0x603000000013c000": "0x1", "0x603000000013c000": "0x2"}} | Duplicate field '0x603000000013c000'
            {"registers": {"0x603000000013c000": "0x1", "0x603000000013C000": "0x2"}, "vcpu": {"features0": "0xc"}} | registers: 0x603000000013c000 is there twice
            {"registers": {"0x603000000013c000": 5}, "vcpu": {"features0": "0xc"}} | registers.0x603000000013c000: must be text, not 5
            {"registers": {}} | registers: must not be empty
            {"registers": {"0x603000000013c000": "0x1"}} | vcpu.features0: is missing
            {"registers": {"0x603000000013c000": "0x1"}, "vcpu": {"features0": "0x100000"}} | vcpu.features0: vCPU feature bits 0x100000 are not known
            {"registers": {"0x603000000013c000": "0x1"}, "vcpu": {"features0": "0xc"}, "taken": {"0x603000000013c000": {"nibbles": {"0": "AX"}}}} | taken.0x603000000013c000: nibble 0 has 2 letters, not 16
            {"guest_cpu_config": {"reg_modifiers": [{"addr": "0x603000000013c000", "bitmap": "0b12"}]}} | guest_cpu_config.reg_modifiers[0].bitmap: must be 0b and binary digits
            {"guest_cpu_config": {"reg_modifiers": [{"addr": "0x603000000013c000"}]}} | guest_cpu_config.reg_modifiers[0].bitmap: must be text
            {"guestAbi": {"registers": {"0x603000000013c103": "0x1"}}} | TCR2_EL1 is state, not ABI
            {"guestAbi": {"registers": {"0x603000000013c000": "0x1"}, "vcpuFeatures": ["MAGIC"]}} | vcpuFeatures: "MAGIC" is not one of
            {"guestAbi": {"nonsense": 1}} | nonsense
            {"hello": 1} | is neither a profile
            [1, 2] | must be a JSON or YAML object
            : : : | is not JSON or YAML
            """)
    void badInputIsNamed(String text, String message) throws IOException {
        Path bad = directory.resolve("bad.json");
        Files.writeString(bad, text);
        assertThat(run("check", "--from", bad.toString(), "--to", file("6.12-max")))
                .isEqualTo(2);
        assertThat(err.toString()).startsWith("vmabi: " + bad + ": ").contains(message);
        assertThat(err.toString().lines()).as("one line, no stack trace").hasSize(1);
        assertThat(out.toString()).isEmpty();
    }

    @Test
    void hugeEmptyMissingAndBinaryFilesAreNamed() throws IOException {
        Path zeros = directory.resolve("zeros.json");
        Files.write(zeros, new byte[10 * 1024 * 1024]);
        assertBad(zeros, "is larger than 2 MiB");
        Path small = directory.resolve("small.json");
        Files.write(small, new byte[1000]);
        assertBad(small, "is not JSON or YAML");
        Path empty = directory.resolve("empty.json");
        Files.writeString(empty, "");
        assertBad(empty, "is empty");
        Path latin = directory.resolve("latin.json");
        Files.write(latin, new byte[] {'{', (byte) 0xE9, '}'});
        assertBad(latin, "cannot be read as UTF-8");
        assertBad(directory.resolve("absent.json"), "no such file");
        Path none = Files.createDirectory(directory.resolve("none"));
        assertThat(run("plan", none.toString())).isEqualTo(2);
        assertThat(err.toString()).contains("no hosts");
    }

    private void assertBad(Path file, String message) {
        assertThat(run("show", file.toString())).isEqualTo(2);
        assertThat(err.toString()).startsWith("vmabi: " + file).contains(message);
        assertThat(err.toString().lines()).hasSize(1);
    }

    @Test
    void oneHostIsItsOwnMinimum() {
        assertThat(run("plan", file("6.18-max"))).isZero();
        assertThat(out.toString()).contains("1 host", "minimum");
    }

    @Test
    void badOptionsAreNamed() {
        String[] hosts = {"--from", file("6.12-max"), "--to", file("6.12-max")};
        assertThat(run("check", "--vmm=xen", hosts[0], hosts[1], hosts[2], hosts[3]))
                .isEqualTo(2);
        assertThat(err.toString()).contains("VMM \"xen\" is not known");
        assertThat(run("check", "--clamp=speed=9", hosts[0], hosts[1], hosts[2], hosts[3]))
                .isEqualTo(2);
        assertThat(err.toString()).contains("speed=9");
        assertThat(run("plan", "--exclude=FEAT_SVE3", file("6.12-max"))).isEqualTo(2);
        assertThat(err.toString()).contains("FEAT_SVE3", "nearest");
        assertThat(run()).isEqualTo(2);
        assertThat(run("--help")).isZero();
    }
}
