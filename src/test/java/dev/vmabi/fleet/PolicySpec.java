package dev.vmabi.fleet;

import dev.vmabi.api.VirtualMachineABISpec;
import dev.vmabi.api.VirtualMachineABISpec.Baseline;
import dev.vmabi.api.VirtualMachineABISpec.BaselineSource;
import dev.vmabi.api.VirtualMachineABISpec.Fence;
import dev.vmabi.api.VirtualMachineABISpec.FenceRaise;
import dev.vmabi.api.VirtualMachineABISpec.Raise;
import dev.vmabi.api.VirtualMachineABISpec.RaiseStrategy;
import dev.vmabi.api.VirtualMachineABISpec.Surface;
import dev.vmabi.api.VirtualMachineABISpec.Vmm;
import dev.vmabi.api.VirtualMachineABISpec.VmmName;
import dev.vmabi.api.VirtualMachineABISpec.Workloads;
import io.fabric8.kubernetes.api.model.LabelSelector;
import io.fabric8.kubernetes.api.model.LabelSelectorBuilder;
import java.util.List;

/** A policy's spec, changed one part at a time. */
record PolicySpec(
        LabelSelector nodes,
        LabelSelector vms,
        BaselineSource source,
        String profile,
        List<String> require,
        List<String> exclude,
        RaiseStrategy strategy,
        String soak,
        String approve,
        List<Fence> fences,
        String vmmVersion,
        String lowerTo) {

    /** Of the nodes labelled {@code pool: <pool>}, under QEMU 11.1, raised by hand, with a soak of an hour. */
    static PolicySpec of(String pool) {
        LabelSelector selector =
                new LabelSelectorBuilder().addToMatchLabels("pool", pool).build();
        return new PolicySpec(
                selector,
                null,
                BaselineSource.FleetMinimum,
                null,
                List.of(),
                List.of(),
                RaiseStrategy.Manual,
                "1h",
                null,
                List.of(),
                "11.1",
                null);
    }

    VirtualMachineABISpec spec() {
        return new VirtualMachineABISpec(
                nodes,
                new Workloads(null, vms),
                new Baseline(source, profile, require, exclude, lowerTo),
                new Raise(strategy, soak, approve),
                fences,
                new Vmm(VmmName.qemu, vmmVersion),
                null,
                null,
                null,
                null);
    }

    PolicySpec nodes(LabelSelector selector) {
        return new PolicySpec(
                selector, vms, source, profile, require, exclude, strategy, soak, approve, fences, vmmVersion, lowerTo);
    }

    PolicySpec profile(String digest) {
        return new PolicySpec(
                nodes,
                vms,
                BaselineSource.Profile,
                digest,
                require,
                exclude,
                strategy,
                soak,
                approve,
                fences,
                vmmVersion,
                lowerTo);
    }

    PolicySpec require(String... features) {
        return new PolicySpec(
                nodes,
                vms,
                source,
                profile,
                List.of(features),
                exclude,
                strategy,
                soak,
                approve,
                fences,
                vmmVersion,
                lowerTo);
    }

    PolicySpec exclude(String... features) {
        return new PolicySpec(
                nodes,
                vms,
                source,
                profile,
                require,
                List.of(features),
                strategy,
                soak,
                approve,
                fences,
                vmmVersion,
                lowerTo);
    }

    PolicySpec automatic(String soakFor) {
        return new PolicySpec(
                nodes,
                vms,
                source,
                profile,
                require,
                exclude,
                RaiseStrategy.Automatic,
                soakFor,
                approve,
                fences,
                vmmVersion,
                lowerTo);
    }

    PolicySpec soak(String soakFor) {
        return new PolicySpec(
                nodes, vms, source, profile, require, exclude, strategy, soakFor, approve, fences, vmmVersion, lowerTo);
    }

    PolicySpec approve(String digest) {
        return new PolicySpec(
                nodes, vms, source, profile, require, exclude, strategy, soak, digest, fences, vmmVersion, lowerTo);
    }

    PolicySpec fence(Surface surface, FenceRaise raise) {
        return new PolicySpec(
                nodes,
                vms,
                source,
                profile,
                require,
                exclude,
                strategy,
                soak,
                approve,
                List.of(new Fence(surface, null, null, raise)),
                vmmVersion,
                lowerTo);
    }

    PolicySpec withoutFences() {
        return new PolicySpec(
                nodes, vms, source, profile, require, exclude, strategy, soak, approve, List.of(), vmmVersion, lowerTo);
    }

    PolicySpec vmm(String version) {
        return new PolicySpec(
                nodes, vms, source, profile, require, exclude, strategy, soak, approve, fences, version, lowerTo);
    }

    PolicySpec lowerTo(String digest) {
        return new PolicySpec(
                nodes, vms, source, profile, require, exclude, strategy, soak, approve, fences, vmmVersion, digest);
    }

    PolicySpec fence(String qemuVersion, FenceRaise raise) {
        return new PolicySpec(
                nodes,
                vms,
                source,
                profile,
                require,
                exclude,
                strategy,
                soak,
                approve,
                List.of(new Fence(null, VmmName.qemu, qemuVersion, raise)),
                vmmVersion,
                lowerTo);
    }
}
