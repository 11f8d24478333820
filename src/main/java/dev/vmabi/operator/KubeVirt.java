package dev.vmabi.operator;

import dev.vmabi.fleet.FleetState;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceBuilder;
import io.fabric8.kubernetes.client.dsl.base.ResourceDefinitionContext;

/** KubeVirt's kinds, which a cluster may serve from the first, later, or never. */
final class KubeVirt {
    static final ResourceDefinitionContext INSTANCES = kind("VirtualMachineInstance", "virtualmachineinstances");
    static final ResourceDefinitionContext MIGRATIONS =
            kind("VirtualMachineInstanceMigration", "virtualmachineinstancemigrations");

    private KubeVirt() {}

    /** A VM's object with what says which one it is and no more: to patch, or to tell events of. */
    static GenericKubernetesResource instance(FleetState.Vm vm) {
        return object(INSTANCES, vm.namespace(), vm.name(), vm.uid());
    }

    /** The same of any object of one of these kinds. */
    static GenericKubernetesResource object(ResourceDefinitionContext kind, String namespace, String name, String uid) {
        return new GenericKubernetesResourceBuilder()
                .withApiVersion(kind.getGroup() + "/" + kind.getVersion())
                .withKind(kind.getKind())
                .withNewMetadata()
                .withNamespace(namespace)
                .withName(name)
                .withUid(uid)
                .endMetadata()
                .build();
    }

    private static ResourceDefinitionContext kind(String kind, String plural) {
        return new ResourceDefinitionContext.Builder()
                .withGroup("kubevirt.io")
                .withVersion("v1")
                .withKind(kind)
                .withPlural(plural)
                .withNamespaced(true)
                .build();
    }
}
