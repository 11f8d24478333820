package dev.vmabi.gate;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmabi.fleet.Imposition;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.ByteArrayInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/** The hook as it is shipped, called as KubeVirt's sidecar calls it: {@code --vmi JSON --domain XML}. */
class HookScriptTest {
    private static final String QEMU = "http://libvirt.org/schemas/domain/qemu/1.0";
    private static final String DOMAIN = "<domain type=\"kvm\" xmlns:qemu=\"" + QEMU
            + "\"><name>tenant-a_vm</name><cpu mode=\"host-passthrough\"></cpu></domain>";

    @TempDir
    private Path directory;

    private String run(String vmi, String domain) throws Exception {
        ConfigMap hook =
                Serialization.unmarshal(Files.newInputStream(Path.of("deploy/kubevirt-hook.yaml")), ConfigMap.class);
        Path script = Files.writeString(
                directory.resolve("onDefineDomain"), hook.getData().get("clamp.sh"));
        Process process = new ProcessBuilder("sh", script.toString(), "--vmi", vmi, "--domain", domain)
                .redirectErrorStream(true)
                .start();
        String out = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(out).isZero();
        return out;
    }

    private static String vmi(String clamp) {
        return """
                {"kind": "VirtualMachineInstance", "metadata": {"name": "vm", "annotations": {
                  "kubectl.kubernetes.io/last-applied-configuration": "{\\"vmabi.dev/clamp\\":\\"pmu=off\\"}",
                  "vmabi.dev/clamp": "%s", "other": "psci=9.9"}}, "spec": {"architecture": "arm64"}}
                """.formatted(clamp);
    }

    private static Document parsed(String xml) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        return factory.newDocumentBuilder().parse(new ByteArrayInputStream(xml.getBytes(UTF_8)));
    }

    private static List<String> arguments(String xml) throws Exception {
        Document document = parsed(xml);
        assertThat(document.getDocumentElement().getElementsByTagName("name").getLength())
                .isEqualTo(1);
        assertThat(document.getElementsByTagNameNS(QEMU, "commandline").getLength())
                .isEqualTo(1);
        NodeList args = document.getElementsByTagNameNS(QEMU, "arg");
        List<String> values = new ArrayList<>();
        for (int i = 0; i < args.getLength(); i++) {
            values.add(((Element) args.item(i)).getAttribute("value"));
        }
        return values;
    }

    @Test
    void whatIsToBeImposedGoesToQemusCommandLine() throws Exception {
        assertThat(arguments(run(vmi("psci=1.1,pmu=off,steal-time=off"), DOMAIN)))
                .containsExactly(
                        "-global",
                        "host-arm-cpu.kvm-psci-version=1.1",
                        "-global",
                        "host-arm-cpu.pmu=off",
                        "-global",
                        "host-arm-cpu.kvm-steal-time=off");
    }

    @Test
    void argumentsThatAreThereStay() throws Exception {
        String domain = DOMAIN.replace(
                "</domain>", "<qemu:commandline><qemu:arg value=\"-fw_cfg\"/></qemu:commandline></domain>");
        assertThat(arguments(run(vmi("pmu=off"), domain)))
                .containsExactly("-global", "host-arm-cpu.pmu=off", "-fw_cfg");
    }

    /** KubeVirt indents the domain by tabs, with what it puts on the command line itself in the middle. */
    @Test
    void aDomainAsKubeVirtWritesIt() throws Exception {
        String domain = DOMAIN.replace("><", ">\n\t<")
                .replace(
                        "<cpu",
                        "<qemu:commandline>\n\t\t<qemu:arg value=\"-fw_cfg\"></qemu:arg>\n\t</qemu:commandline>\n\t<cpu");
        assertThat(arguments(run(vmi("psci=1.1"), domain)))
                .containsExactly("-global", "host-arm-cpu.kvm-psci-version=1.1", "-fw_cfg");
    }

    /** v1alpha3 is the first version of the protocol in which KubeVirt ends the sidecar (its pull request 10046). */
    @Test
    void theAnnotationThatIsShownNamesThisHook() throws Exception {
        String file = Files.readString(Path.of("deploy/kubevirt-hook.yaml"));
        String shown =
                file.substring(file.indexOf('['), file.indexOf("}}]'") + 3).replaceAll("\n#\\s*", " ");
        JsonNode sidecar = new ObjectMapper().readTree(shown).get(0);
        assertThat(Imposition.hooked(shown)).isTrue();
        assertThat(sidecar.path("args").valueStream().map(JsonNode::asText)).containsExactly("--version", "v1alpha3");
        assertThat(sidecar.at("/configMap/name").asText()).isEqualTo("vmabi-hook");
        assertThat(sidecar.at("/configMap/key").asText()).isEqualTo("clamp.sh");
        assertThat(sidecar.at("/configMap/hookPath").asText()).isEqualTo("/usr/bin/onDefineDomain");
    }

    @Test
    void aDomainWithoutTheNamespaceGetsIt() throws Exception {
        String domain = DOMAIN.replace(" xmlns:qemu=\"" + QEMU + "\"", "");
        assertThat(arguments(run(vmi("psci=1.1"), domain)))
                .containsExactly("-global", "host-arm-cpu.kvm-psci-version=1.1");
    }

    @Test
    void withNothingToImposeTheDomainIsTheSame() throws Exception {
        assertThat(run(vmi(""), DOMAIN)).isEqualTo(DOMAIN);
        assertThat(run(vmi("sve=off,unknown=1"), DOMAIN)).isEqualTo(DOMAIN);
        assertThat(run("{\"metadata\": {}}", DOMAIN)).isEqualTo(DOMAIN);
    }
}
