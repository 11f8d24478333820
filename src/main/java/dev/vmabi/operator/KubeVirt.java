package dev.vmabi.operator;

import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinition;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.base.ResourceDefinitionContext;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;

/** KubeVirt's VirtualMachineInstances, which a cluster may serve from the first, later, or never. */
final class KubeVirt {
    private static final String VMI_CRD = "virtualmachineinstances.kubevirt.io";
    private static final ResourceDefinitionContext VMI = new ResourceDefinitionContext.Builder()
            .withGroup("kubevirt.io")
            .withVersion("v1")
            .withKind("VirtualMachineInstance")
            .withPlural("virtualmachineinstances")
            .withNamespaced(true)
            .build();

    private KubeVirt() {}

    /** Tells of the definition of VirtualMachineInstances. */
    static SharedIndexInformer<CustomResourceDefinition> definition(KubernetesClient client) {
        return client.apiextensions()
                .v1()
                .customResourceDefinitions()
                .withName(VMI_CRD)
                .runnableInformer(0);
    }

    /** Tells of VirtualMachineInstances, where they are served. */
    static SharedIndexInformer<GenericKubernetesResource> instances(KubernetesClient client) {
        return client.genericKubernetesResources(VMI).inAnyNamespace().runnableInformer(0);
    }

    /** Whether the objects of a definition can be watched. */
    static boolean served(CustomResourceDefinition crd) {
        return crd.getStatus() != null
                && crd.getStatus().getConditions() != null
                && crd.getStatus().getConditions().stream()
                        .anyMatch(c -> "Established".equals(c.getType()) && "True".equals(c.getStatus()));
    }
}
