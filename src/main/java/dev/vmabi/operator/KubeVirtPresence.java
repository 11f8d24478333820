package dev.vmabi.operator;

import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinition;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.base.ResourceDefinitionContext;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import java.util.function.Consumer;

/** Notices when KubeVirt's VirtualMachineInstance is served and when it is not any more. */
final class KubeVirtPresence {
    private static final String VMI_CRD = "virtualmachineinstances.kubevirt.io";
    private static final ResourceDefinitionContext VMI = new ResourceDefinitionContext.Builder()
            .withGroup("kubevirt.io")
            .withVersion("v1")
            .withKind("VirtualMachineInstance")
            .withPlural("virtualmachineinstances")
            .withNamespaced(true)
            .build();

    private KubeVirtPresence() {}

    static SharedIndexInformer<?> watch(
            KubernetesClient client, Consumer<ResourceDefinitionContext> came, Runnable went) {
        SharedIndexInformer<CustomResourceDefinition> informer = client.apiextensions()
                .v1()
                .customResourceDefinitions()
                .withName(VMI_CRD)
                .runnableInformer(0);
        informer.addEventHandler(new ResourceEventHandler<>() {
            @Override
            public void onAdd(CustomResourceDefinition crd) {
                onUpdate(crd, crd);
            }

            @Override
            public void onUpdate(CustomResourceDefinition before, CustomResourceDefinition crd) {
                if (established(crd)) {
                    came.accept(VMI);
                }
            }

            @Override
            public void onDelete(CustomResourceDefinition crd, boolean finalStateUnknown) {
                went.run();
            }
        });
        informer.start();
        return informer;
    }

    private static boolean established(CustomResourceDefinition crd) {
        return crd.getStatus() != null
                && crd.getStatus().getConditions() != null
                && crd.getStatus().getConditions().stream()
                        .anyMatch(c -> "Established".equals(c.getType()) && "True".equals(c.getStatus()));
    }
}
