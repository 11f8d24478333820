package dev.vmabi.fleet;

/** Something that happened and that people may want to be told; recorded as a Kubernetes Event on its object. */
public record FleetEvent(Reason reason, String note) {

    /** Reasons of events, as {@code kubectl get events} shows them; docs/reference/conditions.md has each. */
    public enum Reason {
        BaselinePinned(true),
        BaselineRaised(true),
        BaselineReturned(true),
        BaselineLowered(true),
        RaiseFinalised(true),
        RaiseAvailable(true),
        FenceRaised(true),
        NodeAccepted(true),
        VirtualMachineStamped(true),
        OneWayMove(true),
        LoweringRefused(false),
        MigrationDenied(false),
        NodeFenced(false),
        NodeReportStale(false),
        NoCommonABI(false),
        PolicyInvalid(false),
        PolicyConflict(false),
        StatusUnreadable(false),
        ContentInvalid(false);

        private final boolean normal;

        Reason(boolean normal) {
            this.normal = normal;
        }

        /** {@code Normal} or {@code Warning}, as Kubernetes calls them. */
        public String type() {
            return normal ? "Normal" : "Warning";
        }
    }
}
