package dev.vmabi.operator;

import io.fabric8.kubernetes.client.dsl.base.ResourceDefinitionContext;

/** KubeVirt's kinds, which a cluster may serve from the first, later, or never. */
final class KubeVirt {
    static final ResourceDefinitionContext INSTANCES = kind("VirtualMachineInstance", "virtualmachineinstances");
    static final ResourceDefinitionContext MIGRATIONS =
            kind("VirtualMachineInstanceMigration", "virtualmachineinstancemigrations");

    private KubeVirt() {}

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
