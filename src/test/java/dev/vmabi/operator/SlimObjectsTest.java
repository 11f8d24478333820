package dev.vmabi.operator;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmabi.fleet.Views;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceList;
import io.fabric8.kubernetes.api.model.WatchEvent;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SlimObjectsTest {
    private static final String VM = """
            {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance",
             "metadata": {"name": "web", "namespace": "shop", "uid": "u", "labels": {"app": "shop"},
                          "annotations": {"a": "b"}},
             "spec": {"architecture": "arm64", "nodeSelector": {"zone": "b"},
                      "volumes": [{"name": "root", "dataVolume": {"name": "root"}}],
                      "domain": {"devices": {"disks": [{"name": "root"}]},
                                 "cpu": {"cores": 2, "features": [{"name": "sve", "policy": "disable"}]}}},
             "status": {"nodeName": "n1", "phase": "Running", "machine": {"type": "virt-10.0"},
                        "interfaces": [{"name": "default"}],
                        "migrationState": {"completed": true, "sourceNode": "n2"}}}""";

    private final KubernetesSerialization whole = new KubernetesSerialization();
    private final KubernetesSerialization slim = slim();

    private static KubernetesSerialization slim() {
        ObjectMapper mapper = new ObjectMapper();
        KubernetesSerialization serialization = new KubernetesSerialization(mapper, true);
        new SlimObjects().customize(mapper);
        return serialization;
    }

    @Test
    void keepsOfAVmWhatDecisionsRead() {
        GenericKubernetesResource vm = slim.unmarshal(VM, GenericKubernetesResource.class);
        assertThat(Views.vm(vm)).isPresent().isEqualTo(Views.vm(whole.unmarshal(VM, GenericKubernetesResource.class)));
        assertThat(vm.<Object>get("spec")).asString().doesNotContain("volumes", "devices", "cores");
        assertThat(vm.<Object>get("status")).asString().doesNotContain("interfaces", "sourceNode");
        assertThat(vm.getMetadata().getAnnotations()).containsEntry("a", "b");
    }

    @Test
    void keepsTheSameInLists() {
        GenericKubernetesResourceList list = slim.unmarshal(
                "{\"apiVersion\": \"kubevirt.io/v1\", \"kind\": \"VirtualMachineInstanceList\", \"items\": [" + VM
                        + "]}",
                GenericKubernetesResourceList.class);
        assertThat(list.getItems()).containsExactly(slim.unmarshal(VM, GenericKubernetesResource.class));
    }

    @Test
    void keepsTheSameOfWhatAWatchTells() {
        assertThat(watched(VM)).isEqualTo(slim.unmarshal(VM, GenericKubernetesResource.class));
    }

    @Test
    void bringsAVmThroughThatIsNotOfItsShape() {
        String bad = VM.replace("{\"nodeName\": \"n1\"", "{\"machine\": 7, \"nodeName\": \"n1\"")
                .replace("\"domain\": {", "\"domain\": 5, \"other\": {");
        assertThat(watched(bad)).isInstanceOf(GenericKubernetesResource.class);
        assertThat(((GenericKubernetesResource) watched(VM.replaceAll("(?s)\"spec\".*", "\"spec\": 3}")))
                        .getAdditionalProperties())
                .isEqualTo(Map.of("spec", 3));
    }

    private Object watched(String object) {
        return slim.unmarshal("{\"type\": \"MODIFIED\", \"object\": " + object + "}", WatchEvent.class)
                .getObject();
    }
}
