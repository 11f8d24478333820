package dev.vmabi.api;

import io.fabric8.crd.generator.annotation.AdditionalPrinterColumn;
import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.model.annotation.Categories;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Plural;
import io.fabric8.kubernetes.model.annotation.ShortNames;
import io.fabric8.kubernetes.model.annotation.Singular;
import io.fabric8.kubernetes.model.annotation.Version;

/**
 * What one node's agent found and proved. Cluster-scoped, named like its Node and owned by it. The spec is written by
 * that node's agent alone, the status by the operator alone.
 */
@Group(Names.GROUP)
@Version(Names.VERSION)
@Kind("NodeABI")
@Singular("nodeabi")
@Plural("nodeabis")
@ShortNames("nabi")
@Categories("vmabi-all")
@AdditionalPrinterColumn(
        name = "Profile",
        jsonPath = ".spec.profile",
        type = AdditionalPrinterColumn.Type.STRING,
        priority = 1)
@AdditionalPrinterColumn(name = "Kernel", jsonPath = ".spec.kernelRelease", type = AdditionalPrinterColumn.Type.STRING)
@AdditionalPrinterColumn(name = "KVM", jsonPath = ".spec.kvm.state", type = AdditionalPrinterColumn.Type.STRING)
@AdditionalPrinterColumn(
        name = "Fresh",
        jsonPath = ".status.conditions[?(@.type==\"Fresh\")].status",
        type = AdditionalPrinterColumn.Type.STRING)
@AdditionalPrinterColumn(
        name = "Compatible",
        jsonPath = ".status.conditions[?(@.type==\"Compatible\")].status",
        type = AdditionalPrinterColumn.Type.STRING)
@AdditionalPrinterColumn(
        name = "Age",
        jsonPath = ".metadata.creationTimestamp",
        type = AdditionalPrinterColumn.Type.DATE)
public final class NodeABI extends CustomResource<NodeABISpec, NodeABIStatus> {
    private static final long serialVersionUID = 1L;
}
