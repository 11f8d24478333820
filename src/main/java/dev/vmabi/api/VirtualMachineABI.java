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

/** The policy a user applies: which nodes form a pool, and the guest ABI the pool is held to. Cluster-scoped. */
@Group(Names.GROUP)
@Version(Names.VERSION)
@Kind("VirtualMachineABI")
@Singular("virtualmachineabi")
@Plural("virtualmachineabis")
@ShortNames("vmabi")
@Categories("vmabi-all")
@AdditionalPrinterColumn(
        name = "Baseline",
        jsonPath = ".status.baseline.label",
        type = AdditionalPrinterColumn.Type.STRING)
@AdditionalPrinterColumn(
        name = "Gen",
        jsonPath = ".status.baseline.generation",
        type = AdditionalPrinterColumn.Type.INTEGER)
@AdditionalPrinterColumn(
        name = "Nodes",
        jsonPath = ".status.nodes.matched",
        type = AdditionalPrinterColumn.Type.INTEGER)
@AdditionalPrinterColumn(
        name = "Fenced",
        jsonPath = ".status.nodes.fenced",
        type = AdditionalPrinterColumn.Type.INTEGER)
@AdditionalPrinterColumn(
        name = "VMs",
        jsonPath = ".status.virtualMachines.total",
        type = AdditionalPrinterColumn.Type.INTEGER)
@AdditionalPrinterColumn(
        name = "Ready",
        jsonPath = ".status.conditions[?(@.type==\"Ready\")].status",
        type = AdditionalPrinterColumn.Type.STRING)
@AdditionalPrinterColumn(
        name = "Age",
        jsonPath = ".metadata.creationTimestamp",
        type = AdditionalPrinterColumn.Type.DATE)
public final class VirtualMachineABI extends CustomResource<VirtualMachineABISpec, VirtualMachineABIStatus> {
    private static final long serialVersionUID = 1L;
}
